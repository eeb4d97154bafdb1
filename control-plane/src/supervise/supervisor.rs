//! Keeping an Envoy running.

use std::{fs, io, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf, thread, time::Duration};

use tokio::{
    process::Child,
    sync::{oneshot, watch},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    EnvoyOptions, RunDirectory,
    admin::{Admin, Probe},
    backoff::Backoff,
    child,
};
use crate::metrics::Metrics;

/// How often Envoy is asked whether it serves, until it does and afterwards.
const PROBE_STARTING: Duration = Duration::from_millis(100);
const PROBE_LIVE: Duration = Duration::from_secs(1);

/// How Envoy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvoyState {
    pub(crate) pid: Option<u32>,
    pub(crate) live: bool,
    /// Listeners that accept connections.
    pub(crate) listeners: u64,
    pub(crate) restarts: u64,
    /// How the last one ended, if one did.
    pub(crate) last_exit: Option<String>,
}

/// A running supervision.
pub(crate) struct Supervisor {
    ended: oneshot::Receiver<()>,
}

impl Supervisor {
    /// Writes the bootstrap and supervises on a thread of its own until `shutdown`.
    ///
    /// # Errors
    ///
    /// When the bootstrap cannot be written or the thread not be started.
    pub(crate) fn start(
        options: EnvoyOptions,
        run: &RunDirectory,
        bootstrap: &serde_json::Value,
        metrics: Metrics,
        state: watch::Sender<EnvoyState>,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        let path = run.bootstrap();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(&serde_json::to_vec_pretty(bootstrap)?)?;
        let supervision = Supervision {
            options,
            bootstrap: path,
            admin: Admin {
                socket: run.envoy_admin(),
            },
            metrics,
            state,
            shutdown,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (done, ended) = oneshot::channel();
        thread::Builder::new().name("envoy".to_owned()).spawn(move || {
            runtime.block_on(supervision.run());
            let _ = done.send(());
        })?;
        Ok(Self { ended })
    }

    /// Waits until Envoy has ended.
    pub(crate) async fn ended(self) {
        // An error is the end of the thread, too.
        let _ = self.ended.await;
    }
}

struct Supervision {
    options: EnvoyOptions,
    bootstrap: PathBuf,
    admin: Admin,
    metrics: Metrics,
    state: watch::Sender<EnvoyState>,
    shutdown: CancellationToken,
}

impl Supervision {
    async fn run(self) {
        let mut backoff = Backoff::new();
        loop {
            let begun = Instant::now();
            let exit = match child::start(&self.options, &self.bootstrap) {
                Ok(child) => {
                    tracing::info!(pid = child.id(), binary = %self.options.binary.display(), "envoy started");
                    match self.watch(child).await {
                        Some(exit) => exit,
                        None => return,
                    }
                }
                Err(error) => format!("not started: {error}"),
            };
            let wait = backoff.after(begun.elapsed());
            tracing::error!(
                exit,
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "envoy ended; it is started again"
            );
            self.metrics.envoy_restart.inc();
            self.state.send_modify(|state| {
                let restarts = state.restarts + 1;
                *state = EnvoyState {
                    restarts,
                    last_exit: Some(exit),
                    ..EnvoyState::default()
                };
            });
            if self
                .shutdown
                .run_until_cancelled(time::sleep(wait))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    /// Watches one Envoy until it ends: how; `None` when we ended it.
    async fn watch(&self, mut child: Child) -> Option<String> {
        self.state.send_modify(|state| state.pid = child.id());
        let exit = tokio::select! {
            exit = child.wait() => Some(exit),
            () = self.shutdown.cancelled() => None,
            () = self.probe_forever() => None,
        };
        if let Some(exit) = exit {
            return Some(exit.map_or_else(|error| error.to_string(), |status| status.to_string()));
        }
        tracing::info!("envoy is drained");
        self.state.send_modify(|state| state.live = false);
        child::stop(child, &self.admin).await;
        self.state.send_modify(|state| state.pid = None);
        None
    }

    async fn probe_forever(&self) {
        loop {
            let Probe { live, listeners } = self.admin.probe().await;
            self.state.send_if_modified(|state| {
                let changed = (state.live, state.listeners) != (live, listeners);
                (state.live, state.listeners) = (live, listeners);
                changed
            });
            let pause = if live && listeners > 0 {
                PROBE_LIVE
            } else {
                PROBE_STARTING
            };
            time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests;
