//! The instance's end: HTTP/1.1 on a Unix socket, for the user of the process and
//! root alone.
//!
//! Nothing here waits without a bound: not the connections, not what one sends, not
//! how long an answer takes.

mod connection;
mod request;

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use portcullis_store::Store;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::keys::{self, Keys};
use crate::protocol::{self, About};
use crate::sessions;

pub use request::{Asked, Peer};

/// Bytes of a request's body.
const MAX_BODY: usize = 256 * 1024;
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an instance lets commands do.
#[derive(Clone)]
pub struct Admin {
    /// Where its sessions are.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Clock,
    /// Its keys, where they are its own to change.
    pub keys: Option<Arc<dyn Keys>>,
    /// Who it is.
    pub about: About,
}

/// Makes the socket at `path`, which only our own user and root can open.
///
/// # Errors
/// When it cannot be made; nothing that stands there is replaced.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers on `listener` until `shutdown`, then finishes what is under way, if that
/// takes no longer than a few seconds.
///
/// # Errors
/// When the kernel does not say who we are: then nobody could be let in.
pub async fn serve(listener: UnixListener, admin: Admin, shutdown: CancellationToken) -> io::Result<()> {
    connection::accept(listener, router(admin), shutdown).await
}

/// Everything that can be asked. Who asks must have been looked at before, and stand
/// as [`Peer`] among the request's extensions.
fn router(admin: Admin) -> Router {
    Router::new()
        .route(protocol::ABOUT, get(about))
        .route(protocol::SESSIONS_LIST, post(sessions::routes::list))
        .route(protocol::SESSIONS_SHOW, post(sessions::routes::show))
        .route(protocol::SESSIONS_REVOKE, post(sessions::routes::revoke))
        .merge(keys::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(in_time))
        .with_state(Arc::new(admin))
}

async fn about(State(admin): State<Arc<Admin>>) -> Json<About> {
    Json(admin.about.clone())
}

async fn unknown() -> Fault {
    Fault::new(
        StatusCode::NOT_FOUND,
        "unknown_request",
        "this instance does not know the request: it may be of another version than the command",
    )
}

async fn wrong_method() -> Fault {
    Fault::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "the request has another method",
    )
}

async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(DEADLINE, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        let message = format!("there is no answer after {seconds} seconds");
        Fault::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message).into_response()
    })
}

#[cfg(test)]
mod tests;
