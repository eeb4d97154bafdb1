//! An ADS client that answers as it is told to, in place of Envoy.

use std::{path::PathBuf, time::Duration};

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
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use crate::timeline::{Event, Timeline};

pub(crate) const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
pub(crate) const LDS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
pub(crate) const SDS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
pub(crate) const RDS: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/// How long nothing must come before the client believes that nothing comes.
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

pub(crate) struct Client {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: mpsc::UnboundedReceiver<Result<DeltaDiscoveryResponse, tonic::Status>>,
}

impl Client {
    /// Opens a stream. What arrives is noted on the timeline when it arrives,
    /// read or not.
    pub(crate) async fn connect(socket: PathBuf, timeline: Timeline) -> Self {
        let mut service = AggregatedDiscoveryServiceClient::new(channel(socket).await);
        let (requests, receiver) = mpsc::channel(100);
        let (sender, responses) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let stream = service
                .delta_aggregated_resources(ReceiverStream::new(receiver))
                .await;
            let mut stream = match stream {
                Ok(stream) => stream.into_inner(),
                Err(status) => {
                    let _ = sender.send(Err(status));
                    return;
                }
            };
            loop {
                match stream.message().await {
                    Ok(Some(response)) => {
                        timeline.note(Event::Ads(response.type_url.clone()));
                        let _ = sender.send(Ok(response));
                    }
                    Ok(None) => return,
                    Err(status) => {
                        let _ = sender.send(Err(status));
                        return;
                    }
                }
            }
        });
        Self { requests, responses }
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
        while let Ok(Some(response)) = time::timeout(QUIET, self.responses.recv()).await {
            let response = response.unwrap();
            self.ack(&response).await;
            taken.push(response);
        }
        taken
    }
}
