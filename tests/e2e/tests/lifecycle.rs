//! Start, stop, restart, and what happens when a part dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portcullis_harness::gateway::portcullis;
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::wait::until;
use portcullis_harness::{EnvoyProcess, Site, ports};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";
const FILE_STORAGE: &str = "databroker_storage_type: file
databroker_storage_connection_string: file://{dir}/state.redb";

fn is_alive(pid: u32) -> bool {
    // A zombie has no command line.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[test]
fn file_storage_keeps_sessions_over_a_restart() {
    let mut site = Site::start_with(FILE_STORAGE, ROUTES);
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    let mut gone = site.client();
    assert_eq!(
        gone.login(&site.url("app", "/"), "user@example.com", PASSWORD)
            .status,
        200
    );
    let copy = gone.clone();
    gone.sign_out(&site.url("app", "/.pomerium/sign_out"));

    site.gateway.restart();
    assert_eq!(client.get(&site.url("app", "/?mark=restarted")).status, 200);
    assert_eq!(
        site.assertion("app", "mark=restarted")["email"],
        "admin@example.com"
    );
    assert_eq!(
        copy.clone().get(&site.url("app", "/")).status,
        302,
        "a sign-out outlives a restart too"
    );

    let state = std::fs::read(site.directory().join("state.redb")).unwrap();
    for secret in [&b"admin@example.com"[..], b"id-of-admin", b"Ada Admin", b"eyJ"] {
        assert!(
            !state.windows(secret.len()).any(|window| window == secret),
            "{secret:?} lies on the disk in clear"
        );
    }
}

#[test]
fn memory_storage_forgets_sessions_with_a_restart() {
    let mut site = Site::start(ROUTES);
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    site.gateway.restart();
    assert_eq!(client.get(&site.url("app", "/")).status, 302);
    // The provider still knows the user, so the way back needs no form.
    assert_eq!(client.open(&site.url("app", "/")).status, 200);
}

#[test]
fn sigterm_ends_it_cleanly_and_envoy_with_it() {
    let mut site = Site::start(ROUTES);
    let envoy = EnvoyProcess::of(site.gateway.process().id());
    assert!(is_alive(envoy.pid));
    until("one line says `ready`", || {
        site.gateway
            .log()
            .lines()
            .filter(|line| line.contains("\"message\":\"ready\""))
            .count()
            == 1
    });
    let began = Instant::now();
    let status = site.gateway.stop();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(status.success(), "{status}:\n{}", site.gateway.log());
    assert!(!is_alive(envoy.pid), "Envoy is left over");
    assert!(ports::is_free(site.port()));
}

#[test]
fn envoy_dies_with_a_killed_gateway() {
    let mut site = Site::start(ROUTES);
    let envoy = EnvoyProcess::of(site.gateway.process().id());
    site.gateway.process().signal(libc::SIGKILL);
    until("Envoy is gone", || !is_alive(envoy.pid));
}

#[test]
fn a_dead_envoy_is_replaced() {
    let mut site = Site::start(ROUTES);
    let gateway = site.gateway.process().id();
    let first = EnvoyProcess::of(gateway);
    Command::new("kill")
        .args(["-9", &first.pid.to_string()])
        .status()
        .unwrap();
    until("it is not ready without Envoy", || !site.gateway.is_ready());
    assert!(!is_alive(first.pid));
    until("another Envoy runs", || {
        EnvoyProcess::find(gateway).is_some_and(|envoy| envoy.pid != first.pid)
    });
    until("it is ready again", || site.gateway.is_ready());
    assert_eq!(site.client().get(&site.url("app", "/")).status, 302);
}

#[test]
fn secrets_are_never_logged() {
    let site = Site::start(ROUTES);
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    client.sign_out(&site.url("app", "/.pomerium/sign_out"));
    let cookies = [
        client.cookies("app.example.test"),
        client.cookies("authenticate.example.test"),
    ]
    .concat();
    let log = site.gateway.log();
    assert!(log.contains("decision_id"), "the log is not empty: {log}");
    for secret in [
        "for-the-tests-only",
        "c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ",
        "Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ",
        "PRIVATE KEY",
        "eyJ",
        "pomerium_signature=",
    ] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
    for (name, value) in cookies.iter().filter(|(_, value)| value.len() > 20) {
        assert!(!log.contains(value), "the value of `{name}` is in the log");
    }
}

#[test]
fn a_bad_configuration_at_start_ends_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let run = |config: &str, further: &[&str]| {
        std::fs::write(directory.path().join("config.yaml"), config).unwrap();
        let mut command = portcullis();
        command
            .args(["run", "-c", "config.yaml"])
            .args(further)
            .current_dir(directory.path());
        let output = ended(&mut command, directory.path());
        (output.0, output.1)
    };
    let (code, text) = run("address: 127.0.0.1:1\nroutes:\n- from: [\n", &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("config.yaml:4:1") || text.contains("config.yaml:3:"),
        "{text}"
    );

    let good = format!(
        "address: 127.0.0.1:{}\nhealth_check_addr: 127.0.0.1:{}\n",
        ports::free(),
        ports::free()
    );
    let (code, text) = run(&good, &["--envoy", "/nonexistent/envoy"]);
    assert_ne!(code, Some(0), "{text}");
    assert!(text.contains("/nonexistent/envoy"), "{text}");
}

/// Runs a command that must end by itself; its exit code and all its output.
fn ended(command: &mut Command, directory: &Path) -> (Option<i32>, String) {
    let log = directory.join("ended.log");
    let _ = std::fs::remove_file(&log);
    let mut taken = Command::new(command.get_program());
    taken.args(command.get_args()).current_dir(directory);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => taken.env(name, value),
            None => taken.env_remove(name),
        };
    }
    let mut process = portcullis_harness::process::Process::spawn("portcullis", taken, &log).unwrap();
    let status = process
        .wait(Duration::from_secs(30))
        .unwrap_or_else(|| panic!("runs on:\n{}", process.log()));
    (status.code(), process.log())
}
