//! Serves both doors until told to stop: on a listener each, or on one.

use crate::grpc::CheckService;
use crate::refresh;
use crate::state::AuthzServer;
use core::time::Duration;
use portcullis_proto::listener::Incoming;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod joined_tests;
mod keys;
#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod tests;

/// Checks and pages that are under way at the end get this long.
const DRAIN: Duration = Duration::from_secs(8);
/// How often memory is tidied.
const SWEEP: Duration = Duration::from_secs(30);
/// Longest time for one Check, the store included.
pub(crate) const CHECK_DEADLINE: Duration = Duration::from_secs(5);
/// Longest time for a page where both doors are one. Pages have a shorter bound
/// of their own, which makes a better answer.
const PAGE_DEADLINE: Duration = Duration::from_secs(30);
/// The headers of one request for a page: what Envoy lets through (60 KiB), with
/// what HTTP/2 counts besides, so that no page is refused for a long cookie that
/// an application gets.
const MAX_HEADERS: u32 = 128 * 1024;
/// Checks under way on one connection of Envoy's.
const MAX_STREAMS: u32 = 4096;
/// Checks that Envoy broke off before they were begun, on one connection. Envoy does
/// so whenever a client goes, so that any client could have the connection ended, and
/// with it the checks of all others, by going often: this is more than one reading
/// of a connection holds.
const MAX_RESETS: usize = 16 * 1024;
/// Longest life of a connection that asks for public keys: those who ask come seldom, and
/// may be anybody.
const KEYS_CONNECTION: Duration = Duration::from_secs(60);
/// Requests for them under way on one connection.
const KEYS_STREAMS: u32 = 16;
/// After so long without a word Envoy is asked for a sign of life …
const KEEPALIVE: Duration = Duration::from_secs(30);
/// … for which it has this long.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// The HTTP/2 settings of the check server, wherever it listens.
#[must_use]
pub fn transport() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .timeout(CHECK_DEADLINE)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
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
    let checks = {
        let (service, stop) = (server.grpc(), stop.clone());
        async move {
            let served = transport()
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
    until_stopped(server, stop, async {
        let (checks, pages) = tokio::join!(checks, pages);
        checks.and(pages)
    })
    .await
}

/// Serves checks and pages on the connections of one listener until `shutdown`,
/// as [`serve`] does: the path of a gRPC call tells a Check from a page. A Check
/// comes over HTTP/2 without upgrade, a page over that or HTTP/1.
///
/// # Errors
///
/// [`ServeError`] when the listener fails.
pub async fn serve_joined(
    server: Arc<AuthzServer>,
    incoming: Incoming,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let stop = shutdown.child_token();
    let routes = Routes::from(joined(&server));
    let serving = {
        let stop = stop.clone();
        async move {
            let served = transport()
                .timeout(PAGE_DEADLINE)
                .http2_keepalive_interval(Some(KEEPALIVE))
                .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
                .accept_http1(true)
                .add_routes(routes)
                .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned())
                .await;
            stop.cancel();
            served.map_err(ServeError::Grpc)
        }
    };
    until_stopped(server, stop, serving).await
}

/// Serves the public keys, which anybody may know, and nothing else on the connections of
/// a listener until `shutdown`. At most 64 of them stay open, the oldest given up for one
/// more, each for 5 seconds without a request and a minute with.
///
/// # Errors
///
/// [`ServeError`] when the listener fails.
pub async fn serve_keys(
    server: Arc<AuthzServer>,
    incoming: Incoming,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let asked = |request: axum::extract::Request| async {
        if let Some(asker) = request.extensions().get::<keys::Asker>() {
            asker.has_asked();
        }
        request
    };
    let routes = server.keys().layer(axum::middleware::map_request(asked));
    // Not those of Envoy's connection: what it may hold, strangers may not.
    tonic::transport::Server::builder()
        .timeout(CHECK_DEADLINE)
        .max_concurrent_streams(KEYS_STREAMS)
        .max_connection_age(KEYS_CONNECTION)
        .max_connection_age_grace(CHECK_DEADLINE)
        .accept_http1(true)
        .add_routes(Routes::from(routes))
        .serve_with_incoming_shutdown(keys::bounded(incoming), shutdown.cancelled_owned())
        .await
        .map_err(ServeError::Grpc)
}

/// Both doors as one service. Pages take every path that is no Check's.
fn joined(server: &Arc<AuthzServer>) -> axum::Router {
    // A check that is a page may wait for the identity provider, as a page may.
    let deadline = match server.in_band() {
        true => PAGE_DEADLINE,
        false => CHECK_DEADLINE,
    };
    let check = CheckService::new(Arc::clone(server), Some(deadline));
    let path = format!("/{}/{{*method}}", name_of(&check));
    server.web().route_service(&path, check)
}

fn name_of<S: tonic::server::NamedService>(_: &S) -> &'static str {
    S::NAME
}

/// Runs `serving` beside what a server does in the background.
async fn until_stopped(
    server: Arc<AuthzServer>,
    stop: CancellationToken,
    serving: impl Future<Output = Result<(), ServeError>>,
) -> Result<(), ServeError> {
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
    let refresh = tokio::spawn(refresh::run(Arc::clone(&server), stop.clone()));
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let served = tokio::select! {
        served = serving => served,
        // A connection that does not end is cut.
        () = drained => Ok(()),
    };

    stop.cancel();
    let _ = tokio::join!(follow, sweep, refresh);
    let last = Arc::clone(&server);
    let _ = tokio::task::spawn_blocking(move || last.audit().close()).await;
    served
}
