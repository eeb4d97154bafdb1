//! The sessions that have something in common, all of them.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use portcullis_model::SessionId;
use portcullis_session::record::Session;
use portcullis_store::KIND_SESSION;
use tokio::sync::Semaphore;

use super::{MAX_IN_MEMORY, STORE_DEADLINE, SessionError, SessionView};
use crate::state::AuthzServer;

/// Records that the store is asked for at a time.
const PAGE: usize = 1000;

/// Nobody keeps more processors busy with looking through memory than these.
static WALKS: Semaphore = Semaphore::const_new(2);

/// The ids of all sessions that `pick` is true of: as memory has them, where it
/// follows the store and has room for all, else as the store has them.
///
/// # Errors
///
/// [`SessionError::Unavailable`] if some may be missing, as the store does not
/// answer.
pub(crate) async fn picked(
    server: &Arc<AuthzServer>,
    pick: impl Fn(&Session) -> bool + Clone + Send + 'static,
) -> Result<Vec<SessionId>, SessionError> {
    let unavailable = |_| SessionError::Unavailable("sessions cannot be looked through".to_owned());
    // Until the walk has ended, even where nobody waits for it any more.
    let turn = WALKS.acquire().await.map_err(|_| unavailable(()))?;
    let (walked, of_memory) = (Arc::clone(server), pick.clone());
    // There may be a million sessions; who waits for a Check must not wait for this.
    let found = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        walked.sessions().in_memory(of_memory)
    });
    match found.await.map_err(|_| unavailable(()))? {
        Some(found) => Ok(found),
        None => server.sessions().in_store(pick).await,
    }
}

impl SessionView {
    /// `None` where memory may not have all.
    fn in_memory(&self, pick: impl Fn(&Session) -> bool) -> Option<Vec<SessionId>> {
        let generation = self.generation.load(Ordering::Acquire);
        let is_whole = || {
            self.is_connected()
                && self.count.load(Ordering::Relaxed) < MAX_IN_MEMORY
                && self.generation.load(Ordering::Acquire) == generation
        };
        if !is_whole() {
            return None;
        }
        let mut found = Vec::new();
        self.for_each(|stored| {
            if pick(&stored.session) {
                found.push(stored.session.id);
            }
        });
        is_whole().then_some(found)
    }

    async fn in_store(&self, pick: impl Fn(&Session) -> bool) -> Result<Vec<SessionId>, SessionError> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let asked = self.store.query(KIND_SESSION, after.as_deref(), PAGE);
            let page = match tokio::time::timeout(STORE_DEADLINE, asked).await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Err(SessionError::Unavailable(error.to_string())),
                Err(_) => return Err(SessionError::Unavailable("no answer in time".to_owned())),
            };
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = Some(last.id.clone());
            for record in &page {
                let Ok(id) = record.id.parse::<uuid::Uuid>().map(SessionId) else {
                    continue;
                };
                let stored = self.read(id, record);
                if stored.is_some_and(|stored| pick(&stored.session)) {
                    found.push(id);
                }
            }
        }
    }
}
