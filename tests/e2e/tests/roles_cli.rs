//! The command lines of the roles apart: what they refuse, and in which words.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use portcullis_harness::gateway::portcullis;
use portcullis_harness::process::Process;
use portcullis_harness::{envoy, ports};

const SECRETS: &str = "shared_secret: c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
cookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
";
const SECRET: &str = "c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=";

/// Runs a command that must end by itself; its exit code and all its output.
fn ended(directory: &Path, line: &str, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let log = directory.join("ended.log");
    let _ = std::fs::remove_file(&log);
    let mut command = portcullis();
    command
        .args(line.split(' '))
        .current_dir(directory)
        .env_remove("SHARED_SECRET")
        .env_remove("SHARED_SECRET_FILE")
        .envs(environment.iter().copied());
    let mut process = Process::spawn("portcullis", command, &log).unwrap();
    let status = process.wait(Duration::from_secs(30));
    let status = status.unwrap_or_else(|| panic!("`{line}` runs on:\n{}", process.log()));
    (status.code(), process.log())
}

fn directory(config: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let health = format!("health_check_addr: 127.0.0.1:{}\n", ports::free());
    std::fs::write(directory.path().join("config.yaml"), health + config).unwrap();
    directory
}

#[track_caller]
fn refused(directory: &Path, line: &str, environment: &[(&str, &str)], code: i32, words: &[&str]) {
    let (exit, text) = ended(directory, line, environment);
    assert_eq!(exit, Some(code), "`{line}`: {text}");
    for word in words {
        assert!(text.contains(word), "`{line}` does not say `{word}`: {text}");
    }
    assert!(!text.contains(SECRET) && !text.contains("panicked"), "{text}");
}

#[test]
fn a_control_plane_names_the_secrets_that_it_cannot_make_up() {
    let all = ["missing_secret", "`shared_secret`", "`cookie_secret`", "base64"];
    let bare = directory("routes: []\n");
    refused(bare.path(), "control-plane -c config.yaml", &[], 1, &all);
    refused(
        bare.path(),
        "envoy-config -c config.yaml --dynamic",
        &[],
        1,
        &all[..3],
    );
    let half = directory(&format!("routes: []\n{}", SECRETS.lines().next().unwrap()));
    let (_, text) = ended(half.path(), "control-plane -c config.yaml", &[]);
    assert!(
        text.contains("`cookie_secret`") && !text.contains("`shared_secret` is not set"),
        "{text}"
    );
    // From the environment they are as good.
    let set = [("SHARED_SECRET", SECRET), ("COOKIE_SECRET", SECRET)];
    let (code, text) = ended(bare.path(), "envoy-config -c config.yaml --dynamic", &set);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn other_machines_are_not_served_in_clear_text_by_accident() {
    let open = directory(&format!("grpc_address: :{}\n{SECRETS}", ports::free()));
    let words = ["grpc_address", "--tls-cert", "--plaintext"];
    refused(open.path(), "control-plane -c config.yaml", &[], 1, &words);
    let line = "authz-server --control-plane http://127.0.0.1:1 --grpc-address 0.0.0.0:0";
    refused(open.path(), line, &[("SHARED_SECRET", SECRET)], 1, &words);
    let line = "authz-server --control-plane http://192.0.2.1:5443 --grpc-address 127.0.0.1:0 --health-check-addr 127.0.0.1:0";
    refused(
        open.path(),
        line,
        &[("SHARED_SECRET", SECRET)],
        1,
        &["192.0.2.1", "https://", "plaintext"],
    );
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = directory(&format!("grpc_address: {address}\n{SECRETS}"));
    refused(
        config.path(),
        "control-plane -c config.yaml",
        &[],
        1,
        &[&address, "in use"],
    );
    let line = format!("authz-server --control-plane http://127.0.0.1:1 --grpc-address {address}");
    refused(
        config.path(),
        &line,
        &[("SHARED_SECRET", SECRET)],
        1,
        &[&address, "in use"],
    );
    let line = format!(
        "authz-server --control-plane http://127.0.0.1:1 --grpc-address 127.0.0.1:0 --health-check-addr {address}"
    );
    refused(
        config.path(),
        &line,
        &[("SHARED_SECRET", SECRET)],
        1,
        &[&address, "--health-check-addr"],
    );
}

#[test]
fn an_authz_server_needs_a_control_plane_and_something_to_show_it() {
    let config = directory(SECRETS);
    let here = config.path();
    refused(
        here,
        "authz-server",
        &[],
        2,
        &["--control-plane", "portcullis run"],
    );
    let own = "authz-server -c config.yaml --control-plane http://127.0.0.1:1";
    refused(here, own, &[], 2, &["--config", "--control-plane"]);
    let own = "authz-server -c config.yaml --grpc-address 0.0.0.0:0";
    refused(here, own, &[], 1, &["grpc_address", "--tls-cert", "--plaintext"]);
    let own = "authz-server -c config.yaml --grpc-address 127.0.0.1:0 --instance one";
    refused(here, own, &[], 2, &["--instance", "--config"]);
    let line = "authz-server --control-plane http://127.0.0.1:1";
    refused(
        here,
        line,
        &[],
        1,
        &["shared_secret", "--shared-secret-file", "--tls-cert"],
    );
    refused(
        here,
        line,
        &[("SHARED_SECRET", "short")],
        1,
        &["SHARED_SECRET", "32 bytes in base64"],
    );
    let missing = format!("{line} --shared-secret-file missing.txt");
    refused(
        here,
        &missing,
        &[],
        1,
        &["--shared-secret-file", "missing.txt", "No such file"],
    );
    for (url, word) in [
        ("ftp://a", "https://"),
        ("https://a/path", "path"),
        ("unix://", "no host or no socket"),
    ] {
        let line = format!("authz-server --grpc-address 127.0.0.1:0 --control-plane {url}");
        refused(here, &line, &[("SHARED_SECRET", SECRET)], 1, &[word]);
    }
    refused(
        here,
        "authz-server --control-plane http://127.0.0.1:1 --state-max-staleness 5",
        &[],
        2,
        &["15m"],
    );
    let line =
        "authz-server --control-plane https://127.0.0.1:1 --tls-cert config.yaml --tls-key config.yaml";
    refused(here, line, &[], 1, &["certificate"]);
}

#[test]
fn envoy_takes_every_dynamic_bootstrap() {
    let config = directory(SECRETS);
    let plain = "envoy-config -c config.yaml --dynamic";
    let tls = "--control-plane https://control.example.com --ca /etc/ssl/certs/ca-certificates.crt";
    for line in [
        plain.to_owned(),
        format!("{plain} --xds sotw --format yaml"),
        format!("{plain} --control-plane unix:///run/portcullis/grpc.sock --admin-socket /run/envoy.sock"),
        format!("{plain} {tls}"),
    ] {
        let (code, text) = ended(config.path(), &line, &[]);
        assert_eq!(code, Some(0), "{line}: {text}");
        let extension = if line.contains("yaml --dynamic --xds") {
            "yaml"
        } else {
            "json"
        };
        let file = config.path().join(format!("envoy.{extension}"));
        std::fs::write(&file, &text).unwrap();
        let judged = envoy::validate(&file);
        assert!(
            judged.status.success(),
            "{line}: {}\n{text}",
            String::from_utf8_lossy(&judged.stderr)
        );
    }
    let bad = format!("{plain} --control-plane http://a:1 --ca x.pem");
    refused(config.path(), &bad, &[], 1, &["https"]);
}
