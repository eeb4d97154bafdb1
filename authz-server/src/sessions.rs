//! The sessions as this server knows them.
//!
//! While the store's change stream is connected, memory answers: a Check of a
//! known session does no I/O. Otherwise a look-up asks the store, so that a
//! revocation is not missed. If that does not answer either, memory answers for
//! `max_staleness` after the last contact; then, and where memory knows nothing,
//! it is an error (which denies), never an anonymous user. What was revoked here
//! stays revoked, whatever the store says.

use crate::clock::Clock;
use crate::metrics::Metrics;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use futures::StreamExt as _;
use jiff::Timestamp;
use papaya::{Compute, HashMap, Operation};
use portcullis_model::SessionId;
use portcullis_session::record::Session;
use portcullis_store::{IfVersion, KIND_SESSION, Position, Record, Store, StoreError, SyncEvent};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

mod contact;
mod picked;
mod replace;
mod unsaid;

use contact::Contact;
pub(crate) use picked::picked;
pub(crate) use replace::Unreplaced;
use unsaid::Unsaid;

#[cfg(test)]
mod staleness_tests;
#[cfg(test)]
mod tests;

/// How long a Check waits for the store. Less than Envoy waits for the Check.
const STORE_DEADLINE: Duration = Duration::from_secs(2);
/// How long it waits where memory has an answer in case there comes none.
const SHORT_DEADLINE: Duration = Duration::from_millis(500);
/// The pause after the change stream broke; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// Sessions held in memory; one more is read from the store each time.
const MAX_IN_MEMORY: usize = 1_000_000;
/// Ended sessions that one sweep deletes from the store.
const MAX_PURGED: usize = 5_000;
/// How long a revocation is remembered: longer than any look-up that began
/// before it can still be under way.
const TOMBSTONE_SECONDS: i64 = 600;
/// The version of a session that was revoked here or deleted in the store: above
/// every version of the store. Ids are used once, so neither is ever undone, nor by
/// a store that was put back to an older state.
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
    /// The session as it stands in logs: enough to see that two lines are of one
    /// session, of no use to anybody who wants to be it.
    pub log_name: String,
    /// When its tokens are to be renewed.
    pub refresh_at: Option<Timestamp>,
}

impl StoredSession {
    fn new(session: Session, version: u64) -> Self {
        let id_text = session.id.to_string();
        let log_name = portcullis_session::log_name(session.id);
        let refresh_at = portcullis_session::refresh::due_at(&session);
        Self {
            session,
            version,
            id_text,
            log_name,
            refresh_at,
        }
    }
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
    /// Deleted or unreadable; the version keeps an older copy from coming back. A
    /// deleted one has [`REVOKED`].
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
    contact: Contact,
    unsaid: Unsaid,
    /// Changes whenever the change stream starts over: a record read before may
    /// carry a version of another epoch of the store and must not be kept.
    generation: AtomicU64,
    metrics: Metrics,
}

