//! The way through the records of all sessions.

use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_session::record::Session;
use portcullis_store::{KIND_SESSION, Record, Store, StoreError};

/// Records read from the store at once.
const PAGE: usize = 100;

/// Bounds of one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Records that are looked at.
    pub(super) examined: usize,
    /// Sessions that are named in the answer.
    pub(super) named: usize,
    /// How long it takes, but for the page that it is at.
    pub(super) time: Duration,
}

/// A way through the records of all sessions.
pub(super) struct Walk {
    /// Where the next step goes on; none at the end.
    pub(super) next: Option<String>,
    /// Records on the way that cannot be read.
    pub(super) unreadable: usize,
    examined: usize,
    bounds: Bounds,
    begun: Instant,
}

impl Walk {
    pub(super) fn new(after: Option<String>, bounds: Bounds) -> Self {
        Self {
            next: after,
            unreadable: 0,
            examined: 0,
            bounds,
            begun: Instant::now(),
        }
    }

    /// Whether this step is over, with so many found.
    pub(super) fn is_full(&self, found: usize) -> bool {
        // However slow the store is, each step comes forward.
        let slow = self.examined > 0 && self.begun.elapsed() >= self.bounds.time;
        found >= self.bounds.named || self.examined >= self.bounds.examined || slow
    }

    /// What the store has next; `None` at the end, and then there is no `next`.
    pub(super) async fn page(&mut self, store: &dyn Store) -> Result<Option<Vec<Record>>, StoreError> {
        let page = store.query(KIND_SESSION, self.next.as_deref(), PAGE).await?;
        if page.is_empty() {
            self.next = None;
            return Ok(None);
        }
        Ok(Some(page))
    }

    /// A record of the page, which is then behind us.
    pub(super) fn read(&mut self, record: &Record) -> Option<Session> {
        self.examined += 1;
        self.next = Some(record.id.clone());
        let session = decode(record);
        self.unreadable += usize::from(session.is_none());
        session
    }
}

/// What stands under an id.
pub(super) enum Found {
    Session(Box<Session>, u64),
    Unreadable,
    Nothing,
}

pub(super) async fn get(store: &dyn Store, id: SessionId) -> Result<Found, StoreError> {
    match store.get(KIND_SESSION, &id.to_string()).await {
        Ok(Some(record)) => Ok(match decode(&record) {
            Some(session) => Found::Session(Box::new(session), record.version),
            None => Found::Unreadable,
        }),
        Ok(None) => Ok(Found::Nothing),
        Err(StoreError::Corrupt(_)) => Ok(Found::Unreadable),
        Err(error) => Err(error),
    }
}

/// The session in `record`, if it is one that anybody could be let in by.
fn decode(record: &Record) -> Option<Session> {
    let session = Session::decode(&record.data).ok()?;
    (session.id.to_string() == record.id).then_some(session)
}
