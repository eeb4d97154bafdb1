//! One connection after the other, each of a user who may ask.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::request::Peer;
use crate::fault::Fault;
use crate::peer;

/// Connections at a time; one more waits until another ends.
const MAX_CONNECTIONS: usize = 32;
/// How long a connection may be, whatever is done on it.
const MAX_AGE: Duration = Duration::from_secs(120);
/// How long whoever may not ask is listened to.
const REFUSAL: Duration = Duration::from_secs(5);
/// How long the head of a request may take, and a connection be idle.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;
/// What is under way at the end gets this long.
const DRAIN: Duration = Duration::from_secs(3);
/// The pause after a failure to accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until `shutdown`.
pub(super) async fn accept(
    listener: UnixListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let own = peer::own_uid()?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = TaskTracker::new();
    loop {
        let next = async {
            let slot = Arc::clone(&room).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let Some((slot, accepted)) = shutdown.run_until_cancelled(next).await else {
            break;
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin socket cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (router, stop) = (router.clone(), shutdown.clone());
        open.spawn(async move {
            let _slot = slot;
            one(stream, own, router, stop).await;
        });
    }
    open.close();
    // Whoever is still there then is cut off with the process.
    let _late = tokio::time::timeout(DRAIN, open.wait()).await;
    Ok(())
}

/// Serves one connection, or refuses it.
async fn one(stream: UnixStream, own: u32, router: Router, stop: CancellationToken) {
    let uid = match stream.peer_cred() {
        Ok(peer) => peer.uid(),
        Err(error) => {
            tracing::warn!(%error, "the admin socket does not learn who asks");
            return;
        }
    };
    let_in_or_refuse(stream, uid, own, router, stop).await;
}

async fn let_in_or_refuse(stream: UnixStream, uid: u32, own: u32, router: Router, stop: CancellationToken) {
    if peer::may_ask(uid, own) {
        answer(stream, Peer(uid), router, stop).await;
    } else {
        tracing::warn!(uid, "another user asked at the admin socket and was refused");
        refuse(stream).await;
    }
}

async fn answer(stream: UnixStream, peer: Peer, router: Router, stop: CancellationToken) {
    let router = TowerToHyperService::new(router.layer(axum::Extension(peer)));
    let mut serving = pin!(builder().serve_connection(TokioIo::new(stream), router));
    let ended = tokio::time::timeout(MAX_AGE, async {
        tokio::select! {
            ended = serving.as_mut() => ended,
            () = stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        }
    });
    if let Ok(Err(error)) = ended.await {
        tracing::debug!(%error, "a connection to the admin socket broke");
    }
}

/// Says no to whatever is asked.
async fn refuse(stream: UnixStream) {
    let service = service_fn(|_: Request<Incoming>| async {
        let fault = Fault::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "only the user who runs this instance and root may ask it",
        );
        let mut response: Response<Body> = fault.into_response();
        let close = axum::http::HeaderValue::from_static("close");
        response
            .headers_mut()
            .insert(axum::http::header::CONNECTION, close);
        Ok::<_, Infallible>(response)
    });
    let serving = builder().serve_connection(TokioIo::new(stream), service);
    let _ended = tokio::time::timeout(REFUSAL, serving).await;
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD);
    builder
}

#[cfg(test)]
mod tests;
