//! The way of a bundle inside one process.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_authz_server::AuthzServer;
use portcullis_bundle::Bundle;
use portcullis_control_plane::{Ack, BundlePort, PublishError};

/// The authz-server of this process, as the control plane sees it.
pub(crate) struct InProcess {
    server: Arc<AuthzServer>,
}

impl InProcess {
    /// A port to `server`.
    pub(crate) fn new(server: Arc<AuthzServer>) -> Self {
        Self { server }
    }
}

#[async_trait]
impl BundlePort for InProcess {
    async fn publish(&self, bundle: Arc<Bundle>) -> Result<Ack, PublishError> {
        match self.server.feed().publish(bundle) {
            Ok(ack) => Ok(Ack { version: ack.version }),
            Err(error) => Err(PublishError::Refused(error.to_string())),
        }
    }
}
