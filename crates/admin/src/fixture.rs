//! What the tests of this crate are made of.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use portcullis_model::{Claims, SessionId};
use portcullis_session::record::Session;
use portcullis_session::refresh::Progress;
use portcullis_store::{
    IfVersion, KIND_SESSION, MemoryStore, Position, Record, Store, StoreError, SyncStream,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::protocol::About;
use crate::server::{self, Admin};

/// What no answer may have in it.
pub(crate) const TOKENS: [&str; 3] = ["the-id-token", "the-access-token", "the-refresh-token"];

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    time("2026-11-01T12:00:00Z")
}

pub(crate) fn id(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

/// A session of `user` that began two hours before [`now`].
pub(crate) fn session(number: u128, user: &str) -> Session {
    let claims = json!({"sub": format!("subject-of-{user}"), "groups": ["staff"], "email_verified": true});
    let issued_at = now() - SignedDuration::from_hours(2);
    Session {
        id: id(number),
        user_id: format!("id-of-{user}"),
        email: format!("{user}@Example.com"),
        name: user.to_owned(),
        provider_id: "p1".to_owned(),
        claims: Claims::flatten(claims.as_object().unwrap()).unwrap(),
        issued_at,
        expires_at: issued_at + SignedDuration::from_hours(14),
        id_token: TOKENS[0].into(),
        access_token: TOKENS[1].into(),
        refresh_token: Some(TOKENS[2].into()),
        access_token_expires_at: Some(issued_at + SignedDuration::from_hours(3)),
        id_token_expires_at: None,
        progress: Progress::default(),
    }
}

pub(crate) async fn keep(store: &dyn Store, session: &Session) {
    let data = session.encode().unwrap();
    let id = session.id.to_string();
    let kept = store.put(KIND_SESSION, &id, data, IfVersion::Any).await;
    kept.unwrap();
}

pub(crate) async fn store_of(sessions: &[Session]) -> MemoryStore {
    let store = MemoryStore::new(1);
    for session in sessions {
        keep(&store, session).await;
    }
    store
}

pub(crate) async fn ids_in(store: &dyn Store) -> Vec<SessionId> {
    let page = store.query(KIND_SESSION, None, 1_000).await.unwrap();
    let mut ids: Vec<SessionId> = page.iter().map(|record| record.id.parse().unwrap()).collect();
    ids.sort();
    ids
}

pub(crate) fn admin(store: Arc<dyn Store>, config: Option<&Path>) -> Admin {
    Admin {
        store,
        clock: Arc::new(now),
        keys: None,
        about: About {
            version: "1.2.3".to_owned(),
            role: "run".to_owned(),
            config: config.map(Path::to_owned),
            pid: 17,
        },
    }
}

/// An instance at `socket`, until it is dropped.
pub(crate) struct Running {
    stop: CancellationToken,
}

impl Running {
    pub(crate) fn at(socket: &Path, admin: Admin) -> Self {
        let listener = server::bind(socket).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, admin, stop.clone()));
        Self { stop }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A store that answers nothing more after so many calls.
pub(crate) struct Failing {
    store: MemoryStore,
    calls: AtomicUsize,
}

impl Failing {
    pub(crate) fn after(calls: usize, store: MemoryStore) -> Self {
        let calls = AtomicUsize::new(calls);
        Self { store, calls }
    }

    fn call(&self) -> Result<(), StoreError> {
        let left = self
            .calls
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop)
            .map_err(|_| StoreError::Unavailable("the disk is full".to_owned()))
    }
}

#[async_trait]
impl Store for Failing {
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.call()?;
        self.store.get(kind, id).await
    }

    async fn put(&self, kind: &str, id: &str, data: Bytes, on: IfVersion) -> Result<Record, StoreError> {
        self.call()?;
        self.store.put(kind, id, data, on).await
    }

    async fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        self.call()?;
        self.store.delete(kind, id).await
    }

    async fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.call()?;
        self.store.query(kind, after, limit).await
    }

    async fn sync(&self, from: Option<Position>) -> Result<SyncStream, StoreError> {
        self.call()?;
        self.store.sync(from).await
    }
}

/// A store that never answers.
pub(crate) struct Stuck;

#[async_trait]
impl Store for Stuck {
    async fn get(&self, _: &str, _: &str) -> Result<Option<Record>, StoreError> {
        core::future::pending().await
    }

    async fn put(&self, _: &str, _: &str, _: Bytes, _: IfVersion) -> Result<Record, StoreError> {
        core::future::pending().await
    }

    async fn delete(&self, _: &str, _: &str) -> Result<(), StoreError> {
        core::future::pending().await
    }

    async fn query(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Record>, StoreError> {
        core::future::pending().await
    }

    async fn sync(&self, _: Option<Position>) -> Result<SyncStream, StoreError> {
        core::future::pending().await
    }
}
