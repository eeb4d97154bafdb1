//! The sessions as this server knows them.
//!
//! While the store's change stream is connected, memory answers: a Check of a
//! known session does no I/O. Otherwise every look-up asks the store, so that a
//! revocation is never missed, and a store that does not answer is an error
//! (which denies), never an anonymous user or an old session.

use crate::clock::Clock;
use crate::metrics::Metrics;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use futures::StreamExt as _;
use jiff::Timestamp;
use papaya::{Compute, HashMap, Operation};
use portcullis_model::SessionId;
use portcullis_session::record::Session;
use portcullis_store::{IfVersion, KIND_SESSION, Position, Record, Store, StoreError, SyncEvent};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// How long a Check waits for the store. Less than Envoy waits for the Check.
const STORE_DEADLINE: Duration = Duration::from_secs(2);
/// Sessions held in memory; one more is read from the store each time.
const MAX_IN_MEMORY: usize = 1_000_000;
/// Ended sessions that one sweep deletes from the store.
const MAX_PURGED: usize = 5_000;
/// How long a revocation is remembered: longer than any look-up that began
/// before it can still be under way.
const TOMBSTONE_SECONDS: i64 = 600;
/// The version of a session that was revoked here: above every version of the store.
const REVOKED: u64 = u64::MAX;

/// A session and the version of its record.
#[derive(Debug)]
pub struct StoredSession {
    /// The session.
    pub session: Session,
    /// The record's version: a session of another version is another content.
    pub version: u64,
    /// The id in the form that policies and assertions use.
    pub id_text: String,
}

/// Why a session could not be looked up; deny.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The store failed or did not answer in time.
    #[error("the session store is unavailable: {0}")]
    Unavailable(String),
    /// The record exists already; ids are random, so this is a fault.
    #[error("the session exists already")]
    Exists,
    /// The session cannot be written down.
    #[error(transparent)]
    Record(portcullis_session::record::RecordError),
}

/// What memory knows of one session.
enum Entry {
    Live(Arc<StoredSession>),
    /// Deleted or unreadable; the version keeps an older copy from coming back.
    Gone {
        version: u64,
        since: Timestamp,
    },
}

impl Entry {
    fn version(&self) -> u64 {
        match self {
            Self::Live(stored) => stored.version,
            Self::Gone { version, .. } => *version,
        }
    }
}

/// What memory answers without I/O.
pub enum Known {
    /// The session, as of now.
    Live(Arc<StoredSession>),
    /// Known not to exist.
    Gone,
    /// Only the store knows.
    Ask,
}

/// The sessions of this server.
pub struct SessionView {
    entries: HashMap<SessionId, Entry>,
    count: AtomicUsize,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Whether the change stream is connected and has caught up.
    connected: AtomicBool,
    /// Changes whenever the change stream starts over: a record read before may
    /// carry a version of another epoch of the store and must not be kept.
    generation: AtomicU64,
    metrics: Metrics,
}

