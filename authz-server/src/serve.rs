//! Serves both doors on two listeners until told to stop.

use crate::state::AuthzServer;
use core::time::Duration;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// Checks and pages that are under way at the end get this long.
const DRAIN: Duration = Duration::from_secs(8);
/// How often memory is tidied.
const SWEEP: Duration = Duration::from_secs(30);
/// Longest time for one Check, the store included.
const CHECK_DEADLINE: Duration = Duration::from_secs(5);
/// Checks under way on one connection of Envoy's.
const MAX_STREAMS: u32 = 4096;

/// A listener that no longer serves.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The gRPC door.
    #[error("the check server failed: {0}")]
    Grpc(#[from] tonic::transport::Error),
    /// The web door.
    #[error("the web server failed: {0}")]
    Web(std::io::Error),
}

/// Serves checks on `grpc` and pages on `web` until `shutdown`, then finishes
/// what is under way, and writes what the audit queue still holds.
///
/// # Errors
///
/// [`ServeError`] when a listener fails; the other door is then closed too.
pub async fn serve(
    server: Arc<AuthzServer>,
    grpc: UnixListener,
    web: UnixListener,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    // Ends with this function, whichever door fails first.
    let stop = shutdown.child_token();
    let _stop_at_the_end = stop.clone().drop_guard();

    let follow = {
        let (server, stop) = (Arc::clone(&server), stop.clone());
        tokio::spawn(async move { server.sessions().follow(stop).await })
    };
    let sweep = {
        let (server, stop) = (Arc::clone(&server), stop.clone());
        tokio::spawn(async move {
            while stop
                .run_until_cancelled(tokio::time::sleep(SWEEP))
                .await
                .is_some()
            {
                stop.run_until_cancelled(server.sweep()).await;
            }
        })
    };

    let checks = {
        let (service, stop) = (server.grpc(), stop.clone());
        async move {
            let served = tonic::transport::Server::builder()
                .timeout(CHECK_DEADLINE)
                .max_concurrent_streams(MAX_STREAMS)
                .http2_max_pending_accept_reset_streams(Some(64))
                .add_service(service)
                .serve_with_incoming_shutdown(UnixListenerStream::new(grpc), stop.clone().cancelled_owned())
                .await;
            stop.cancel();
            served.map_err(ServeError::Grpc)
        }
    };
    let pages = {
        let (router, stop) = (server.web(), stop.clone());
        async move {
            let served = axum::serve(web, router)
                .with_graceful_shutdown(stop.clone().cancelled_owned())
                .await;
            stop.cancel();
            served.map_err(ServeError::Web)
        }
    };

    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let served = tokio::select! {
        (checks, pages) = async { tokio::join!(checks, pages) } => checks.and(pages),
        // A connection that does not end is cut.
        () = drained => Ok(()),
    };

    stop.cancel();
    let _ = tokio::join!(follow, sweep);
    let last = Arc::clone(&server);
    let _ = tokio::task::spawn_blocking(move || last.audit().close()).await;
    served
}
