//! Upstreams.

use crate::{Part, Version};
use serde::Serialize;
use std::sync::Arc;

/// An upstream: the servers of one route. Routes with equal upstreams share a
/// cluster, because its name is the hash of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// The servers, at least one.
    pub endpoints: Vec<Endpoint>,
    /// What is spoken with them.
    pub protocol: Protocol,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Where to connect: an IP address, or a name that Envoy resolves.
    pub address: String,
    /// Whether `address` is an IP address.
    pub is_ip: bool,
    /// The port.
    pub port: u16,
    /// What the upstream gets as `Host`, unless the route rewrites it: the host of
    /// `to`, with its port if one is written there.
    pub hostname: String,
    /// Its share of the requests in proportion to the others'; either all have one
    /// or none, and then all get the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// TLS towards the server.
    pub tls: Option<UpstreamTls>,
}

/// What is spoken with an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without negotiation.
    Http2,
    /// HTTP/2 or HTTP/1.1, as the server chooses in the TLS handshake.
    Negotiated,
}

/// TLS towards an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpstreamTls {
    /// The name that the certificate must have, and the server name sent unless it
    /// is an IP address.
    pub name: String,
    /// Whether `name` is an IP address.
    pub is_ip: bool,
    /// Who must have signed the certificate.
    pub trust: Trust,
}

/// Which certificates of an upstream are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Those of the system's authorities.
    System,
    /// Those of these authorities: certificates in PEM, and nothing else.
    Authorities(Arc<str>),
    /// Any.
    Anyone,
}

impl Cluster {
    /// The cluster under its name, `upstream-` and a hash of the content. The
    /// prefix keeps clear of the reserved names.
    pub(crate) fn into_named(self) -> (String, Part<Self>) {
        let version = Version::of(&self);
        (
            format!("upstream-{}", version.short(32)),
            Part::with_version(version, self),
        )
    }
}