impl SessionView {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        Self {
            entries: HashMap::new(),
            count: AtomicUsize::new(0),
            store,
            clock,
            connected: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            metrics,
        }
    }

    /// The store behind.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Whether memory follows the store at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// What memory says of `id`; no I/O, no lock.
    #[must_use]
    pub fn known(&self, id: SessionId) -> Known {
        match self.entries.pin().get(&id) {
            // What was revoked or deleted never comes back.
            Some(Entry::Gone { .. }) => Known::Gone,
            Some(Entry::Live(stored)) if self.is_connected() => Known::Live(Arc::clone(stored)),
            Some(Entry::Live(_)) | None => Known::Ask,
        }
    }

    /// The session `id`; `None` if there is none. Whether it is still live is for
    /// the caller to judge (`portcullis_session::lifetime`), at the time of the
    /// decision.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`] if only the store knows and it does not answer.
    pub async fn get(&self, id: SessionId) -> Result<Option<Arc<StoredSession>>, SessionError> {
        match self.known(id) {
            Known::Live(stored) => return Ok(Some(stored)),
            Known::Gone => return Ok(None),
            Known::Ask => {}
        }
        self.metrics.session_store_read();
        let generation = self.generation.load(Ordering::Acquire);
        let id_text = id.to_string();
        let asked = self.store.get(KIND_SESSION, &id_text);
        let record = match tokio::time::timeout(STORE_DEADLINE, asked).await {
            Err(_) => return Err(SessionError::Unavailable("no answer in time".to_owned())),
            // A record that cannot be read is no session.
            Ok(Err(StoreError::Corrupt(_))) => {
                self.metrics.session_corrupt();
                return Ok(None);
            }
            Ok(Err(error)) => return Err(SessionError::Unavailable(error.to_string())),
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(record))) => record,
        };
        let Some(stored) = self.read(id, &record) else {
            return Ok(None);
        };
        if self.is_connected() && self.generation.load(Ordering::Acquire) == generation {
            self.remember(id, Entry::Live(Arc::clone(&stored)));
        }
        // It may have been revoked while the store was asked.
        Ok(match self.entries.pin().get(&id) {
            Some(Entry::Gone { .. }) => None,
            Some(Entry::Live(newer)) if newer.version > stored.version => Some(Arc::clone(newer)),
            Some(Entry::Live(_)) | None => Some(stored),
        })
    }

    /// Keeps a new session, in the store first.
    ///
    /// # Errors
    ///
    /// [`SessionError::Exists`] if the id is taken, [`SessionError::Record`] if it is
    /// too large, else [`SessionError::Unavailable`].
    pub async fn insert(&self, session: Session) -> Result<Arc<StoredSession>, SessionError> {
        let id = session.id;
        let id_text = id.to_string();
        let data = session.encode().map_err(SessionError::Record)?;
        let record = self
            .store
            .put(KIND_SESSION, &id_text, data, IfVersion::Absent)
            .await
            .map_err(|error| match error {
                StoreError::Conflict { .. } => SessionError::Exists,
                other => SessionError::Unavailable(other.to_string()),
            })?;
        let stored = Arc::new(StoredSession {
            session,
            version: record.version,
            id_text,
        });
        self.remember(id, Entry::Live(Arc::clone(&stored)));
        Ok(stored)
    }

    /// Ends the session `id`: once this has returned, no Check of this server
    /// accepts it, and no other that is connected to the store.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`] if the store could not be told; this server
    /// refuses the session all the same, the others may not.
    pub async fn revoke(&self, id: SessionId) -> Result<(), SessionError> {
        // Here first: an answer of the store that never comes must not keep it alive.
        self.remember(
            id,
            Entry::Gone {
                version: REVOKED,
                since: self.clock.now(),
            },
        );
        match self.store.delete(KIND_SESSION, &id.to_string()).await {
            Ok(()) => Ok(()),
            Err(error) => Err(SessionError::Unavailable(error.to_string())),
        }
    }

    /// Follows the store's changes until `shutdown`, connecting again after a
    /// failure.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let mut position = None;
        let mut pause = Duration::from_millis(50);
        loop {
            let ended = shutdown
                .run_until_cancelled(self.follow_once(&mut position))
                .await;
            // Whatever the reason: memory may be out of date from now on.
            self.connected.store(false, Ordering::Release);
            match ended {
                None => return,
                Some(Ok(())) => tracing::info!("the session stream ended, connecting again"),
                Some(Err(error)) => tracing::warn!(%error, "the session stream broke, connecting again"),
            }
            if position.is_some() {
                pause = Duration::from_millis(50);
            }
            if shutdown
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return;
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn follow_once(&self, position: &mut Option<Position>) -> Result<(), StoreError> {
        // Lagged or of another epoch: the store sends everything anew.
        let mut changes = self.store.sync(position.take()).await?;
        while let Some(event) = changes.next().await {
            match event? {
                SyncEvent::Snapshot => {
                    self.connected.store(false, Ordering::Release);
                    self.generation.fetch_add(1, Ordering::AcqRel);
                    self.forget_live();
                }
                SyncEvent::Record(record) => self.apply(&record),
                SyncEvent::CaughtUp(at) => {
                    *position = Some(at);
                    self.connected.store(true, Ordering::Release);
                }
            }
        }
        Ok(())
    }

    fn apply(&self, record: &Record) {
        if record.kind != KIND_SESSION {
            return;
        }
        let Ok(id) = record.id.parse::<uuid::Uuid>().map(SessionId) else {
            return;
        };
        let entry = match self.read(id, record) {
            Some(stored) => Entry::Live(stored),
            None => Entry::Gone {
                version: record.version,
                since: self.clock.now(),
            },
        };
        self.remember(id, entry);
    }

    /// A record as a session; `None` if it is deleted or unreadable.
    fn read(&self, id: SessionId, record: &Record) -> Option<Arc<StoredSession>> {
        if record.deleted {
            return None;
        }
        match Session::decode(&record.data) {
            Ok(session) if session.id == id => Some(Arc::new(StoredSession {
                session,
                version: record.version,
                id_text: id.to_string(),
            })),
            _ => {
                self.metrics.session_corrupt();
                tracing::error!(
                    version = record.version,
                    "a session record cannot be read and counts as absent"
                );
                None
            }
        }
    }

    /// Keeps `entry` unless memory knows a newer one.
    fn remember(&self, id: SessionId, entry: Entry) {
        let full = self.count.load(Ordering::Relaxed) >= MAX_IN_MEMORY;
        let entries = self.entries.pin();
        if full && matches!(entry, Entry::Live(_)) && entries.get(&id).is_none() {
            return;
        }
        let version = entry.version();
        // The closure may run again when another writer was faster.
        let outcome = entries.compute(id, |existing| match existing {
            Some((_, known)) if known.version() > version => Operation::Abort(()),
            _ => Operation::Insert(match &entry {
                Entry::Live(stored) => Entry::Live(Arc::clone(stored)),
                Entry::Gone { version, since } => Entry::Gone {
                    version: *version,
                    since: *since,
                },
            }),
        });
        if matches!(outcome, Compute::Inserted(..)) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn forget_live(&self) {
        self.entries
            .pin()
            .retain(|_, entry| matches!(entry, Entry::Gone { version: REVOKED, .. }));
        self.recount();
    }

    /// Deletes from the store the sessions that have ended, so that it does not
    /// fill up; a few thousand at a time. Memory knows all of them while it
    /// follows the store.
    pub(crate) async fn purge(&self, now: Timestamp) {
        let ended: Vec<SessionId> = self
            .entries
            .pin()
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Live(stored) if stored.session.expires_at <= now))
            .map(|(id, _)| *id)
            .take(MAX_PURGED)
            .collect();
        for id in ended {
            if let Err(error) = self.store.delete(KIND_SESSION, &id.to_string()).await {
                tracing::warn!(%error, "a session that has ended cannot be deleted; the next sweep tries again");
                return;
            }
        }
    }

    /// Lets go of sessions that have ended and of old tombstones.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.entries.pin().retain(|_, entry| match entry {
            Entry::Live(stored) => stored.session.expires_at > now,
            Entry::Gone { since, .. } => {
                now.as_second().saturating_sub(since.as_second()) < TOMBSTONE_SECONDS
            }
        });
        self.recount();
    }

    fn recount(&self) {
        self.count.store(self.entries.len(), Ordering::Relaxed);
    }
}
