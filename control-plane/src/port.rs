//! Where bundles go.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_bundle::{Bundle, Version};

/// An authz-server, seen from here: in this process, or at the other end of a
/// bundle feed.
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

    /// A name for logs and the status.
    fn name(&self) -> &str {
        "authz-server"
    }

    /// The version of its software, where that may differ from ours.
    fn software(&self) -> Option<&str> {
        None
    }

    /// Called when it was silent for two seconds. A connection ends now, since
    /// nobody knows what the other side holds; it comes back by itself.
    fn disconnect(&self) {}
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
