//! Sessions that change: written on condition that they are still what was read.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use portcullis_session::record::{RecordError, Session};
use portcullis_store::{IfVersion, KIND_SESSION, StoreError};

use super::{Entry, STORE_DEADLINE, SessionError, SessionView, StoredSession};
use portcullis_model::SessionId;

/// A session was not replaced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreplaced {
    /// Its record has changed since, or is gone.
    #[error("the session has changed since")]
    Changed,
    /// The new content cannot be written down.
    #[error(transparent)]
    Record(RecordError),
    /// The store failed or did not answer in time. It may have written all the same.
    #[error("the session store is unavailable: {0}")]
    Unavailable(String),
}

impl SessionView {
    /// Writes `session` over `before`, if that is still what the store holds: who
    /// signed out meanwhile stays signed out.
    ///
    /// # Errors
    ///
    /// [`Unreplaced`].
    pub(crate) async fn replace(
        &self,
        before: &StoredSession,
        session: Session,
    ) -> Result<Arc<StoredSession>, Unreplaced> {
        let id = before.session.id;
        let data = session.encode().map_err(Unreplaced::Record)?;
        // Revoked here while the store was away: it may not know yet.
        if self.is_revoked(id) {
            return Err(Unreplaced::Changed);
        }
        if !self.contact.may_ask() {
            return Err(Unreplaced::Unavailable("the store is away".to_owned()));
        }
        let generation = self.generation.load(Ordering::Acquire);
        let condition = IfVersion::Is(before.version);
        let written = self.store.put(KIND_SESSION, &before.id_text, data, condition);
        let record = match tokio::time::timeout(STORE_DEADLINE, written).await {
            Ok(Ok(record)) => record,
            Ok(Err(StoreError::Conflict { .. })) => {
                self.contact.answered();
                return Err(Unreplaced::Changed);
            }
            Ok(Err(error)) => {
                self.contact.failed();
                return Err(Unreplaced::Unavailable(error.to_string()));
            }
            Err(_) => {
                self.contact.failed();
                return Err(Unreplaced::Unavailable("no answer in time".to_owned()));
            }
        };
        self.contact.answered();
        let stored = Arc::new(StoredSession::new(session, record.version));
        self.remember_written(&stored, generation);
        Ok(stored)
    }

    /// Keeps what was written in `generation`, unless that is over: a version of another
    /// epoch of the store may be above all that are to come, and would hide them. Unlike
    /// what was read it is kept without a connection as well: it is newer than what
    /// memory has, and the next snapshot clears it.
    pub(super) fn remember_written(&self, stored: &Arc<StoredSession>, generation: u64) {
        if self.generation.load(Ordering::Acquire) == generation {
            self.remember(stored.session.id, Entry::Live(Arc::clone(stored)));
        }
    }

    /// The session `id` as the store has it, whatever memory says.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`].
    pub(crate) async fn fresh(&self, id: SessionId) -> Result<Option<Arc<StoredSession>>, SessionError> {
        if self.is_revoked(id) {
            return Ok(None);
        }
        let id_text = id.to_string();
        let asked = tokio::time::timeout(STORE_DEADLINE, self.store.get(KIND_SESSION, &id_text));
        let answer = asked.await;
        match answer {
            Ok(Ok(_) | Err(StoreError::Corrupt(_))) => self.contact.answered(),
            Ok(Err(_)) | Err(_) => self.contact.failed(),
        }
        match answer {
            Ok(Ok(record)) => Ok(record.and_then(|record| self.read(id, &record))),
            Ok(Err(StoreError::Corrupt(_))) => Ok(None),
            Ok(Err(error)) => Err(SessionError::Unavailable(error.to_string())),
            Err(_) => Err(SessionError::Unavailable("no answer in time".to_owned())),
        }
    }

    /// Shows every session in memory. Takes its time: not for a Check.
    pub(crate) fn for_each(&self, mut show: impl FnMut(&Arc<StoredSession>)) {
        for (_, entry) in &self.entries.pin() {
            if let Entry::Live(stored) = entry {
                show(stored);
            }
        }
    }
}
