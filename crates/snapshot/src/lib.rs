//! From a validated configuration to what Envoy and the authz-servers must have.
//!
//! [`build`] turns a `Config` and the [`Materials`] it refers to (file contents,
//! generated keys) into a [`Snapshot`], which is the canonical form of Envoy's
//! side, and a `Bundle`, which is the authz-servers' side. Every part of a
//! snapshot carries a version, the hash of its content: what did not change has
//! the version it had, whoever built it and when. [`diff`] says what changed.
//!
//! Nothing here knows an Envoy type or does I/O.

mod build;
mod certificate;
mod cluster;
pub mod codes;
mod content;
mod diff;
mod listener;
mod materials;
mod route;
mod route_id;
mod snapshot;

pub use build::{Built, build};
pub use certificate::Certificate;
pub use cluster::{Cluster, Endpoint, Protocol, Trust, UpstreamTls};
pub use content::{Part, Version};
pub use diff::{ChangeSet, Changes, diff};
pub use listener::{ClientCertificates, Listener, Timeouts};
pub use materials::{CertificatePem, Generated, Materials};
pub use route::{
    Action, Context, HostRewrite, Match, PathRedirect, Redirect, ResponseHeaders, Route, RouteTable,
    SchemeRedirect, Upstream, VirtualHost,
};
pub use route_id::{Identity, route_id};
pub use snapshot::Snapshot;
