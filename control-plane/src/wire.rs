//! The stream's own messages as Envoy's, and back.

use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource},
    google::protobuf::Any,
};
use portcullis_xds::{Request, Response};

pub(crate) fn request(request: DeltaDiscoveryRequest) -> Request {
    Request {
        type_url: request.type_url,
        subscribe: request.resource_names_subscribe,
        unsubscribe: request.resource_names_unsubscribe,
        initial_versions: request.initial_resource_versions.into_iter().collect(),
        nonce: request.response_nonce,
        error: request.error_detail.map(|status| status.message),
    }
}

pub(crate) fn response(response: Response) -> DeltaDiscoveryResponse {
    let Response {
        type_url,
        nonce,
        system_version,
        resources,
        removed,
    } = response;
    let any = |bytes: bytes::Bytes| Any {
        type_url: type_url.to_owned(),
        value: bytes.to_vec(),
    };
    let resource = |(name, version, bytes)| Resource {
        name,
        version,
        resource: Some(any(bytes)),
        ..Resource::default()
    };
    DeltaDiscoveryResponse {
        system_version_info: system_version,
        resources: resources.into_iter().map(resource).collect(),
        type_url: type_url.to_owned(),
        removed_resources: removed,
        nonce,
        ..DeltaDiscoveryResponse::default()
    }
}
