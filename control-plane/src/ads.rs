//! The aggregated discovery service: delta, over a Unix socket that only our
//! own user can reach.

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    aggregated_discovery_service_server::{AggregatedDiscoveryService, AggregatedDiscoveryServiceServer},
};
use futures::Stream;
use portcullis_xds::{DeltaStream, Limits, Response, StreamError};
use tokio::{
    net::UnixListener,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time,
};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming, transport::server::UdsConnectInfo};

use crate::{
    metrics::{Metrics, TypeLabel},
    serving::{self, Serving, StreamGuard, StreamState},
    wire,
};

/// How many streams may be open: Envoy needs one, and a second while it
/// reconnects.
const MAX_STREAMS: usize = 16;
/// The largest request. One that reconnects names all that it holds.
const MAX_REQUEST: usize = 32 << 20;
/// Responses that wait for the client to read. A stream never has more than one
/// of a type under way.
const QUEUE: usize = 8;
/// How long a client may leave that queue full.
const MAX_STALL: Duration = Duration::from_secs(30);

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum AdsError {
    /// The socket cannot be made.
    #[error("cannot listen on `{path}`: {error}")]
    Bind {
        /// Where it should be.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The server failed.
    #[error("the configuration service failed: {0}")]
    Serve(#[from] tonic::transport::Error),
}

/// The service.
pub(crate) struct Ads {
    serving: Serving,
    metrics: Metrics,
    /// The user whose processes may connect; the owner of the socket.
    owner: u32,
    slots: Arc<Semaphore>,
    streams: AtomicU64,
    shutdown: CancellationToken,
}

/// Binds `socket`. The directory that holds it must be private.
///
/// # Errors
///
/// When the socket cannot be made.
pub(crate) fn bind(socket: &Path) -> Result<UnixListener, AdsError> {
    UnixListener::bind(socket).map_err(|error| AdsError::Bind {
        path: socket.display().to_string(),
        error,
    })
}

/// Serves on `listener` until `shutdown`.
///
/// # Errors
///
/// When the server fails.
pub(crate) async fn serve(
    listener: UnixListener,
    owner: u32,
    serving: Serving,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), AdsError> {
    let ads = Ads {
        serving,
        metrics,
        owner,
        slots: Arc::new(Semaphore::new(MAX_STREAMS)),
        streams: AtomicU64::new(0),
        shutdown: shutdown.clone(),
    };
    let service = AggregatedDiscoveryServiceServer::new(ads).max_decoding_message_size(MAX_REQUEST);
    let incoming = UnixListenerStream::new(listener);
    tonic::transport::Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned())
        .await?;
    Ok(())
}

impl Ads {
    /// The directory is private already; this also stops whoever was let in.
    fn check_peer<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let peer = request
            .extensions()
            .get::<UdsConnectInfo>()
            .and_then(|info| info.peer_cred);
        match peer {
            Some(peer) if peer.uid() == self.owner || peer.uid() == 0 => Ok(()),
            _ => Err(Status::permission_denied("only our own user may connect")),
        }
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Ads {
    type StreamAggregatedResourcesStream = Responses<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Responses<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        _request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<tonic::Response<Self::StreamAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("only the delta protocol is served"))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<tonic::Response<Self::DeltaAggregatedResourcesStream>, Status> {
        self.check_peer(&request)?;
        let full = |_| Status::resource_exhausted("too many streams");
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(full)?;
        let id = self.streams.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = StreamTask {
            requests: request.into_inner(),
            responses: sender,
            state: DeltaStream::new(&serving::order(), Limits::default()),
            guard: self.serving.enter(id),
            serving: self.serving.clone(),
            metrics: self.metrics.clone(),
            known: BTreeSet::new(),
            _slot: slot,
        };
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            tracing::info!(stream = id, "configuration stream opened");
            task.metrics.xds_streams.inc();
            let _open = Open(task.metrics.clone());
            let end = shutdown.run_until_cancelled(task.run()).await;
            match end {
                Some(Err(error)) => tracing::warn!(stream = id, %error, "configuration stream ended"),
                Some(Ok(())) | None => tracing::info!(stream = id, "configuration stream ended"),
            }
        });
        Ok(tonic::Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

struct Open(Metrics);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.xds_streams.dec();
    }
}

