//! Who may call, asked before any service sees the call.

use std::{
    future::{Ready, ready},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::Either;
use jiff::Timestamp;
use portcullis_proto::credential::{CredentialError, Key, bearer};
use tonic::{
    Status,
    body::Body,
    codegen::http::{Request, Response},
    metadata::MetadataMap,
};
use tower::{Layer, Service};

use super::connection::Caller;
use crate::metrics::{Metrics, ReasonLabel};

/// Envoy's own token opens this alone.
const CONFIGURATION_STREAMS: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";
/// Refusals are told in one line for so long.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// Lets calls through that are authenticated. A clone is the same.
#[derive(Clone)]
pub(super) struct Guard {
    shared: Arc<Shared>,
}

struct Shared {
    key: Arc<Key>,
    /// Over a Unix socket, the only user beside root.
    owner: Option<u32>,
    metrics: Metrics,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    last: Option<Instant>,
    /// Refusals since.
    unsaid: u64,
}

/// Why a call is refused; for the log, never for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("another user's process")]
    AnotherUser,
    #[error("{0}")]
    Credential(#[from] CredentialError),
}

impl Refusal {
    fn label(self) -> &'static str {
        match self {
            Self::AnotherUser => "another_user",
            Self::Credential(CredentialError::Missing) => "missing",
            Self::Credential(CredentialError::Malformed) => "malformed",
            Self::Credential(CredentialError::Forged) => "forged",
            Self::Credential(CredentialError::Expired | CredentialError::Future) => "expired",
        }
    }
}

impl Guard {
    pub(super) fn new(key: Arc<Key>, owner: Option<u32>, metrics: Metrics) -> Self {
        let shared = Shared {
            key,
            owner,
            metrics,
            log: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Shared {
    fn admit<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let caller = request.extensions().get::<Caller>();
        if let Some(owner) = self.owner {
            let uid = caller.and_then(|caller| caller.peer.uid);
            if !uid.is_some_and(|uid| uid == owner || uid == 0) {
                return Err(Refusal::AnotherUser);
            }
        }
        if !caller.is_some_and(|caller| caller.peer.certified) {
            let metadata = MetadataMap::from_headers(request.headers().clone());
            let token = bearer(&metadata)?;
            let is_envoy =
                request.uri().path().starts_with(CONFIGURATION_STREAMS) && self.key.is_xds_token(token);
            if !is_envoy {
                self.key.verify(token, Timestamp::now())?;
            }
        }
        if let Some(caller) = caller {
            caller.admit();
        }
        Ok(())
    }

    fn note<B>(&self, refusal: Refusal, request: &Request<B>) {
        let reason = ReasonLabel::of(refusal.label());
        self.metrics.grpc_refused.get_or_create(&reason).inc();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.last.is_some_and(|last| last.elapsed() < LOG_PAUSE) {
            log.unsaid += 1;
            return;
        }
        log.last = Some(Instant::now());
        let unsaid = std::mem::take(&mut log.unsaid);
        let caller = request.extensions().get::<Caller>();
        let address = caller.and_then(|caller| caller.peer.address);
        let from = address.map_or_else(|| "a local process".to_owned(), |address| address.to_string());
        tracing::warn!(from, reason = %refusal, others = unsaid, "a call was refused: it is not authenticated");
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            shared: Arc::clone(&self.shared),
        }
    }
}

/// A service behind the guard.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.shared.admit(&request) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(refusal) => {
                self.shared.note(refusal, &request);
                let answer = Status::unauthenticated("not authenticated").into_http();
                Either::Left(ready(Ok(answer)))
            }
        }
    }
}
