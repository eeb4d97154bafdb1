//! The bundle feed: each stream is an authz-server elsewhere, and a port of
//! publication for as long as it is open.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{Stream, StreamExt as _};
use portcullis_bundle::Bundle;
use portcullis_proto::feed::{self, Ack as AckMessage, BundleFeed, FollowRequest, Hello, Kind, Nack, Update};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    Ack, BundlePort, PublishError,
    publish::{ACK_TIMEOUT, Publisher},
};

/// How many authz-servers may follow.
const MAX_STREAMS: usize = 256;
/// Parts of an update that wait for the other side to read.
const QUEUE: usize = 4;
/// How long the other side has to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest name of an instance, of its software and of a version.
const MAX_NAME: usize = 128;
/// The longest reason of a refusal that is logged.
const MAX_REASON: usize = 512;

/// The service.
pub(crate) struct FeedService {
    publisher: Arc<Publisher>,
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl FeedService {
    /// A service whose streams end at `shutdown`.
    pub(crate) fn new(publisher: Arc<Publisher>, shutdown: CancellationToken) -> Self {
        Self {
            publisher,
            places: Arc::new(Semaphore::new(MAX_STREAMS)),
            shutdown,
        }
    }
}

#[tonic::async_trait]
impl BundleFeed for FeedService {
    type FollowStream = Pin<Box<dyn Stream<Item = Result<Update, Status>> + Send>>;

