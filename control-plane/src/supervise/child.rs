//! Starting and ending one Envoy.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::BufReader,
    process::{Child, Command},
    time::{self, Instant},
};

use super::{EnvoyOptions, admin::Admin, death_signal, log_lines};

/// How long requests under way may take once we are told to end.
const DRAIN: Duration = Duration::from_secs(3);
/// How long Envoy may take to end after that.
const TERMINATE: Duration = Duration::from_secs(2);
/// Variables of ours that Envoy needs. The others may hold secrets.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "TMPDIR", "TZ", "LANG"];

/// Starts Envoy. Must be called on the thread that outlives it.
pub(super) fn start(options: &EnvoyOptions, bootstrap: &Path) -> std::io::Result<Child> {
    let EnvoyOptions {
        binary,
        log_level,
        concurrency,
    } = options;
    let mut command = Command::new(binary);
    command
        .arg("-c")
        .arg(bootstrap)
        .args([
            "--log-level",
            log_level,
            "--log-format",
            log_lines::FORMAT,
            "--log-format-escaped",
        ])
        .args(["--reject-unknown-dynamic-fields", "--disable-hot-restart"]);
    if let Some(concurrency) = concurrency {
        command.arg("--concurrency").arg(concurrency.to_string());
    }
    command.env_clear();
    command.envs(
        ENVIRONMENT
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?))),
    );
    // A group of its own: Ctrl-C in a terminal reaches us alone, and we drain.
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    death_signal::die_with_parent(&mut command);
    let mut child = command.spawn()?;
    if let Some(lines) = child.stderr.take() {
        tokio::spawn(log_lines::fold(BufReader::new(lines)));
    }
    Ok(child)
}

/// Ends Envoy within about five seconds: lets requests under way finish, asks it
/// to end, kills it.
pub(super) async fn stop(mut child: Child, admin: &Admin) {
    let end = Instant::now() + DRAIN;
    admin.drain().await;
    while Instant::now() < end {
        let idle = admin.active_requests().await.is_none_or(|active| active == 0);
        if idle
            || time::timeout(Duration::from_millis(100), child.wait())
                .await
                .is_ok()
        {
            break;
        }
    }
    death_signal::terminate(&child);
    match time::timeout(TERMINATE, child.wait()).await {
        Ok(Ok(status)) => tracing::info!(%status, "envoy has ended"),
        Ok(Err(error)) => tracing::warn!(%error, "envoy's end is unknown"),
        Err(_) => {
            tracing::warn!("envoy does not end; it is killed");
            if let Err(error) = child.kill().await {
                tracing::error!(%error, "envoy cannot be killed");
            }
        }
    }
}
