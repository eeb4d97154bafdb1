//! A control plane of which there is only the feed.

use core::pin::Pin;
use core::time::Duration;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::Stream;
use portcullis_bundle::Bundle;
use portcullis_proto::feed::{
    Ack, BundleFeed, BundleFeedServer, FollowRequest, Hello, Kind, Nack, Update, updates,
};
use portcullis_proto::listener::Incoming;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

pub(super) struct Plane {
    directory: TempDir,
    feed: Feed,
    said: mpsc::UnboundedReceiver<Kind>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Feed {
    bundle: watch::Sender<Option<Arc<Bundle>>>,
    /// Everything ever published, by version.
    known: Arc<Mutex<HashMap<String, Arc<Bundle>>>>,
    raw: broadcast::Sender<Update>,
    /// The base of the last update.
    base: Arc<Mutex<String>>,
    say: mpsc::UnboundedSender<Kind>,
    /// Ends the streams of this life.
    stop: CancellationToken,
}

impl Plane {
    pub(super) fn start(bundle: Option<Arc<Bundle>>) -> Self {
        let (say, said) = mpsc::unbounded_channel();
        let feed = Feed {
            bundle: watch::Sender::new(None),
            known: Arc::default(),
            raw: broadcast::Sender::new(8),
            base: Arc::default(),
            say,
            stop: CancellationToken::new(),
        };
        let directory = tempfile::tempdir().unwrap();
        let serving = serve(&directory, feed.clone());
        let mut plane = Self {
            directory,
            feed,
            said,
            serving,
        };
        if let Some(bundle) = bundle {
            plane.publish(bundle);
        }
        plane
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("grpc.sock")
    }

    pub(super) fn publish(&mut self, bundle: Arc<Bundle>) {
        let version = bundle.version.to_string();
        self.feed
            .known
            .lock()
            .unwrap()
            .insert(version, Arc::clone(&bundle));
        self.feed.bundle.send_replace(Some(bundle));
    }

    /// Sends this as it is.
    pub(super) fn send(&self, update: Update) {
        self.feed.raw.send(update).unwrap();
    }

    /// As if the process had been killed.
    pub(super) async fn kill(&mut self) {
        self.feed.stop.cancel();
        let _ = (&mut self.serving).await;
        std::fs::remove_file(self.path()).unwrap();
    }

    pub(super) fn restart(&mut self, bundle: Option<Arc<Bundle>>) {
        self.feed.stop = CancellationToken::new();
        self.serving = serve(&self.directory, self.feed.clone());
        if let Some(bundle) = bundle {
            self.publish(bundle);
        }
    }

    /// What the authz-server says next.
    pub(super) async fn word(&mut self) -> Kind {
        tokio::time::timeout(Duration::from_secs(5), self.said.recv())
            .await
            .expect("it says nothing")
            .unwrap()
    }

    pub(super) async fn hello(&mut self) -> Hello {
        match self.word().await {
            Kind::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn acknowledged(&mut self) -> String {
        match self.word().await {
            Kind::Ack(Ack { version }) => version,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn last_base(&self) -> String {
        self.feed.base.lock().unwrap().clone()
    }
}

fn serve(directory: &TempDir, feed: Feed) -> JoinHandle<()> {
    let listener = UnixListener::bind(directory.path().join("grpc.sock")).unwrap();
    let serving = tonic::transport::Server::builder()
        .add_service(BundleFeedServer::new(feed.clone()))
        .serve_with_incoming_shutdown(Incoming::unix(listener), feed.stop.cancelled_owned());
    tokio::spawn(async move { serving.await.unwrap() })
}

#[tonic::async_trait]
impl BundleFeed for Feed {
    type FollowStream = Pin<Box<dyn Stream<Item = Result<Update, Status>> + Send>>;

    async fn follow(
        &self,
        request: Request<Streaming<FollowRequest>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let (out, stream) = mpsc::channel(8);
        let (stop, feed) = (self.stop.clone(), self.clone());
        tokio::spawn(async move {
            stop.run_until_cancelled(run(feed, request.into_inner(), out))
                .await
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

async fn run(feed: Feed, mut requests: Streaming<FollowRequest>, out: mpsc::Sender<Result<Update, Status>>) {
    let (mut wanted, mut raw) = (feed.bundle.subscribe(), feed.raw.subscribe());
    wanted.mark_changed();
    let mut base: Option<Arc<Bundle>> = None;
    let Feed {
        known,
        base: last_base,
        say,
        ..
    } = feed;
    let (mut greeted, mut given) = (false, None);
    loop {
        tokio::select! {
            changed = wanted.changed(), if greeted && given.is_none() => {
                if changed.is_err() {
                    return;
                }
                let Some(new) = wanted.borrow_and_update().clone() else { continue };
                *last_base.lock().unwrap() = base.as_ref().map(|base| base.version.to_string()).unwrap_or_default();
                for part in updates(&new, base.as_deref()) {
                    if out.send(Ok(part)).await.is_err() {
                        return;
                    }
                }
                given = Some(new);
            }
            update = raw.recv() => {
                let Ok(update) = update else { return };
                if out.send(Ok(update)).await.is_err() {
                    return;
                }
            }
            request = requests.message() => {
                let Ok(Some(FollowRequest { kind: Some(kind) })) = request else { return };
                match &kind {
                    Kind::Hello(Hello { version, .. }) => {
                        base = known.lock().unwrap().get(version).cloned();
                        greeted = true;
                    }
                    Kind::Ack(Ack { .. }) => base = given.take(),
                    Kind::Nack(Nack { version, .. }) => {
                        given = None;
                        if version.is_empty() {
                            base = None;
                        }
                    }
                }
                let _ = say.send(kind);
            }
        }
    }
}