    async fn follow(
        &self,
        request: Request<Streaming<FollowRequest>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let full = |_| Status::resource_exhausted("too many authz-servers");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let place = Arc::new(place);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let publisher = Arc::clone(&self.publisher);
        let shutdown = self.shutdown.clone();
        let requests = request.into_inner();
        let held = Arc::clone(&place);
        tokio::spawn(async move {
            let serving = serve(publisher, requests, sender.clone(), held);
            let end = match shutdown.run_until_cancelled(serving).await {
                Some(Ok(())) => return,
                Some(Err(status)) => status,
                None => Status::unavailable("the control plane ends"),
            };
            // Whoever does not read learns it from the end of the stream.
            let _ = sender.try_send(Err(end));
        });
        // What waits to be read takes memory, also when the stream has been given up.
        let updates = ReceiverStream::new(receiver).map(move |update| {
            let _held = &place;
            update
        });
        Ok(Response::new(Box::pin(updates)))
    }
}

/// One stream, from its first word to its end.
async fn serve(
    publisher: Arc<Publisher>,
    mut requests: Streaming<FollowRequest>,
    updates: mpsc::Sender<Result<Update, Status>>,
    _place: Arc<OwnedSemaphorePermit>,
) -> Result<(), Status> {
    let Hello {
        version,
        instance,
        software,
    } = hello(&mut requests).await?;
    let gone = CancellationToken::new();
    let (orders, inbox) = mpsc::channel(1);
    let port = Arc::new(RemotePort {
        instance: instance.clone(),
        software: software.clone(),
        orders,
        gone: gone.clone(),
    });
    tracing::info!(instance, software, version, "an authz-server follows");
    let peer = Peer {
        requests,
        updates,
        inbox,
        gone,
        base: publisher.known(&version),
        given: None,
    };
    let attachment = publisher.attach(port);
    let end = peer.run().await;
    drop(attachment);
    match &end {
        Ok(()) => tracing::info!(instance, "an authz-server follows no more"),
        Err(status) => tracing::warn!(
            instance,
            reason = status.message(),
            "an authz-server follows no more"
        ),
    }
    end
}

async fn hello(requests: &mut Streaming<FollowRequest>) -> Result<Hello, Status> {
    let first = time::timeout(HELLO_TIMEOUT, requests.message()).await;
    let first = first.map_err(|_| Status::deadline_exceeded("no hello"))??;
    let Some(FollowRequest {
        kind: Some(Kind::Hello(hello)),
    }) = first
    else {
        return Err(Status::invalid_argument("the first message must be a hello"));
    };
    let is_plain = |text: &str| text.len() <= MAX_NAME && text.chars().all(|c| c.is_ascii_graphic());
    if hello.instance.is_empty()
        || ![&hello.instance, &hello.software, &hello.version]
            .iter()
            .all(|t| is_plain(t))
    {
        return Err(Status::invalid_argument(
            "the names in a hello are of at most 128 visible ASCII characters",
        ));
    }
    Ok(hello)
}

/// The authz-server at the other end, as publication sees it.
struct RemotePort {
    instance: String,
    software: String,
    orders: mpsc::Sender<Order>,
    gone: CancellationToken,
}

/// A bundle to be given, and who waits for the answer.
type Order = (Arc<Bundle>, oneshot::Sender<Result<Ack, PublishError>>);

#[async_trait]
impl BundlePort for RemotePort {
    async fn publish(&self, bundle: Arc<Bundle>) -> Result<Ack, PublishError> {
        let gone = || PublishError::Unreachable("its stream has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        self.orders.send((bundle, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn name(&self) -> &str {
        &self.instance
    }

    fn software(&self) -> Option<&str> {
        Some(&self.software)
    }

    fn disconnect(&self) {
        self.gone.cancel();
    }
}

/// The stream's task.
struct Peer {
    requests: Streaming<FollowRequest>,
    updates: mpsc::Sender<Result<Update, Status>>,
    inbox: mpsc::Receiver<Order>,
    gone: CancellationToken,
    /// What the other side holds for certain; updates start from it.
    base: Option<Arc<Bundle>>,
    given: Option<Given>,
}

/// What was given and is not answered yet.
struct Given {
    bundle: Arc<Bundle>,
    reply: oneshot::Sender<Result<Ack, PublishError>>,
    /// Whether it was sent whole.
    whole: bool,
    /// Parts that are not sent yet.
    parts: VecDeque<Update>,
}

impl Peer {
    async fn run(mut self) -> Result<(), Status> {
        let (gone, updates) = (self.gone.clone(), self.updates.clone());
        let silent =
            || Status::deadline_exceeded(format!("a bundle was not acknowledged within {ACK_TIMEOUT:?}"));
        loop {
            let has_parts = self.given.as_ref().is_some_and(|given| !given.parts.is_empty());
            tokio::select! {
                () = gone.cancelled() => return Err(silent()),
                // The port, and with it the sender, lives until this has ended.
                Some((bundle, reply)) = self.inbox.recv(), if self.given.is_none() => {
                    self.given = Some(Given { bundle, reply, whole: false, parts: VecDeque::new() });
                    self.prepare().await?;
                }
                place = updates.reserve(), if has_parts => match place {
                    Ok(place) => {
                        if let Some(part) = self.given.as_mut().and_then(|given| given.parts.pop_front()) {
                            place.send(Ok(part));
                        }
                    }
                    Err(_) => return Ok(()),
                },
                request = self.requests.message() => match request? {
                    Some(FollowRequest { kind: Some(kind) }) => self.hear(kind).await?,
                    Some(FollowRequest { kind: None }) => return Err(Status::invalid_argument("an empty message")),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Makes the parts of what is to be given.
    async fn prepare(&mut self) -> Result<(), Status> {
        let Some(given) = &mut self.given else {
            return Ok(());
        };
        given.whole = self.base.is_none();
        let (bundle, base) = (Arc::clone(&given.bundle), self.base.clone());
        // Takes time in proportion to the bundle.
        let work = move || feed::updates(&bundle, base.as_deref());
        let parts = tokio::task::spawn_blocking(work).await;
        given.parts = parts
            .map_err(|_| Status::internal("an update cannot be made"))?
            .into();
        Ok(())
    }

    async fn hear(&mut self, kind: Kind) -> Result<(), Status> {
        match kind {
            Kind::Hello(_) => Err(Status::invalid_argument("a second hello")),
            Kind::Ack(AckMessage { version }) => {
                let given = self.answered(&version)?;
                self.base = Some(Arc::clone(&given.bundle));
                let version = given.bundle.version.clone();
                // Whoever asked may no longer wait.
                let _ = given.reply.send(Ok(Ack { version }));
                Ok(())
            }
            Kind::Nack(Nack { version, reason }) => {
                let reason: String = reason
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(MAX_REASON)
                    .collect();
                if version.is_empty() && self.given.as_ref().is_some_and(|given| !given.whole) {
                    tracing::info!(
                        reason,
                        "an authz-server cannot apply an update; it is given the whole bundle"
                    );
                    self.base = None;
                    return self.prepare().await;
                }
                let given = if version.is_empty() {
                    self.given.take()
                } else {
                    Some(self.answered(&version)?)
                };
                if let Some(given) = given {
                    let _ = given.reply.send(Err(PublishError::Refused(reason)));
                }
                Ok(())
            }
        }
    }

    /// What was given, if `version` answers it.
    fn answered(&mut self, version: &str) -> Result<Given, Status> {
        let fits = |given: &mut Given| given.parts.is_empty() && given.bundle.version.to_string() == version;
        let given = self.given.take_if(fits);
        given.ok_or_else(|| Status::invalid_argument("an answer to what was not given"))
    }
}
