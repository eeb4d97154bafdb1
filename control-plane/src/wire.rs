//! The streams' own messages as Envoy's, and back.

use std::sync::Arc;

use envoy_types::pb::{
    envoy::service::discovery::v3::{
        DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
    },
    google::protobuf::Any,
};
use portcullis_xds::{
    DeltaRequest, DeltaResponse, DeltaStream, Former, Reaction, Rejection, Served, SotwRequest, SotwResponse,
    SotwStream, StreamError, TypeUrl,
};

/// One variant of the protocol: the state of a stream with its messages.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// What the client sends.
    type Request: Send + Sync;
    /// What it is sent.
    type Response: Send + Sync;
    /// Its name in the log.
    const NAME: &'static str;

    fn on_request(&mut self, request: Self::Request) -> Result<Reaction<Outgoing<Self>>, StreamError>;
    fn on_change(&mut self, target: Arc<Served>) -> Vec<Outgoing<Self>>;
    fn lingers(&self) -> bool;
    fn on_tick(&mut self) -> Vec<Outgoing<Self>>;
    fn acknowledged(&self) -> Option<&str>;
    fn rejections(&self) -> Vec<Rejection>;
    /// What a stream that comes after must know of this one.
    fn into_former(self) -> Option<Former>;
}

/// A response that is ready to leave.
#[derive(Debug)]
pub(crate) struct Outgoing<P: Protocol + ?Sized> {
    pub(crate) type_url: TypeUrl,
    /// How many resources are in it, and names of such that are gone.
    pub(crate) resources: usize,
    pub(crate) removed: usize,
    pub(crate) message: P::Response,
}

impl Protocol for DeltaStream {
    type Request = DeltaDiscoveryRequest;
    type Response = DeltaDiscoveryResponse;
    const NAME: &'static str = "delta";

    fn on_request(&mut self, request: Self::Request) -> Result<Reaction<Outgoing<Self>>, StreamError> {
        let reaction = self.on_request(delta_request(request))?;
        Ok(outgoing(reaction, delta_response))
    }

    fn on_change(&mut self, target: Arc<Served>) -> Vec<Outgoing<Self>> {
        let responses = self.on_change(target);
        responses.into_iter().map(delta_response).collect()
    }

    fn lingers(&self) -> bool {
        self.lingers()
    }

    fn on_tick(&mut self) -> Vec<Outgoing<Self>> {
        let responses = self.on_tick();
        responses.into_iter().map(delta_response).collect()
    }

    fn acknowledged(&self) -> Option<&str> {
        self.acknowledged()
    }

    fn rejections(&self) -> Vec<Rejection> {
        self.rejections()
    }

    fn into_former(self) -> Option<Former> {
        None
    }
}

impl Protocol for SotwStream {
    type Request = DiscoveryRequest;
    type Response = DiscoveryResponse;
    const NAME: &'static str = "state of the world";

    fn on_request(&mut self, request: Self::Request) -> Result<Reaction<Outgoing<Self>>, StreamError> {
        let reaction = self.on_request(sotw_request(request))?;
        Ok(outgoing(reaction, sotw_response))
    }

    fn on_change(&mut self, target: Arc<Served>) -> Vec<Outgoing<Self>> {
        let responses = self.on_change(target);
        responses.into_iter().map(sotw_response).collect()
    }

    fn lingers(&self) -> bool {
        self.lingers()
    }

    fn on_tick(&mut self) -> Vec<Outgoing<Self>> {
        let responses = self.on_tick();
        responses.into_iter().map(sotw_response).collect()
    }

    fn acknowledged(&self) -> Option<&str> {
        self.acknowledged()
    }

    fn rejections(&self) -> Vec<Rejection> {
        self.rejections()
    }

    fn into_former(self) -> Option<Former> {
        Some(self.into_former())
    }
}

fn outgoing<R, P: Protocol>(of: Reaction<R>, word: impl Fn(R) -> Outgoing<P>) -> Reaction<Outgoing<P>> {
    let Reaction { responses, refused } = of;
    Reaction {
        responses: responses.into_iter().map(word).collect(),
        refused,
    }
}

fn any(type_url: TypeUrl, bytes: &[u8]) -> Any {
    Any {
        type_url: type_url.to_owned(),
        value: bytes.to_vec(),
    }
}

fn delta_request(request: DeltaDiscoveryRequest) -> DeltaRequest {
    DeltaRequest {
        type_url: request.type_url,
        subscribe: request.resource_names_subscribe,
        unsubscribe: request.resource_names_unsubscribe,
        initial_versions: request.initial_resource_versions.into_iter().collect(),
        nonce: request.response_nonce,
        error: request.error_detail.map(|status| status.message),
    }
}

fn delta_response(response: DeltaResponse) -> Outgoing<DeltaStream> {
    let DeltaResponse {
        type_url,
        nonce,
        system_version,
        resources,
        removed,
    } = response;
    let (count, gone) = (resources.len(), removed.len());
    let resource = |(name, version, bytes): (String, String, bytes::Bytes)| Resource {
        name,
        version,
        resource: Some(any(type_url, &bytes)),
        ..Resource::default()
    };
    let message = DeltaDiscoveryResponse {
        system_version_info: system_version,
        resources: resources.into_iter().map(resource).collect(),
        type_url: type_url.to_owned(),
        removed_resources: removed,
        nonce,
        ..DeltaDiscoveryResponse::default()
    };
    Outgoing {
        type_url,
        resources: count,
        removed: gone,
        message,
    }
}

fn sotw_request(request: DiscoveryRequest) -> SotwRequest {
    SotwRequest {
        type_url: request.type_url,
        names: request.resource_names,
        version: request.version_info,
        nonce: request.response_nonce,
        error: request.error_detail.map(|status| status.message),
    }
}

fn sotw_response(response: SotwResponse) -> Outgoing<SotwStream> {
    let SotwResponse {
        type_url,
        nonce,
        version,
        resources,
    } = response;
    let message = DiscoveryResponse {
        version_info: version,
        resources: resources.iter().map(|(_, bytes)| any(type_url, bytes)).collect(),
        type_url: type_url.to_owned(),
        nonce,
        ..DiscoveryResponse::default()
    };
    Outgoing {
        type_url,
        resources: resources.len(),
        removed: 0,
        message,
    }
}
