//! What is asked about keys: the routes below `/v1/keys/`.
//!
//! A replacement takes longer than an answer may: it is begun, goes on in the
//! instance whether or not anybody watches, and is asked about until it has an
//! outcome. No key passes here in either direction: the instance makes new ones
//! itself.

pub mod protocol;

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::fault::Fault;
use crate::server::{Admin, Asked, Peer};
use protocol::{Begin, KeysStatus, Order, Watch, Work};

/// The keys of an instance.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// Which keys there are, who has them, and what is being done with them.
    async fn status(&self) -> Result<KeysStatus, Fault>;

    /// Begins to do what is asked and returns at once. One thing is done at a time.
    async fn begin(&self, order: Order) -> Result<Work, Fault>;

    /// How far that is which was begun with this number; the last one is remembered.
    async fn work(&self, number: u64) -> Option<Work>;
}

/// The routes of keys.
pub(crate) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route(protocol::STATUS, get(status))
        .route(protocol::BEGIN, post(begin))
        .route(protocol::WATCH, post(watch))
}

async fn status(State(admin): State<Arc<Admin>>) -> Result<Json<KeysStatus>, Fault> {
    Ok(Json(keys(&admin)?.status().await?))
}

async fn begin(
    State(admin): State<Arc<Admin>>,
    Peer(uid): Peer,
    Asked(Begin { order }): Asked<Begin>,
) -> Result<Json<Work>, Fault> {
    let keys = keys(&admin)?;
    let (name, retire) = match &order {
        Order::Rotate { name, .. } => (*name, false),
        Order::Retire { name, .. } => (*name, true),
    };
    let work = keys.begin(order).await?;
    tracing::info!(key = %name, retire, uid, "a key is replaced at the word of the admin socket");
    Ok(Json(work))
}

async fn watch(
    State(admin): State<Arc<Admin>>,
    Asked(Watch { number }): Asked<Watch>,
) -> Result<Json<Work>, Fault> {
    let work = keys(&admin)?.work(number).await;
    work.map(Json).ok_or_else(|| {
        Fault::not_found("nothing of that number is remembered: the instance may have been started anew")
    })
}

/// The keys, at an instance that has its own.
fn keys(admin: &Admin) -> Result<&Arc<dyn Keys>, Fault> {
    admin.keys.as_ref().ok_or_else(|| {
        let role = &admin.about.role;
        Fault::new(
            StatusCode::CONFLICT,
            "no_keys",
            format!("this instance (`{role}`) learns its keys from its control plane: ask that one"),
        )
    })
}

#[cfg(test)]
mod tests;
