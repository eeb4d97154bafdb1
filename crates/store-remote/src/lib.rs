//! The record store of a control plane, used over gRPC.
//!
//! Every call has a deadline. After a failure of the connection the next calls
//! fail at once, and one a second tries whether the control plane is back:
//! whoever asks for each request of a busy site is not held up by a store that
//! is away.

mod breaker;
mod changes;

use core::time::Duration;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use portcullis_proto::channel::Connection;
use portcullis_proto::store::{
    self as wire, DeleteRequest, GetRequest, MAX_MESSAGE, QueryRequest, RecordStoreClient,
};
use portcullis_store::{IfVersion, Limits, Position, Record, Store, StoreError, SyncStream};
use tonic::{Code, Response, Status};

use breaker::Breaker;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// A control plane's store.
pub struct RemoteStore {
    client: RecordStoreClient<Connection>,
    breaker: Breaker,
    max_behind: usize,
}

impl RemoteStore {
    /// The store behind `channel`; it need not be reachable yet.
    #[must_use]
    pub fn new(channel: Connection) -> Self {
        Self::with_max_behind(channel, Limits::default().max_behind)
    }

    /// The same, whose readers may fall behind by `max_behind` changes.
    #[must_use]
    pub fn with_max_behind(channel: Connection, max_behind: usize) -> Self {
        Self {
            max_behind,
            client: RecordStoreClient::new(channel).max_decoding_message_size(MAX_MESSAGE),
            breaker: Breaker::default(),
        }
    }

    /// Makes a call within the deadline, unless the control plane is known to be
    /// away.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, StoreError> {
        if !self.breaker.lets_through(Instant::now()) {
            return Err(away());
        }
        let Ok(answer) = tokio::time::timeout(DEADLINE, call).await else {
            self.breaker.failed(Instant::now());
            return Err(StoreError::Unavailable("no answer in time".to_owned()));
        };
        self.judge(answer).map(Response::into_inner)
    }

    /// Notes whether the control plane answered at all.
    fn judge<T>(&self, answer: Result<T, Status>) -> Result<T, StoreError> {
        match answer {
            Ok(answer) => {
                self.breaker.answered();
                Ok(answer)
            }
            Err(status) => {
                // With a detail it is the store that failed, not the way to it.
                if status.details().is_empty() && matches!(status.code(), Code::Unavailable | Code::Unknown) {
                    self.breaker.failed(Instant::now());
                } else {
                    self.breaker.answered();
                }
                Err(wire::error(&status))
            }
        }
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("the control plane cannot be reached".to_owned())
}

/// What the answer to a put must have.
fn record(record: Option<portcullis_proto::store::WireRecord>) -> Result<Record, StoreError> {
    record
        .map(wire::to_record)
        .ok_or_else(|| StoreError::Unavailable("the answer has no record".to_owned()))
}

#[async_trait]
impl Store for RemoteStore {
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let request = GetRequest {
            kind: kind.to_owned(),
            id: id.to_owned(),
        };
        let mut client = self.client.clone();
        let answer = self.call(client.get(request)).await?;
        Ok(answer.record.map(wire::to_record))
    }

    async fn put(
        &self,
        kind: &str,
        id: &str,
        data: Bytes,
        if_version: IfVersion,
    ) -> Result<Record, StoreError> {
        // The server would not read it to its end, and say less well why.
        if kind.len().saturating_add(id.len()).saturating_add(data.len()) > MAX_MESSAGE / 2 {
            return Err(StoreError::TooLarge);
        }
        let request = wire::put_request(kind, id, data, if_version);
        let mut client = self.client.clone();
        record(self.call(client.put(request)).await?.record)
    }

    async fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        let request = DeleteRequest {
            kind: kind.to_owned(),
            id: id.to_owned(),
        };
        let mut client = self.client.clone();
        self.call(client.delete(request)).await?;
        Ok(())
    }

    async fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        let request = QueryRequest {
            kind: kind.to_owned(),
            after: after.map(str::to_owned),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        let mut client = self.client.clone();
        let answer = self.call(client.query(request)).await?;
        Ok(answer.records.into_iter().map(wire::to_record).collect())
    }

    /// Not held back while the control plane is known to be away: whoever
    /// follows has a pace of its own, and its success is what ends the wait.
    async fn sync(&self, from: Option<Position>) -> Result<SyncStream, StoreError> {
        let mut client = self.client.clone();
        let Ok(answer) = tokio::time::timeout(DEADLINE, client.sync(wire::sync_request(from))).await else {
            self.breaker.failed(Instant::now());
            return Err(StoreError::Unavailable("no answer in time".to_owned()));
        };
        Ok(changes::read(self.judge(answer)?.into_inner(), self.max_behind).boxed())
    }
}
