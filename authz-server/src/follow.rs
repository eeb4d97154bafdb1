//! The bundle feed from a control plane of another process.
//!
//! It is kept alive without end: whatever breaks, the last bundle decides on,
//! and the next connection begins with the version that is held, so that only
//! what changed meanwhile travels.

use core::time::Duration;
use std::sync::Arc;

use jiff::Timestamp;
use portcullis_bundle::{Bundle, Version};
use portcullis_proto::channel::Connection;
use portcullis_proto::feed::{
    Ack, Assembler, BundleFeedClient, FollowRequest, Hello, Kind, MAX_MESSAGE, Nack,
};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::clock::random_bytes;
use crate::state::AuthzServer;

#[cfg(test)]
mod tests;

/// The pause after the first failure; it doubles with each one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(3);
/// How long a control plane may take to accept the stream.
const OPEN: Duration = Duration::from_secs(5);
/// Our words that wait for the control plane. There is one for each bundle.
const QUEUE: usize = 8;
/// Characters of a reason that travel.
const MAX_REASON: usize = 512;

/// How the feed stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedView {
    /// Whether a control plane is connected.
    pub connected: bool,
    /// Since when this is so; `None` before the first connection.
    pub since: Option<Timestamp>,
    /// The version that decides, if it came by this feed.
    pub version: Option<Version>,
    /// Why the last connection, or the last bundle, failed. Never a secret.
    pub last_error: Option<String>,
}

/// The feed's standing, for readiness, the status and the metrics.
#[derive(Debug)]
pub struct FeedState {
    view: watch::Sender<FeedView>,
    connected: Gauge,
}

impl Default for FeedState {
    fn default() -> Self {
        Self {
            view: watch::Sender::new(FeedView::default()),
            connected: Gauge::default(),
        }
    }
}

impl FeedState {
    /// How it stands now.
    #[must_use]
    pub fn view(&self) -> FeedView {
        self.view.borrow().clone()
    }

    /// Tells of each change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<FeedView> {
        self.view.subscribe()
    }

    /// Adds `portcullis_feed_connected` to `registry`; for a process whose
    /// control plane is another one.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_feed_connected",
            "Whether the bundle feed of the control plane is connected",
            self.connected.clone(),
        );
    }

    fn connected(&self, now: Timestamp) {
        self.connected.set(1);
        self.view.send_modify(|view| {
            view.connected = true;
            view.since = Some(now);
        });
    }

    fn disconnected(&self, now: Timestamp, error: String) {
        self.connected.set(0);
        self.view.send_modify(|view| {
            if view.connected {
                view.since = Some(now);
            }
            view.connected = false;
            view.last_error = Some(error);
        });
    }

    fn took(&self, version: Version) {
        self.view.send_modify(|view| {
            view.version = Some(version);
            view.last_error = None;
        });
    }

    fn refused(&self, error: String) {
        self.view.send_modify(|view| view.last_error = Some(error));
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{:?}: {}", .0.code(), .0.message())]
    Status(#[from] Status),
    #[error("the control plane did not answer in time")]
    Open,
    #[error("the control plane closed the feed")]
    Closed,
}

/// Follows the control plane behind `channel` until `shutdown`: makes each of
/// its bundles decide and acknowledges it then, or says why it cannot.
/// `instance` names this server in the control plane's log.
pub async fn follow(
    server: Arc<AuthzServer>,
    channel: Connection,
    instance: String,
    shutdown: CancellationToken,
) {
    let client = BundleFeedClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
    let mut pause = FIRST_PAUSE;
    loop {
        let mut took_any = false;
        let connection = follow_once(&server, client.clone(), &instance, &mut took_any);
        let ended = shutdown.run_until_cancelled(connection).await;
        let now = server.clock().now();
        let Some(Err(ended)) = ended else {
            server.feed_state().disconnected(now, "shutting down".to_owned());
            return;
        };
        if server.feed().current().is_some() {
            tracing::warn!(error = %ended, "the bundle feed broke, connecting again; the last bundle decides on");
        } else {
            tracing::warn!(error = %ended, "no bundle from the control plane, connecting again; nothing is decided yet");
        }
        server.feed_state().disconnected(now, ended.to_string());
        if took_any {
            pause = FIRST_PAUSE;
        }
        let waited = tokio::time::sleep(jittered(&server, pause));
        if shutdown.run_until_cancelled(waited).await.is_none() {
            return;
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Between half of `pause` and all of it, so that servers which lost their
/// control plane together do not come back together.
fn jittered(server: &AuthzServer, pause: Duration) -> Duration {
    let [random] = random_bytes::<1>(server.random()).unwrap_or([u8::MAX]);
    pause / 2 + pause / 2 * u32::from(random) / u32::from(u8::MAX)
}

async fn follow_once(
    server: &Arc<AuthzServer>,
    mut client: BundleFeedClient<Connection>,
    instance: &str,
    took_any: &mut bool,
) -> Result<core::convert::Infallible, Ended> {
    let held = server.feed().current();
    let (say, said) = mpsc::channel(QUEUE);
    let hello = Kind::Hello(Hello {
        version: held
            .as_ref()
            .map(|held| held.version.to_string())
            .unwrap_or_default(),
        instance: instance.to_owned(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
    });
    // The queue is empty and its receiver here.
    let _ = say.send(FollowRequest { kind: Some(hello) }).await;
    let opened = tokio::time::timeout(OPEN, client.follow(ReceiverStream::new(said))).await;
    let mut updates: Streaming<_> = opened.map_err(|_| Ended::Open)??.into_inner();
    server.feed_state().connected(server.clock().now());
    tracing::info!("the bundle feed is connected");

    let mut assembler = Assembler::new(held);
    loop {
        let update = updates.message().await?.ok_or(Ended::Closed)?;
        let before = assembler.held().cloned();
        let answer = match assembler.push(update) {
            Ok(None) => continue,
            Ok(Some(bundle)) => match take(server, bundle).await {
                Ok(version) => {
                    *took_any = true;
                    Kind::Ack(Ack {
                        version: version.to_string(),
                    })
                }
                Err(refusal) => {
                    // The next update starts from what decides.
                    assembler = Assembler::new(before);
                    Kind::Nack(refusal)
                }
            },
            Err(error) => {
                tracing::error!(%error, "an update cannot be put together; the last bundle decides on");
                server.feed_state().refused(error.to_string());
                Kind::Nack(Nack {
                    version: String::new(),
                    reason: error.to_string(),
                })
            }
        };
        let answer = FollowRequest { kind: Some(answer) };
        say.send(answer).await.map_err(|_| Ended::Closed)?;
    }
}

/// Makes `bundle` decide.
async fn take(server: &Arc<AuthzServer>, bundle: Arc<Bundle>) -> Result<Version, Nack> {
    let (version, routes) = (bundle.version.clone(), bundle.routes.len());
    // It derives keys, which takes its time.
    let publisher = Arc::clone(server);
    let published = tokio::task::spawn_blocking(move || publisher.feed().publish(bundle)).await;
    let refusal = match published {
        Ok(Ok(ack)) => {
            tracing::info!(bundle = %ack.version, routes, "a bundle decides");
            server.feed_state().took(ack.version.clone());
            return Ok(ack.version);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the bundle could not be made to decide".to_owned(),
    };
    tracing::error!(bundle = %version, error = refusal, "a bundle is refused; the last one decides on");
    server.feed_state().refused(refusal.clone());
    Err(Nack {
        version: version.to_string(),
        reason: refusal.chars().take(MAX_REASON).collect(),
    })
}