struct StreamTask {
    requests: Streaming<DeltaDiscoveryRequest>,
    responses: mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>,
    state: DeltaStream,
    guard: StreamGuard,
    serving: Serving,
    metrics: Metrics,
    /// Refused resources that were logged, by type, name and version.
    known: BTreeSet<(&'static str, String, String)>,
    _slot: OwnedSemaphorePermit,
}

/// Why a stream ended otherwise than by the client's wish.
#[derive(Debug, thiserror::Error)]
enum EndOfStream {
    #[error("{0}")]
    Protocol(#[from] StreamError),
    #[error("the client broke off: {}", .0.message())]
    Broken(Status),
    #[error("the client does not read")]
    Stalled,
}

impl StreamTask {
    async fn run(mut self) -> Result<(), EndOfStream> {
        let mut target = self.serving.target();
        // What is served already counts as a change, too.
        target.mark_changed();
        loop {
            let responses = tokio::select! {
                changed = target.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let now = target.borrow_and_update().clone();
                    now.map(|now| self.state.on_change(now)).unwrap_or_default()
                }
                request = self.requests.message() => match request.map_err(EndOfStream::Broken)? {
                    Some(request) => self.answer(request).await?,
                    None => return Ok(()),
                },
            };
            self.report();
            for response in responses {
                self.send(response).await?;
            }
        }
    }

    async fn answer(&mut self, request: DeltaDiscoveryRequest) -> Result<Vec<Response>, EndOfStream> {
        match self.state.on_request(wire::request(request)) {
            Ok(reaction) => {
                if let Some(type_url) = reaction.refused {
                    self.metrics
                        .xds_nack
                        .get_or_create(&TypeLabel::of(type_url))
                        .inc();
                }
                Ok(reaction.responses)
            }
            Err(error) => {
                let status = match error {
                    StreamError::UnknownType(_) => Status::invalid_argument(error.to_string()),
                    _ => Status::resource_exhausted(error.to_string()),
                };
                let _ = time::timeout(MAX_STALL, self.responses.send(Err(status))).await;
                Err(error.into())
            }
        }
    }

    async fn send(&self, response: Response) -> Result<(), EndOfStream> {
        let count = response.resources.len() as u64;
        self.metrics
            .xds_sent
            .get_or_create(&TypeLabel::of(response.type_url))
            .inc_by(count);
        tracing::debug!(
            r#type = response.type_url,
            resources = count,
            removed = response.removed.len(),
            "resources sent"
        );
        match time::timeout(MAX_STALL, self.responses.send(Ok(wire::response(response)))).await {
            // A closed queue: the client went away, which the next read says.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(EndOfStream::Stalled),
        }
    }

    fn report(&mut self) {
        let rejections = self.state.rejections();
        let key = |r: &portcullis_xds::Rejection| (r.type_url, r.name.clone(), r.refused_version.clone());
        for new in rejections.iter().filter(|r| !self.known.contains(&key(r))) {
            tracing::error!(
                r#type = new.type_url,
                resource = new.name,
                refused_version = new.refused_version,
                serving_version = new.held_version,
                reason = new.reason,
                "envoy refuses a resource and serves its last good version on"
            );
        }
        self.known = rejections.iter().map(key).collect();
        self.metrics
            .xds_rejected
            .set(i64::try_from(rejections.len()).unwrap_or(i64::MAX));
        let acknowledged = self.state.acknowledged().map(str::to_owned);
        self.guard.report(StreamState {
            acknowledged,
            rejections,
        });
    }
}
