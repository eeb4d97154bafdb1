//! The record store on the wire: the generated client and server, and what
//! becomes of the store's own types.

use bytes::Bytes;
use portcullis_store::{IfVersion, Position, Record, StoreError, SyncEvent};
use prost::Message as _;
use tonic::{Code, Status};

use crate::generated::store as wire;

pub use crate::generated::store::record_store_client::RecordStoreClient;
pub use crate::generated::store::record_store_server::{RecordStore, RecordStoreServer};
pub use crate::generated::store::{
    DeleteRequest, DeleteResponse, GetRequest, GetResponse, PutRequest, PutResponse, QueryRequest,
    QueryResponse, SyncRequest,
};
/// A record as it travels.
pub type WireRecord = wire::Record;
/// What a stream of changes carries.
pub type WireEvent = wire::SyncEvent;

#[cfg(test)]
mod tests;

/// How often a stream on which nothing changes says that it lives.
pub const HEARTBEAT: core::time::Duration = core::time::Duration::from_secs(2);
/// After so long without a word a stream is dead.
pub const SILENCE: core::time::Duration = core::time::Duration::from_secs(7);
/// Bytes of one message: the largest record, twice over.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Characters of a reason that travel.
const MAX_REASON: usize = 512;

/// The record as a message.
#[must_use]
pub fn from_record(record: Record) -> wire::Record {
    let Record {
        kind,
        id,
        version,
        data,
        deleted,
    } = record;
    wire::Record {
        kind,
        id,
        version,
        data,
        deleted,
    }
}

/// The message as a record.
#[must_use]
pub fn to_record(record: wire::Record) -> Record {
    let wire::Record {
        kind,
        id,
        version,
        data,
        deleted,
    } = record;
    Record {
        kind,
        id,
        version,
        // A copy: the slice keeps the buffer of a whole message alive.
        data: Bytes::copy_from_slice(&data),
        deleted,
    }
}

/// The request of a put.
#[must_use]
pub fn put_request(kind: &str, id: &str, data: Bytes, if_version: IfVersion) -> PutRequest {
    use wire::put_request::IfVersion as Wire;
    let if_version = match if_version {
        IfVersion::Any => Wire::Any(wire::Unit {}),
        IfVersion::Absent => Wire::Absent(wire::Unit {}),
        IfVersion::Is(version) => Wire::Is(version),
    };
    PutRequest {
        kind: kind.to_owned(),
        id: id.to_owned(),
        data,
        if_version: Some(if_version),
    }
}

/// The condition of a put.
///
/// # Errors
/// `invalid_argument` where there is none: a put without a condition that was
/// meant to have one could undo a revocation.
pub fn if_version(request: &PutRequest) -> Result<IfVersion, Status> {
    use wire::put_request::IfVersion as Wire;
    match request.if_version {
        Some(Wire::Any(wire::Unit {})) => Ok(IfVersion::Any),
        Some(Wire::Absent(wire::Unit {})) => Ok(IfVersion::Absent),
        Some(Wire::Is(version)) => Ok(IfVersion::Is(version)),
        None => Err(Status::invalid_argument("a put needs a condition")),
    }
}

/// The request of a sync.
#[must_use]
pub fn sync_request(from: Option<Position>) -> SyncRequest {
    SyncRequest {
        from: from.map(|Position { epoch, version }| wire::Position { epoch, version }),
    }
}

/// Where a sync begins.
#[must_use]
pub fn position(request: &SyncRequest) -> Option<Position> {
    let wire::Position { epoch, version } = request.from?;
    Some(Position { epoch, version })
}

/// The event as a message; `None` is a heartbeat.
#[must_use]
pub fn from_event(event: Option<SyncEvent>) -> WireEvent {
    use wire::sync_event::Kind;
    let kind = match event {
        None => Kind::Heartbeat(wire::Unit {}),
        Some(SyncEvent::Snapshot) => Kind::Snapshot(wire::Unit {}),
        Some(SyncEvent::Record(record)) => Kind::Record(from_record(record)),
        Some(SyncEvent::CaughtUp(Position { epoch, version })) => {
            Kind::CaughtUp(wire::Position { epoch, version })
        }
    };
    WireEvent { kind: Some(kind) }
}

/// The message as an event; `None` for a heartbeat.
///
/// # Errors
/// [`StoreError::Unavailable`] for a message of another kind: whoever skipped
/// it would no longer know where it stands.
pub fn to_event(event: WireEvent) -> Result<Option<SyncEvent>, StoreError> {
    use wire::sync_event::Kind;
    match event.kind {
        Some(Kind::Heartbeat(wire::Unit {})) => Ok(None),
        Some(Kind::Snapshot(wire::Unit {})) => Ok(Some(SyncEvent::Snapshot)),
        Some(Kind::Record(record)) => Ok(Some(SyncEvent::Record(to_record(record)))),
        Some(Kind::CaughtUp(wire::Position { epoch, version })) => {
            Ok(Some(SyncEvent::CaughtUp(Position { epoch, version })))
        }
        None => Err(StoreError::Unavailable(
            "the stream has an event of an unknown kind".to_owned(),
        )),
    }
}

/// The error as a status, with itself as the detail.
#[must_use]
pub fn status(error: &StoreError) -> Status {
    use wire::failure::Kind;
    let shortened = |reason: &str| reason.chars().take(MAX_REASON).collect::<String>();
    let (code, message, kind) = match error {
        StoreError::Conflict { current } => (
            Code::FailedPrecondition,
            "the record has another version",
            Kind::Conflict(wire::Conflict { current: *current }),
        ),
        StoreError::Unavailable(why) => (
            Code::Unavailable,
            "the store is unavailable",
            Kind::Unavailable(shortened(why)),
        ),
        StoreError::Corrupt(why) => (
            Code::DataLoss,
            "the store is damaged",
            Kind::Corrupt(shortened(why)),
        ),
        StoreError::TooLarge => (
            Code::InvalidArgument,
            "the record is too large",
            Kind::TooLarge(wire::Unit {}),
        ),
        StoreError::Lagged => (
            Code::OutOfRange,
            "the reader fell behind",
            Kind::Lagged(wire::Unit {}),
        ),
    };
    let detail = wire::Failure { kind: Some(kind) }.encode_to_vec();
    Status::with_details(code, message, detail.into())
}

/// The error that a status stands for. What did not come from a store (a broken
/// connection, a refused credential) is [`StoreError::Unavailable`].
#[must_use]
pub fn error(status: &Status) -> StoreError {
    use wire::failure::Kind;
    let detail = match status.details() {
        [] => None,
        bytes => wire::Failure::decode(bytes).ok().and_then(|failure| failure.kind),
    };
    match (detail, status.code()) {
        (Some(Kind::Conflict(wire::Conflict { current })), _) => StoreError::Conflict { current },
        (Some(Kind::Unavailable(why)), _) => StoreError::Unavailable(why),
        (Some(Kind::Corrupt(why)), _) => StoreError::Corrupt(why),
        (Some(Kind::TooLarge(wire::Unit {})), _) => StoreError::TooLarge,
        (Some(Kind::Lagged(wire::Unit {})), _) => StoreError::Lagged,
        // The message was over what the server reads at all.
        (None, Code::OutOfRange) => StoreError::TooLarge,
        (None, code) => {
            let message: String = status.message().chars().take(MAX_REASON).collect();
            StoreError::Unavailable(format!("{code:?}: {message}"))
        }
    }
}
