//! Revocations that the store has not heard of yet.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use portcullis_model::SessionId;

/// More than these are not remembered; whoever signs out is told that it failed.
const MAX_UNSAID: usize = 100_000;

/// The sessions that were revoked here while the store was away. They are
/// refused here in any case; once the store is back it is told, so that the
/// other servers refuse them too and they do not return with a restart.
#[derive(Default)]
pub(super) struct Unsaid(Mutex<BTreeSet<SessionId>>);

impl Unsaid {
    pub(super) fn add(&self, id: SessionId) {
        let mut unsaid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unsaid.len() < MAX_UNSAID {
            unsaid.insert(id);
        }
    }

    pub(super) fn remove(&self, id: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&id)
    }

    pub(super) fn all(&self) -> Vec<SessionId> {
        let unsaid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.iter().copied().collect()
    }
}
