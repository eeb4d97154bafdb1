//! Upstreams.

use crate::{Part, Version};
use serde::Serialize;

/// An upstream. Routes with equal upstreams share a cluster, because its name is
/// the hash of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Where to connect: an IP address, or a name that Envoy resolves.
    pub address: String,
    /// Whether `address` is an IP address.
    pub is_ip: bool,
    /// The port.
    pub port: u16,
    /// What the upstream gets as `Host`: the host of `to`, with its port if one is
    /// written there.
    pub hostname: String,
    /// TLS towards the upstream.
    pub tls: Option<UpstreamTls>,
}

/// TLS towards an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpstreamTls {
    /// The name that the certificate must have, and the server name sent unless it
    /// is an IP address.
    pub name: String,
    /// Whether `name` is an IP address.
    pub is_ip: bool,
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
