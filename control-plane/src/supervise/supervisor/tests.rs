//! Supervision of a stand-in: a script in place of Envoy. The real one is
//! supervised in the end-to-end tests.

use std::{os::unix::fs::PermissionsExt, path::Path};

use super::*;

struct Supervised {
    _directory: tempfile::TempDir,
    run: RunDirectory,
    supervisor: Supervisor,
    state: watch::Receiver<EnvoyState>,
    metrics: Metrics,
    shutdown: CancellationToken,
}

fn supervise(script: &str) -> Supervised {
    let directory = tempfile::tempdir().unwrap();
    let binary = directory.path().join("envoy");
    fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let run = RunDirectory::create(None).unwrap();
    let (sender, state) = watch::channel(EnvoyState::default());
    let (metrics, shutdown) = (Metrics::default(), CancellationToken::new());
    let bootstrap = serde_json::json!({"node": {"id": "test"}});
    let options = EnvoyOptions::new(binary);
    let supervisor = Supervisor::start(
        options,
        &run,
        &bootstrap,
        metrics.clone(),
        sender,
        shutdown.clone(),
    )
    .unwrap();
    Supervised {
        _directory: directory,
        run,
        supervisor,
        state,
        metrics,
        shutdown,
    }
}

fn is_running(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains('Z'))
}

async fn pid(state: &mut watch::Receiver<EnvoyState>) -> u32 {
    let running = time::timeout(
        Duration::from_secs(10),
        state.wait_for(|state| state.pid.is_some()),
    )
    .await;
    running.unwrap().unwrap().pid.unwrap()
}

async fn until(done: impl Fn() -> bool) -> bool {
    for _ in 0..500 {
        if done() {
            return true;
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn an_envoy_that_ends_is_started_again_and_the_end_is_told() {
    let mut s = supervise("exit 3");
    let again = s.state.wait_for(|state| state.restarts >= 2);
    let state = time::timeout(Duration::from_secs(10), again)
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert_eq!(state.last_exit.as_deref(), Some("exit status: 3"));
    assert!(!state.live);
    assert!(s.metrics.envoy_restart.get() >= 2);
    s.shutdown.cancel();
    time::timeout(Duration::from_secs(5), s.supervisor.ended())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_binary_that_cannot_run_is_told_and_tried_again() {
    let options = EnvoyOptions::new(Path::new("/nonexistent/envoy").to_owned());
    let run = RunDirectory::create(None).unwrap();
    let (sender, mut state) = watch::channel(EnvoyState::default());
    let shutdown = CancellationToken::new();
    let bootstrap = serde_json::json!({});
    let supervisor = Supervisor::start(
        options,
        &run,
        &bootstrap,
        Metrics::default(),
        sender,
        shutdown.clone(),
    )
    .unwrap();
    let failed = state.wait_for(|state| state.restarts >= 1);
    let state = time::timeout(Duration::from_secs(10), failed)
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert!(state.last_exit.unwrap().starts_with("not started: No such file"));
    shutdown.cancel();
    time::timeout(Duration::from_secs(5), supervisor.ended())
        .await
        .unwrap();
}

#[tokio::test]
async fn shutdown_ends_it_also_when_it_ignores_the_wish() {
    for script in ["exec sleep 1000", "trap '' TERM; while :; do sleep 0.1; done"] {
        let mut s = supervise(script);
        let pid = pid(&mut s.state).await;
        assert!(is_running(pid));
        // A trap takes a moment to be set.
        time::sleep(Duration::from_millis(200)).await;
        s.shutdown.cancel();
        time::timeout(Duration::from_secs(8), s.supervisor.ended())
            .await
            .unwrap();
        assert!(!is_running(pid), "{script}");
    }
}

#[tokio::test]
async fn the_bootstrap_is_written_for_our_own_user_alone() {
    let s = supervise("exec sleep 1000");
    let path = s.run.bootstrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["node"]["id"],
        "test"
    );
    s.shutdown.cancel();
    s.supervisor.ended().await;
}

#[tokio::test]
async fn it_does_not_inherit_our_environment_and_gets_its_arguments() {
    let mut s = supervise("{ env; echo \"$@\"; } > \"$(dirname \"$2\")/seen\"; exec sleep 1000");
    pid(&mut s.state).await;
    let seen = s.run.path().join("seen");
    let read = || fs::read_to_string(&seen).unwrap_or_default();
    assert!(until(|| read().contains("--reject-unknown-dynamic-fields")).await);
    let names: Vec<String> = read()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    let allowed = [
        "PATH", "HOME", "TMPDIR", "TZ", "LANG", "PWD", "OLDPWD", "SHLVL", "_",
    ];
    assert!(
        names.iter().all(|name| allowed.contains(&name.as_str())),
        "{names:?}"
    );
    assert!(
        std::env::vars().any(|(name, _)| !allowed.contains(&name.as_str())),
        "the test shows nothing"
    );
    s.shutdown.cancel();
    s.supervisor.ended().await;
}

#[test]
fn a_child_dies_with_the_thread_that_started_it() {
    let start = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut command = tokio::process::Command::new("sleep");
            command.arg("1000");
            super::super::death_signal::die_with_parent(&mut command);
            let child = command.spawn().unwrap();
            let pid = child.id().unwrap();
            time::sleep(Duration::from_millis(200)).await;
            assert!(is_running(pid), "it lives while its thread does");
            // Nobody ends it but the kernel.
            std::mem::forget(child);
            pid
        })
    };
    let pid = thread::spawn(start).join().unwrap();
    for _ in 0..500 {
        if !is_running(pid) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the child lives on");
}
