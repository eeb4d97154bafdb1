//! The control plane: sources, two-phase publication, the configuration streams
//! and the supervision of Envoy.
//!
//! A [`source`] is read into a configuration; from it follow a bundle for the
//! authz-servers and resources for Envoy. [`publish`] brings both into effect in
//! the one safe order. [`supervise`] keeps an Envoy running that asks for its
//! resources over a Unix socket; where the roles are apart, one authenticated
//! gRPC listener serves Envoys and authz-servers elsewhere instead. A state that
//! must not take effect changes nothing: the last good one serves on, and
//! [`status`] says why.

pub mod publish;
pub mod rotate;
pub mod source;
pub mod status;
pub mod store_service;

pub mod supervise;

mod ads;
mod control_plane;
mod feed_service;
mod grpc;
mod handle;
mod metrics;
mod port;
mod serving;
mod wire;

pub use ads::AdsError;
pub use control_plane::{Apart, CLUSTERS_LINGER, ControlPlane, Options, Place, Rejected, RunError};
pub use grpc::{Grpc, GrpcError};
pub use handle::{Handle, Reloaded};
pub use metrics::Metrics;
pub use port::{Ack, BundlePort, PublishError};
pub use publish::Attachment;
pub use source::files::{FileSource, Loaded, SourceError};
pub use status::Status;
