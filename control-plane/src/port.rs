//! Where bundles go.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_bundle::{Bundle, Version};

/// An authz-server, seen from here. In process for now; a remote one later.
#[async_trait]
pub trait BundlePort: Send + Sync {
    /// Makes `bundle` the one that decides. When this returns, every check that
    /// begins from now on is decided by it.
    ///
    /// A call may be dropped before it has returned (a port has two seconds);
    /// the next one then carries a newer bundle or the same again.
    ///
    /// # Errors
    ///
    /// When the bundle has not taken effect; what decided before decides on.
    async fn publish(&self, bundle: Arc<Bundle>) -> Result<Ack, PublishError>;

    /// A name for logs.
    fn name(&self) -> &str {
        "authz-server"
    }
}

/// The word of an authz-server that a bundle decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The version of the bundle that decides.
    pub version: Version,
}

/// Why a bundle did not take effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The authz-server cannot be reached.
    #[error("the authz-server cannot be reached: {0}")]
    Unreachable(String),
    /// The authz-server cannot work by the bundle.
    #[error("the authz-server refuses the bundle: {0}")]
    Refused(String),
}
