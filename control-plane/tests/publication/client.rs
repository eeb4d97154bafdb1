//! An ADS client that answers as it is told to, in place of Envoy.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use envoy_types::pb::{
    envoy::{
        config::core::v3::Node,
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse,
            aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
        },
    },
    google::rpc::Status,
};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, sync::mpsc, time};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{
    Request, Response, Streaming,
    transport::{Channel, Endpoint},
};

use crate::{
    sotw::Translation,
    timeline::{Event, Timeline},
};

pub(crate) const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
pub(crate) const LDS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
pub(crate) const SDS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
pub(crate) const RDS: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/// How long a cluster stays that no route names any more.
pub(crate) const LINGER: Duration = Duration::from_millis(50);
/// How long nothing must come before the client believes that nothing comes; more
/// than twice the above.
pub(crate) const QUIET: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn channel(socket: PathBuf) -> Channel {
    let connect = move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    };
    for _ in 0..200 {
        let service = tower::service_fn(connect.clone());
        match Endpoint::from_static("http://xds")
            .connect_with_connector(service)
            .await
        {
            Ok(channel) => return channel,
            Err(_) => time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("the configuration service does not come up");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Delta,
    Sotw,
}

/// In either protocol it speaks the words of delta.
pub(crate) struct Client {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: mpsc::UnboundedReceiver<Result<DeltaDiscoveryResponse, tonic::Status>>,
    translation: Arc<Mutex<Translation>>,
}

impl Client {
    /// Opens a stream. What arrives is noted on the timeline when it arrives,
    /// read or not.
    pub(crate) async fn connect(socket: PathBuf, protocol: Protocol, timeline: Timeline) -> Self {
        let channel = channel(socket).await;
        match protocol {
            Protocol::Delta => Self::over(channel, None, timeline),
            Protocol::Sotw => Self::sotw(channel, Translation::default(), timeline),
        }
    }

    /// The same over any channel, with a bearer token.
    pub(crate) fn over(channel: Channel, token: Option<String>, timeline: Timeline) -> Self {
        let mut service = AggregatedDiscoveryServiceClient::new(channel);
        let (requests, receiver) = mpsc::channel(100);
        let (sender, responses) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut request = Request::new(ReceiverStream::new(receiver));
            if let Some(token) = token {
                let value = format!("Bearer {token}").parse().unwrap();
                request.metadata_mut().insert("authorization", value);
            }
            let stream = service.delta_aggregated_resources(request).await;
            pass_on(stream, &sender, &timeline, |response| response).await;
        });
        Self {
            requests,
            responses,
            translation: Arc::default(),
        }
    }

    /// A stream of the state of the world for a client that holds something.
    pub(crate) fn sotw(channel: Channel, mut holding: Translation, timeline: Timeline) -> Self {
        let mut service = AggregatedDiscoveryServiceClient::new(channel);
        let (requests, receiver) = mpsc::channel(100);
        let (sender, responses) = mpsc::unbounded_channel();
        holding.begin();
        let translation = Arc::new(Mutex::new(holding));
        let (asks, hears) = (Arc::clone(&translation), Arc::clone(&translation));
        let receiver = ReceiverStream::new(receiver).map(move |r| asks.lock().unwrap().request(r));
        tokio::spawn(async move {
            let stream = service.stream_aggregated_resources(receiver).await;
            let translate = |response| hears.lock().unwrap().response(response);
            pass_on(stream, &sender, &timeline, translate).await;
        });
        Self {
            requests,
            responses,
            translation,
        }
    }

    /// Ends the stream; what the client holds.
    pub(crate) fn hang_up(self) -> Translation {
        self.translation.lock().unwrap().clone()
    }

    pub(crate) async fn subscribe(&self, type_url: &str, names: &[&str]) {
        let request = DeltaDiscoveryRequest {
            node: Some(Node {
                id: "test".to_owned(),
                ..Node::default()
            }),
            type_url: type_url.to_owned(),
            resource_names_subscribe: names.iter().map(|name| (*name).to_owned()).collect(),
            ..DeltaDiscoveryRequest::default()
        };
        self.requests.send(request).await.unwrap();
    }

    /// The next message within ten seconds.
    pub(crate) async fn next(&mut self) -> DeltaDiscoveryResponse {
        time::timeout(PATIENCE, self.responses.recv())
            .await
            .expect("no response")
            .unwrap()
            .unwrap()
    }

    /// The next message, unless nothing comes for a while.
    pub(crate) async fn next_if_any(&mut self) -> Option<DeltaDiscoveryResponse> {
        let next = time::timeout(QUIET, self.responses.recv()).await.ok()?;
        Some(next.unwrap().unwrap())
    }

    pub(crate) async fn next_error(&mut self) -> tonic::Status {
        time::timeout(PATIENCE, self.responses.recv())
            .await
            .expect("no end")
            .unwrap()
            .unwrap_err()
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        time::timeout(QUIET, self.responses.recv()).await.is_err()
    }

    pub(crate) async fn ack(&self, response: &DeltaDiscoveryResponse) {
        self.answer(response, None).await;
    }

    pub(crate) async fn nack(&self, response: &DeltaDiscoveryResponse, message: &str) {
        let message = message.to_owned();
        self.answer(
            response,
            Some(Status {
                code: 3,
                message,
                ..Status::default()
            }),
        )
        .await;
    }

    async fn answer(&self, response: &DeltaDiscoveryResponse, error_detail: Option<Status>) {
        let request = DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            error_detail,
            ..DeltaDiscoveryRequest::default()
        };
        self.requests.send(request).await.unwrap();
    }

    /// Subscribes as Envoy does and accepts everything, until nothing more comes.
    pub(crate) async fn take_all(&mut self) {
        self.subscribe(CDS, &[]).await;
        self.subscribe(LDS, &[]).await;
        self.subscribe(RDS, &["main"]).await;
        self.accept_rest().await;
    }

    /// Accepts what comes, one at least, until nothing more comes.
    pub(crate) async fn accept_rest(&mut self) -> Vec<DeltaDiscoveryResponse> {
        let first = self.next().await;
        self.ack(&first).await;
        let mut taken = vec![first];
        taken.extend(self.accept_what_comes().await);
        taken
    }

    /// Accepts what comes, if anything does, until nothing more comes.
    pub(crate) async fn accept_what_comes(&mut self) -> Vec<DeltaDiscoveryResponse> {
        let mut taken = Vec::new();
        while let Some(response) = self.next_if_any().await {
            self.ack(&response).await;
            taken.push(response);
        }
        taken
    }
}

type Passed = mpsc::UnboundedSender<Result<DeltaDiscoveryResponse, tonic::Status>>;

async fn pass_on<R>(
    stream: Result<Response<Streaming<R>>, tonic::Status>,
    to: &Passed,
    timeline: &Timeline,
    translate: impl Fn(R) -> DeltaDiscoveryResponse,
) {
    let mut stream = match stream {
        Ok(stream) => stream.into_inner(),
        Err(status) => {
            let _ = to.send(Err(status));
            return;
        }
    };
    loop {
        match stream.message().await {
            Ok(Some(response)) => {
                let response = translate(response);
                timeline.note(Event::Ads(response.type_url.clone()));
                let _ = to.send(Ok(response));
            }
            Ok(None) => return,
            Err(status) => {
                let _ = to.send(Err(status));
                return;
            }
        }
    }
}
