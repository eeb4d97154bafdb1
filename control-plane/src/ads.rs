//! The aggregated discovery service in both variants of the protocol, for any
//! listener; and the Unix socket that only our own user can reach.

use std::{io, path::Path, pin::Pin, sync::Arc};

use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    aggregated_discovery_service_server::{AggregatedDiscoveryService, AggregatedDiscoveryServiceServer},
};
use futures::{Stream, StreamExt as _};
use portcullis_xds::{DeltaStream, Limits, SotwStream};
use tokio::{
    net::UnixListener,
    sync::{Semaphore, mpsc},
};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming, transport::server::UdsConnectInfo};

use crate::{
    metrics::Metrics,
    serving::{self, Serving},
    wire::Protocol,
};

mod stream;

use stream::StreamTask;

/// How many streams may be open from our own Envoy: it needs one, and a second
/// while it reconnects.
const MAX_OWN_STREAMS: usize = 16;
/// How many streams of Envoys elsewhere may be open.
const MAX_REMOTE_STREAMS: usize = 256;
/// The largest request. One that reconnects names all that it holds.
const MAX_REQUEST: usize = 32 << 20;
/// Responses that wait for the client to read. A stream never has more than one
/// of a type under way.
const QUEUE: usize = 8;

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

/// Who may open a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Processes of this user and of root, over a Unix socket; that is asked
    /// for every stream.
    User(u32),
    /// Whoever the listener has let in: it has authenticated them.
    Authenticated,
}

/// The service.
pub(crate) struct Ads {
    peers: Peers,
    serving: Serving,
    metrics: Metrics,
    slots: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// The service for the router of one listener. Its streams end at `shutdown`.
pub(crate) fn service(
    peers: Peers,
    serving: Serving,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> AggregatedDiscoveryServiceServer<Ads> {
    let slots = match peers {
        Peers::User(_) => MAX_OWN_STREAMS,
        Peers::Authenticated => MAX_REMOTE_STREAMS,
    };
    let ads = Ads {
        peers,
        serving,
        metrics,
        slots: Arc::new(Semaphore::new(slots)),
        shutdown,
    };
    AggregatedDiscoveryServiceServer::new(ads).max_decoding_message_size(MAX_REQUEST)
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
    let service = service(Peers::User(owner), serving, metrics, shutdown.clone());
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
        let Peers::User(user) = self.peers else {
            return Ok(());
        };
        let peer = request
            .extensions()
            .get::<UdsConnectInfo>()
            .and_then(|info| info.peer_cred);
        match peer {
            Some(peer) if peer.uid() == user || peer.uid() == 0 => Ok(()),
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
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<tonic::Response<Self::StreamAggregatedResourcesStream>, Status> {
        let state = |number| {
            let stream = SotwStream::new(&serving::order(), Limits::default());
            stream.after(number, self.serving.formers())
        };
        self.open(request, state)
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<tonic::Response<Self::DeltaAggregatedResourcesStream>, Status> {
        self.open(request, |_| {
            DeltaStream::new(&serving::order(), Limits::default())
        })
    }
}

impl Ads {
    /// Serves one stream on a task of its own; `state` makes it by its number.
    fn open<P: Protocol>(
        &self,
        request: Request<Streaming<P::Request>>,
        state: impl FnOnce(u64) -> P,
    ) -> Result<tonic::Response<Responses<P::Response>>, Status> {
        self.check_peer(&request)?;
        let full = |_| Status::resource_exhausted("too many streams");
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(full)?;
        let slot = Arc::new(slot);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let guard = self.serving.enter();
        let state = state(guard.id());
        let (serving, metrics) = (self.serving.clone(), self.metrics.clone());
        let task = StreamTask::new(request.into_inner(), sender, state, guard, serving, metrics);
        let shutdown = self.shutdown.clone();
        let held = Arc::clone(&slot);
        tokio::spawn(async move {
            shutdown.run_until_cancelled(task.run()).await;
            drop(held);
        });
        // What waits to be read takes memory, also when the task has given up.
        let responses = ReceiverStream::new(receiver).map(move |response| {
            let _held = &slot;
            response
        });
        Ok(tonic::Response::new(Box::pin(responses)))
    }
}
