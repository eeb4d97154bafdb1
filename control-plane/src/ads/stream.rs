//! One open stream.

use std::{collections::BTreeSet, time::Duration};

use portcullis_xds::{Rejection, StreamError, TypeUrl};
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};
use tonic::{Status, Streaming};

use crate::{
    metrics::{Metrics, TypeLabel},
    serving::{Serving, StreamGuard, StreamState},
    wire::{Outgoing, Protocol},
};

/// How long a client may leave the queue of responses full.
const MAX_STALL: Duration = Duration::from_secs(30);
/// After how long a client that has not taken what is served is spoken of. It
/// stays connected: Envoy holds an answer back while a cluster is warming.
const OVERDUE: Duration = Duration::from_secs(30);

/// One stream that speaks `P`.
pub(super) struct StreamTask<P: Protocol> {
    requests: Streaming<P::Request>,
    responses: mpsc::Sender<Result<P::Response, Status>>,
    state: P,
    guard: StreamGuard,
    serving: Serving,
    metrics: Metrics,
    /// Refused resources that were logged, by type, name and version.
    known: BTreeSet<(TypeUrl, String, String)>,
    /// When the client is late with what is served.
    overdue: Option<Instant>,
    /// When what lingers is looked at next.
    tick: Option<Instant>,
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

struct Open(Metrics);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.xds_streams.dec();
    }
}

impl<P: Protocol> StreamTask<P> {
    pub(super) fn new(
        requests: Streaming<P::Request>,
        responses: mpsc::Sender<Result<P::Response, Status>>,
        state: P,
        guard: StreamGuard,
        serving: Serving,
        metrics: Metrics,
    ) -> Self {
        Self {
            requests,
            responses,
            state,
            guard,
            serving,
            metrics,
            known: BTreeSet::new(),
            overdue: None,
            tick: None,
        }
    }

    /// Serves until the client goes, or must go.
    pub(super) async fn run(mut self) {
        let (stream, protocol) = (self.guard.id(), P::NAME);
        tracing::info!(stream, protocol, "configuration stream opened");
        self.metrics.xds_streams.inc();
        let _open = Open(self.metrics.clone());
        match self.serve().await {
            Err(error) => tracing::warn!(stream, %error, "configuration stream ended"),
            Ok(()) => tracing::info!(stream, "configuration stream ended"),
        }
        let Self {
            state,
            guard,
            serving,
            metrics,
            ..
        } = self;
        if let Some(former) = state.into_former() {
            serving.remember(former);
        }
        drop(guard);
        count_rejections(&serving, &metrics);
    }

    async fn serve(&mut self) -> Result<(), EndOfStream> {
        let mut target = self.serving.target();
        // What is served already counts as a change, too.
        target.mark_changed();
        loop {
            let late = self.overdue.unwrap_or_else(Instant::now);
            let tick = self.tick.unwrap_or_else(Instant::now);
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
                () = time::sleep_until(late), if self.overdue.is_some() => {
                    tracing::warn!(stream = self.guard.id(), "envoy has not taken the configuration for long");
                    self.overdue = None;
                    continue;
                }
                () = time::sleep_until(tick), if self.tick.is_some() => {
                    self.tick = None;
                    self.state.on_tick()
                }
            };
            if self.tick.is_none() && self.state.lingers() {
                self.tick = Some(Instant::now() + self.serving.tick());
            }
            self.report();
            self.overdue = match self.state.acknowledged() {
                Some(_) => None,
                None => Some(Instant::now() + OVERDUE),
            };
            for response in responses {
                self.send(response).await?;
            }
        }
    }

    async fn answer(&mut self, request: P::Request) -> Result<Vec<Outgoing<P>>, EndOfStream> {
        match self.state.on_request(request) {
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

    async fn send(&self, response: Outgoing<P>) -> Result<(), EndOfStream> {
        let Outgoing {
            type_url,
            resources,
            removed,
            message,
        } = response;
        self.metrics
            .xds_sent
            .get_or_create(&TypeLabel::of(type_url))
            .inc_by(resources as u64);
        tracing::debug!(r#type = type_url, resources, removed, "resources sent");
        match time::timeout(MAX_STALL, self.responses.send(Ok(message))).await {
            // A closed queue: the client went away, which the next read says.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(EndOfStream::Stalled),
        }
    }

    fn report(&mut self) {
        let rejections = self.state.rejections();
        let key = |r: &Rejection| (r.type_url, r.name.clone(), r.refused_version.clone());
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
        let acknowledged = self.state.acknowledged().map(str::to_owned);
        self.guard.report(StreamState {
            acknowledged,
            rejections,
        });
        count_rejections(&self.serving, &self.metrics);
    }
}

/// What is refused on any stream.
fn count_rejections(serving: &Serving, metrics: &Metrics) {
    let refused = serving.rejected();
    metrics
        .xds_rejected
        .set(i64::try_from(refused).unwrap_or(i64::MAX));
}
