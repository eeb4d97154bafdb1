//! `portcullis check` and `portcullis envoy-config`, as a user runs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::process::Output;
use std::time::{Duration, Instant};

use portcullis_harness::gateway::{portcullis, portcullis_output};
use portcullis_harness::{envoy, repository};

const DEMO: &str = "examples/demo/config.yaml";
/// They say the same.
const FORMATS: [&str; 3] = [
    "examples/formats/config.yaml",
    "examples/formats/config.json",
    "examples/formats/config.toml",
];

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Checks a changed copy of the demo's configuration; exit code and output.
fn check(change: impl FnOnce(String) -> String) -> (Option<i32>, String) {
    check_for(&[], change)
}

/// The same with further arguments.
fn check_for(arguments: &[&str], change: impl FnOnce(String) -> String) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let demo = std::fs::read_to_string(repository::root().join(DEMO)).unwrap();
    std::fs::write(directory.path().join("config.yaml"), change(demo)).unwrap();
    let mut command = portcullis();
    let output = command
        .args(["check", "-c", "config.yaml"])
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap();
    (output.status.code(), text(&output))
}

/// `config.yaml:LINE:COLUMN` of a text in the demo's configuration.
fn place(wanted: &str) -> String {
    let demo = std::fs::read_to_string(repository::root().join(DEMO)).unwrap();
    let (at, line) = demo
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(wanted))
        .unwrap();
    format!("config.yaml:{}:{}", at + 1, line.find(wanted).unwrap() + 1)
}

#[test]
fn the_demos_configuration_is_good() {
    let output = portcullis_output(&["check", "-c", DEMO]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let all = text(&output).to_ascii_lowercase();
    assert!(!all.contains("warning:") && !all.contains("error:"), "{all}");
}

#[test]
fn the_example_is_good_in_every_format_and_means_the_same() {
    let printed = FORMATS.map(|file| {
        let checked = portcullis_output(&["check", "-c", file]);
        assert_eq!(checked.status.code(), Some(0), "{file}: {}", text(&checked));
        assert_eq!(text(&checked), "0 errors, 0 warnings\n", "{file}");
        let printed = portcullis_output(&["envoy-config", "-c", file]);
        assert_eq!(printed.status.code(), Some(0), "{file}: {}", text(&printed));
        printed.stdout
    });
    assert!(!printed[0].is_empty());
    assert!(printed.iter().all(|one| *one == printed[0]), "they differ");
}

#[test]
fn a_misspelt_key_is_a_warning_with_the_right_one() {
    let wanted = "allow_any_authenticated_user: true";
    let (code, text) = check(|demo| demo.replace(wanted, "alow_any_authenticated_user: true"));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("warning") && text.contains(&place(wanted)),
        "{} in {text}",
        place(wanted)
    );
    assert!(text.contains("`allow_any_authenticated_user`"), "{text}");
}