impl SessionView {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        max_staleness: Duration,
    ) -> Self {
        Self {
            entries: HashMap::new(),
            count: AtomicUsize::new(0),
            store,
            clock,
            contact: Contact::new(max_staleness),
            unsaid: Unsaid::default(),
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
        self.contact.is_connected()
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
    /// [`SessionError::Unavailable`] if only the store knows and it does not answer,
    /// or memory is too old to stand for it.
    pub async fn get(&self, id: SessionId) -> Result<Option<Arc<StoredSession>>, SessionError> {
        match self.known(id) {
            Known::Live(stored) => return Ok(Some(stored)),
            Known::Gone => return Ok(None),
            Known::Ask => {}
        }
        let stale = self.stale(id);
        if !self.contact.may_ask() {
            return stale
                .map(Some)
                .ok_or_else(|| SessionError::Unavailable("the store is away".to_owned()));
        }
        self.metrics.session_store_read();
        let generation = self.generation.load(Ordering::Acquire);
        let id_text = id.to_string();
        let asked = self.store.get(KIND_SESSION, &id_text);
        let deadline = if stale.is_some() {
            SHORT_DEADLINE
        } else {
            STORE_DEADLINE
        };
        let record = match tokio::time::timeout(deadline, asked).await {
            // A record that cannot be read is no session.
            Ok(Err(StoreError::Corrupt(_))) => {
                self.metrics.session_corrupt();
                return Ok(None);
            }
            Ok(Ok(record)) => {
                self.contact.answered();
                record
            }
            failed => {
                self.contact.failed();
                // It may have been revoked while the store was asked.
                if stale.is_some() {
                    return Ok(self.stale(id));
                }
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    Ok(Ok(_)) | Err(_) => "no answer in time".to_owned(),
                };
                return Err(SessionError::Unavailable(why));
            }
        };
        let Some(record) = record else {
            return Ok(None);
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

    /// What memory holds of `id`, where that may stand for the store's answer.
    fn stale(&self, id: SessionId) -> Option<Arc<StoredSession>> {
        if !self.contact.memory_stands(self.clock.now()) {
            return None;
        }
        match self.entries.pin().get(&id) {
            Some(Entry::Live(stored)) => Some(Arc::clone(stored)),
            Some(Entry::Gone { .. }) | None => None,
        }
    }

    /// Whether a new session could be kept: not while the store of another process
    /// is away.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`].
    pub fn can_keep(&self) -> Result<(), SessionError> {
        if self.contact.is_cut_off() {
            return Err(SessionError::Unavailable("the store is away".to_owned()));
        }
        Ok(())
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
        let generation = self.generation.load(Ordering::Acquire);
        let record = self
            .store
            .put(KIND_SESSION, &id_text, data, IfVersion::Absent)
            .await
            .map_err(|error| match error {
                StoreError::Conflict { .. } => SessionError::Exists,
                other => SessionError::Unavailable(other.to_string()),
            })?;
        let stored = Arc::new(StoredSession::new(session, record.version));
        self.remember_written(&stored, generation);
        Ok(stored)
    }

    /// Ends the session `id`: once this has returned, no Check of this server
    /// accepts it, and no other that is connected to the store.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`] if the store could not be told; this server
    /// refuses the session all the same, the others once the store is back and
    /// has been told.
    pub async fn revoke(&self, id: SessionId) -> Result<(), SessionError> {
        // Here first: an answer of the store that never comes must not keep it alive.
        self.remember(
            id,
            Entry::Gone {
                version: REVOKED,
                since: self.clock.now(),
            },
        );
        // Until the store has said yes, and also if whoever asked goes away.
        self.unsaid.add(id);
        match self.store.delete(KIND_SESSION, &id.to_string()).await {
            Ok(()) => {
                self.unsaid.remove(id);
                Ok(())
            }
            Err(error) => Err(SessionError::Unavailable(error.to_string())),
        }
    }

    /// Tells the store what was revoked while it was away.
    async fn say(&self) {
        for id in self.unsaid.all() {
            if let Err(error) = self.store.delete(KIND_SESSION, &id.to_string()).await {
                tracing::warn!(%error, "the store has not heard of a revocation yet");
                return;
            }
            self.unsaid.remove(id);
        }
    }

    /// Follows the store's changes until `shutdown`, connecting again after a
    /// failure.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let mut position = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let ended = shutdown
                .run_until_cancelled(self.follow_once(&mut position))
                .await;
            // Whatever the reason: memory may be out of date from now on.
            let was_connected = self.contact.disconnect(self.clock.now());
            match ended {
                None => return,
                Some(Ok(())) => tracing::info!("the session stream ended, connecting again"),
                Some(Err(error)) => tracing::warn!(%error, "the session stream broke, connecting again"),
            }
            if was_connected {
                pause = FIRST_PAUSE;
            }
            if shutdown
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return;
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn follow_once(&self, position: &mut Option<Position>) -> Result<(), StoreError> {
        // The store judges whether it can go on from there. What memory holds
        // already changes nothing if it comes again.
        let mut changes = self.store.sync(*position).await?;
        // A snapshot is put in force as a whole: if it breaks off, memory is no
        // worse than before.
        let mut snapshot: Option<Vec<(SessionId, Entry)>> = None;
        while let Some(event) = changes.next().await {
            match event? {
                SyncEvent::Snapshot => {
                    self.contact.disconnect(self.clock.now());
                    self.generation.fetch_add(1, Ordering::AcqRel);
                    snapshot = Some(Vec::new());
                }
                SyncEvent::Record(record) => {
                    let version = record.version;
                    match (self.entry(&record), &mut snapshot) {
                        (Some(known), Some(snapshot)) if snapshot.len() < MAX_IN_MEMORY => {
                            snapshot.push(known)
                        }
                        (Some((id, entry)), None) => self.remember(id, entry),
                        (Some(_), Some(_)) | (None, _) => {}
                    }
                    // Before it has caught up the order is the store's own.
                    if let Some(at) = position.as_mut().filter(|_| self.is_connected()) {
                        at.version = version;
                    }
                }
                SyncEvent::CaughtUp(at) => {
                    if let Some(snapshot) = snapshot.take() {
                        self.forget_live();
                        for (id, entry) in snapshot {
                            if matches!(entry, Entry::Live(_)) && self.is_revoked(id) {
                                // The store was put back to an older state.
                                self.unsaid.add(id);
                            }
                            self.remember(id, entry);
                        }
                    }
                    *position = Some(at);
                    self.contact.connect();
                    self.say().await;
                }
            }
        }
        Ok(())
    }

    /// What a record of the change stream says, if it is of a session.
    fn entry(&self, record: &Record) -> Option<(SessionId, Entry)> {
        if record.kind != KIND_SESSION {
            return None;
        }
        let id = record.id.parse::<uuid::Uuid>().map(SessionId).ok()?;
        let entry = match self.read(id, record) {
            Some(stored) => Entry::Live(stored),
            None => Entry::Gone {
                version: if record.deleted { REVOKED } else { record.version },
                since: self.clock.now(),
            },
        };
        Some((id, entry))
    }

    /// A record as a session; `None` if it is deleted or unreadable.
    fn read(&self, id: SessionId, record: &Record) -> Option<Arc<StoredSession>> {
        if record.deleted {
            return None;
        }
        match Session::decode(&record.data) {
            Ok(session) if session.id == id => Some(Arc::new(StoredSession::new(session, record.version))),
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

    fn is_revoked(&self, id: SessionId) -> bool {
        let entries = self.entries.pin();
        matches!(entries.get(&id), Some(Entry::Gone { version: REVOKED, .. }))
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
        self.say().await;
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
        self.entries.pin().retain(|id, entry| match entry {
            Entry::Live(stored) => stored.session.expires_at > now,
            Entry::Gone { since, .. } => {
                now.as_second().saturating_sub(since.as_second()) < TOMBSTONE_SECONDS
                    || self.unsaid.contains(*id)
            }
        });
        self.recount();
    }

    fn recount(&self) {
        self.count.store(self.entries.len(), Ordering::Relaxed);
    }
}
