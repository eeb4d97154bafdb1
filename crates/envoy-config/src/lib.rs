//! A snapshot as Envoy's own messages.
//!
//! [`resources`] encodes each part once, under the version that the snapshot gave
//! it, and takes over unchanged what the previous set has. [`bootstrap`] is what
//! the supervised Envoy starts with; [`static_bootstrap`] is the whole snapshot as
//! one file that `envoy --mode validate` checks.

mod bootstrap;
mod cluster;
mod cookies;
mod headers;
mod http;
mod listener;
mod peer;
mod proto;
mod resource;
mod route;
mod secret;
mod transcode;

#[cfg(test)]
mod tests;

pub use bootstrap::{
    ControlPlaneAddress, ControlPlaneTls, MAX_DOWNSTREAM_CONNECTIONS, RemoteBootstrap, XdsProtocol,
    bootstrap, static_bootstrap,
};
pub use cluster::SYSTEM_TRUST;
pub use headers::{INCOMING_ASSERTION, INCOMING_ASSERTION_FOR};
pub use peer::{Peer, PeerTls};
pub use resource::{Resource, ResourceSet, ResourceType, Sockets, resources};
pub use route::{CONTEXT_INTERNAL, CONTEXT_ROUTE_ID, CONTEXT_TERMINAL, TERMINAL_NO_ROUTE};
pub use transcode::TranscodeError;

/// Name of the cluster of the check service. No configured upstream can have it,
/// because their names begin with `upstream-`.
pub const AUTHZ_CLUSTER: &str = "portcullis-authz";
/// Name of the cluster of our web handlers.
pub const WEB_CLUSTER: &str = "portcullis-web";
/// Name of the bootstrap's cluster from which Envoy gets its configuration.
pub const XDS_CLUSTER: &str = "portcullis-xds";