#[test]
fn errors_have_a_place_and_exit_with_1() {
    let user = "allow_any_authenticated_user: true";
    let (code, text) = check(|demo| demo.replace(user, "allowed_groups: [admins]"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("error") && text.contains(&place(user)), "{text}");

    let to = "to: http://127.0.0.1:9081";
    let (code, text) = check(|demo| demo.replacen(to, "to: ftp://127.0.0.1:9081", 1));
    assert_eq!(code, Some(1), "{text}");
    let value = place(to)
        .rsplit_once(':')
        .map(|(line, column)| (line.to_owned(), column.parse::<usize>().unwrap() + 4));
    let (line, column) = value.unwrap();
    assert!(
        text.contains(&format!("{line}:{column}")),
        "{line}:{column} in {text}"
    );

    let claim = "claim/groups: admins";
    let (code, text) = check(|demo| demo.replace(claim, "clam/groups: admins"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&place(claim)), "{text}");

    let (code, text) = check(|demo| format!("{demo}\n- [unclosed\n"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("config.yaml:"), "{text}");
}

#[test]
fn every_problem_is_told_at_once() {
    let (code, text) = check(|demo| {
        demo.replacen("to: http", "to: ftp", 1)
            .replace("claim/groups", "clam/groups")
            .replace("idp_client_id", "idp_clint_id")
    });
    assert_eq!(code, Some(1));
    for part in ["`ftp`", "`clam", "`idp_clint_id`"] {
        assert!(text.contains(part), "nothing about `{part}` in {text}");
    }
}

/// What is too little for one command is enough for another, and each says what it would
/// say itself.
#[test]
fn a_file_is_checked_for_the_command_that_reads_it() {
    const OWN: &str = "authenticate_service_url: https://authenticate.localhost:8443\n";
    let said = |arguments: &[&str], change: &dyn Fn(String) -> String| {
        let (code, text) = check_for(arguments, change);
        assert_eq!(code, Some(i32::from(text.contains("error: "))), "{text}");
        text
    };
    let one_host = |demo: String| {
        assert!(demo.contains(OWN), "the demo names its authenticate service");
        demo.replace(OWN, "")
    };
    for arguments in [&[][..], &["--for", "run"], &["--for", "control-plane"]] {
        let told = said(arguments, &one_host);
        assert!(told.contains("warning: hosted_authenticate: "), "{told}");
        assert!(told.contains("`--for authz-server`"), "{told}");
    }
    let told = said(&["--for", "authz-server"], &one_host);
    assert_eq!(told, "0 errors, 0 warnings\n");
    let example = "examples/plain-envoy/config.yaml";
    let output = portcullis_output(&["check", "-c", example, "--for", "authz-server"]);
    assert_eq!(text(&output), told);

    let without_secrets = |demo: String| {
        let lines = demo.lines().filter(|line| !line.contains("_secret: "));
        let kept: Vec<&str> = lines.collect();
        kept.join("\n") + "\nidp_client_secret: s\n"
    };
    let told = said(&["--for", "control-plane"], &without_secrets);
    assert!(told.contains("error: missing_secret: "), "{told}");
    let told = said(&["--for", "run"], &without_secrets);
    assert!(!told.contains("missing_secret"), "{told}");
}

#[test]
fn an_alias_bomb_is_refused_within_seconds() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
    }
    let began = Instant::now();
    let (code, text) = check(|demo| format!("{bomb}{demo}"));
    assert_eq!(code, Some(1), "{text:.300}");
    assert!(text.contains("config.yaml:"), "{text:.300}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [
        &["check"][..],
        &["check", "--no-such-flag"],
        &["no-such-command"],
        &[],
    ] {
        let output = portcullis_output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
    }
    let missing = portcullis_output(&["check", "-c", "no/such/file.yaml"]);
    assert_eq!(missing.status.code(), Some(1), "{}", text(&missing));
    assert!(text(&missing).contains("no/such/file.yaml"), "{}", text(&missing));
}

#[test]
fn envoy_config_says_what_stands_in_its_way() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    std::fs::write(&config, "address: nowhere:x\n").unwrap();
    let output = portcullis_output(&["envoy-config", "-c", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let text = text(&output);
    assert!(text.starts_with("error: address_invalid: "), "{text}");
    assert!(text.contains("config.yaml:1:10"), "{text}");
}

#[test]
fn envoy_accepts_what_envoy_config_prints() {
    let output = portcullis_output(&["envoy-config", "-c", DEMO, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let bootstrap: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    let printed = bootstrap.to_string();
    for host in [
        "verify.localhost",
        "admin.localhost",
        "public.localhost",
        "authenticate.localhost",
    ] {
        assert!(printed.contains(host), "`{host}` is missing");
    }
    assert!(!printed.contains("PRIVATE KEY"), "a private key is printed");
    assert!(!printed.contains("for-the-demo-only"), "a secret is printed");
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), &output.stdout).unwrap();
    let verdict = envoy::validate(file.path());
    assert!(verdict.status.success(), "Envoy refuses it: {}", text(&verdict));

    // That the check checks: an unknown field is refused.
    let mut wrong = bootstrap;
    wrong["static_resources"]["no_such_field"] = true.into();
    std::fs::write(file.path(), wrong.to_string()).unwrap();
    assert!(!envoy::validate(file.path()).status.success());
}

#[test]
fn envoy_reads_the_yaml_form_too() {
    let output = portcullis_output(&["envoy-config", "-c", DEMO, "--format", "yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), &output.stdout).unwrap();
    let verdict = envoy::validate(file.path());
    assert!(verdict.status.success(), "Envoy refuses it: {}", text(&verdict));
}
