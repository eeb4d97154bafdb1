//! What the process does when it is told to.

use portcullis_control_plane::{Handle, Reloaded};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT end the process; SIGHUP reads the configuration again,
/// where there is one.
pub(crate) async fn follow(control_plane: Option<Handle>, shutdown: CancellationToken) {
    let signals = signal(SignalKind::terminate())
        .and_then(|t| Ok((t, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)));
    let (mut terminate, mut interrupt, mut hangup) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals cannot be received");
            return;
        }
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => match &control_plane {
                // In a task of its own: the answer may wait for an authz-server, and the
                // next signal must not.
                Some(handle) => drop(tokio::spawn(reload(handle.clone()))),
                None => tracing::info!("nothing is read again on SIGHUP: there is no configuration file"),
            },
        }
    }
    tracing::info!("stopping");
    shutdown.cancel();
}

async fn reload(handle: Handle) {
    let outcome = match handle.reload().await {
        Reloaded::Accepted { .. } => "accepted",
        Reloaded::Unchanged => "unchanged",
        Reloaded::Rejected { .. } => "rejected",
        // Nobody answered: the last good configuration serves on. Where the control
        // plane has ended, the process ends by that.
        Reloaded::Ended => "unanswered",
    };
    tracing::info!(outcome, "the configuration was read again on SIGHUP");
}
