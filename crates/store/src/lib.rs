//! The versioned record store: its port, the in-memory store and the
//! conformance suite. Pure.
//!
//! A record is a `kind` and an `id` with opaque data. Every write gets the next
//! number of one counter of the whole store as its version, so that a version
//! says both "which state of this record" and "how far the store had come". The
//! counter belongs to an epoch: a random number that changes when the data set
//! does, which tells a reader that its position means nothing any more.

pub mod conformance;
mod feed;
mod limits;
mod memory;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use feed::{Feed, Follower};
pub use limits::Limits;
pub use memory::MemoryStore;

/// Kind of the records that hold a signed-in session.
pub const KIND_SESSION: &str = "session";
/// Kind of the records that hold what is known of a user beyond one session.
pub const KIND_USER: &str = "user";

/// One state of one record.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is, for instance [`KIND_SESSION`].
    pub kind: String,
    /// Its id, unique within the kind.
    pub id: String,
    /// The store's counter at the write that made this state; from 1.
    pub version: u64,
    /// The content, which the store does not look into. Empty when deleted.
    pub data: Bytes,
    /// True for the tombstone that a deletion leaves; only [`Store::sync`]
    /// shows those.
    pub deleted: bool,
}

/// The data may hold tokens: only its length is shown.
impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            kind,
            id,
            version,
            data,
            deleted,
        } = self;
        f.debug_struct("Record")
            .field("kind", kind)
            .field("id", id)
            .field("version", version)
            .field("data", &format_args!("{} bytes", data.len()))
            .field("deleted", deleted)
            .finish()
    }
}

/// A point in a store's history, from which [`Store::sync`] can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The data set that `version` counts in.
    pub epoch: u64,
    /// Everything up to and including this version is known.
    pub version: u64,
}

/// The condition of a [`Store::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfVersion {
    /// Write whatever is there, a deleted record included.
    Any,
    /// Write only if there is no such record (a deleted one counts as none).
    Absent,
    /// Write only over exactly this version. Never met once the record has been
    /// deleted, so that a revocation wins over a refresh that raced it.
    Is(u64),
}

/// What a [`Store::sync`] stream yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncEvent {
    /// All current records follow: what the reader held before is void.
    Snapshot,
    /// A record's new state, `deleted` included. Before the first
    /// [`SyncEvent::CaughtUp`] the order is the store's own; afterwards versions
    /// rise and a reader may resume from `Position { epoch, version }` of any.
    Record(Record),
    /// The reader now holds everything up to this position.
    CaughtUp(Position),
}

/// The changes of a store; see [`Store::sync`].
pub type SyncStream = BoxStream<'static, Result<SyncEvent, StoreError>>;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The condition of a put was not met.
    #[error("the record has another version")]
    Conflict {
        /// The live record's version, none when there is none.
        current: Option<u64>,
    },
    /// The store cannot answer now; nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What the store holds cannot be read.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The data, the id or the kind is over the store's limits.
    #[error("the record is too large")]
    TooLarge,
    /// The reader of a sync stream was too slow and missed changes: it must
    /// start again from its last position.
    #[error("the reader fell behind")]
    Lagged,
}

/// The port through which state is kept.
///
/// Implementations are run through [`conformance`]. Every operation is atomic;
/// one that returned `Ok` is seen by every later one.
#[async_trait]
pub trait Store: Send + Sync {
    /// The live record, none when there is none or it was deleted. A record
    /// that cannot be read (damaged, sealed by another key) counts as absent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError>;

    /// Writes a record and returns its new state.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `if_version` is not met,
    /// [`StoreError::TooLarge`] over the limits, [`StoreError::Unavailable`].
    async fn put(
        &self,
        kind: &str,
        id: &str,
        data: Bytes,
        if_version: IfVersion,
    ) -> Result<Record, StoreError>;

    /// Deletes a record and leaves a tombstone: a put on a version from before
    /// fails from now on. Deleting what is not there does nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError>;

    /// A page of the live records of a kind, at most `limit` (and the store's
    /// own page bound), in an order that is the store's own and does not change
    /// with writes to others. `after` is the id of the last record of the page
    /// before; an empty page is the end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// What changed after `from`, then what changes, without end.
    ///
    /// With a `from` of this epoch that the store still has the history for:
    /// the records written and deleted since, [`SyncEvent::CaughtUp`], then
    /// each change as it is made. Otherwise [`SyncEvent::Snapshot`] and all
    /// live records in the place of the former. The stream ends after its first
    /// error; a reader that does not keep up gets [`StoreError::Lagged`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn sync(&self, from: Option<Position>) -> Result<SyncStream, StoreError>;
}
