//! The record store, as authz-servers of other processes use it.
//!
//! It adds nothing to the store but bounds: whoever may call is the listener's
//! affair, and what a record holds is the authz-servers'.

use core::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};
use portcullis_proto::store::{
    self as wire, DeleteRequest, DeleteResponse, GetRequest, GetResponse, HEARTBEAT, MAX_MESSAGE, PutRequest,
    PutResponse, QueryRequest, QueryResponse, RecordStore, RecordStoreServer, SyncRequest, WireEvent,
};
use portcullis_store::{Record, Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Streams of changes at one time: one for each authz-server, and one more
/// while it reconnects.
const MAX_STREAMS: usize = 512;
/// Records that a page is read with, whatever was asked.
const MAX_PAGE: usize = 256;
/// Bytes of a page's data; the record that goes over it begins the next page.
const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// The service over a store.
pub struct StoreService {
    store: Arc<dyn Store>,
    streams: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl StoreService {
    /// A service over `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            shutdown: CancellationToken::new(),
        }
    }

    /// Ends the streams of changes, which have no end of their own, once
    /// `shutdown` is cancelled.
    #[must_use]
    pub fn ending_with(self, shutdown: CancellationToken) -> Self {
        Self { shutdown, ..self }
    }

    /// The service with its limits, for a router.
    #[must_use]
    pub fn server(self) -> RecordStoreServer<Self> {
        RecordStoreServer::new(self).max_decoding_message_size(MAX_MESSAGE)
    }
}

#[tonic::async_trait]
impl RecordStore for StoreService {
    type SyncStream = Pin<Box<dyn Stream<Item = Result<WireEvent, Status>> + Send>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let GetRequest { kind, id } = request.into_inner();
        let record = self.store.get(&kind, &id).await.map_err(refusal)?;
        let record = record.map(wire::from_record);
        Ok(Response::new(GetResponse { record }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let request = request.into_inner();
        let if_version = wire::if_version(&request)?;
        let PutRequest { kind, id, data, .. } = request;
        let record = self
            .store
            .put(&kind, &id, data, if_version)
            .await
            .map_err(refusal)?;
        let record = Some(wire::from_record(record));
        Ok(Response::new(PutResponse { record }))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let DeleteRequest { kind, id } = request.into_inner();
        self.store.delete(&kind, &id).await.map_err(refusal)?;
        Ok(Response::new(DeleteResponse {}))
    }

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<QueryResponse>, Status> {
        let QueryRequest { kind, after, limit } = request.into_inner();
        let limit = usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let page = self
            .store
            .query(&kind, after.as_deref(), limit)
            .await
            .map_err(refusal)?;
        let records = fitting(page).map(wire::from_record).collect();
        Ok(Response::new(QueryResponse { records }))
    }

    async fn sync(&self, request: Request<SyncRequest>) -> Result<Response<Self::SyncStream>, Status> {
        let full = |_| Status::resource_exhausted("too many streams of changes");
        let slot = Arc::clone(&self.streams).try_acquire_owned().map_err(full)?;
        let from = wire::position(request.get_ref());
        let changes = self.store.sync(from).await.map_err(refusal)?;
        // The state of an ended stream is `None`: it ends after its first error.
        let events = stream::unfold(Some((changes, slot)), |state| async {
            let (mut changes, slot) = state?;
            match tokio::time::timeout(HEARTBEAT, changes.next()).await {
                Err(_) => Some((Ok(wire::from_event(None)), Some((changes, slot)))),
                Ok(Some(Ok(event))) => Some((Ok(wire::from_event(Some(event))), Some((changes, slot)))),
                Ok(Some(Err(error))) => Some((Err(refusal(error)), None)),
                Ok(None) => None,
            }
        });
        let events = events.take_until(self.shutdown.clone().cancelled_owned());
        Ok(Response::new(Box::pin(events)))
    }
}

/// The first records of a page that fit into one message, at least one.
fn fitting(page: Vec<Record>) -> impl Iterator<Item = Record> {
    let mut bytes = 0_usize;
    page.into_iter().enumerate().map_while(move |(at, record)| {
        bytes = bytes.saturating_add(record.data.len());
        (at == 0 || bytes <= MAX_PAGE_BYTES).then_some(record)
    })
}

fn refusal(error: StoreError) -> Status {
    wire::status(&error)
}
