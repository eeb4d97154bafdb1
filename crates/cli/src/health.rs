//! What stands on `health_check_addr`: read-only, and nothing that decides.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the endpoints ask the running process.
pub(crate) trait Health: Send + Sync + 'static {
    /// Whether requests are served: Envoy is live, has its configuration, and policy is in force.
    fn is_ready(&self) -> bool;
    /// Whether start-up is over, successfully.
    fn has_started(&self) -> bool;
    /// The body of `/status`.
    fn status(&self) -> serde_json::Value;
}

/// The state behind the endpoints.
#[derive(Clone)]
pub(crate) struct Endpoints {
    pub(crate) health: Arc<dyn Health>,
    pub(crate) metrics: Arc<Registry>,
}

/// Binds `address` and serves until `shutdown`.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) async fn serve(
    address: SocketAddr,
    endpoints: Endpoints,
    shutdown: CancellationToken,
) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let listener = TcpListener::bind(address).await?;
    let router = Router::new()
        .route("/healthz", get(|| async { "OK\n" }))
        .route("/readyz", get(ready))
        .route("/startupz", get(started))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .with_state(endpoints);
    Ok(tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "the health endpoints stopped");
        }
    }))
}

fn verdict(good: bool) -> Response {
    if good {
        (StatusCode::OK, "OK\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready, see /status\n").into_response()
    }
}

async fn ready(State(endpoints): State<Endpoints>) -> Response {
    verdict(endpoints.health.is_ready())
}

async fn started(State(endpoints): State<Endpoints>) -> Response {
    verdict(endpoints.health.has_started())
}

async fn status(State(endpoints): State<Endpoints>) -> Response {
    // A line, so that a terminal's prompt stands below it.
    let text = format!("{}\n", endpoints.health.status());
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn metrics(State(endpoints): State<Endpoints>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &endpoints.metrics) {
        Ok(()) => (
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
