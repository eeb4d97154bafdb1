//! Every authz-server, and what each holds.

use std::sync::Arc;

use futures::future::join_all;
use portcullis_bundle::{Bundle, Version};
use tokio::time;

use super::ACK_TIMEOUT;
use crate::BundlePort;

pub(super) struct Ports {
    all: Vec<Port>,
    ever: bool,
}

struct Port {
    port: Arc<dyn BundlePort>,
    holds: Option<Version>,
}

impl Ports {
    pub(super) fn new(ports: Vec<Arc<dyn BundlePort>>) -> Self {
        Self {
            all: ports.into_iter().map(|port| Port { port, holds: None }).collect(),
            ever: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether anybody has ever acknowledged anything.
    pub(super) fn have_ever_acknowledged(&self) -> bool {
        self.ever
    }

    /// Whether some port does not hold `bundle`.
    pub(super) fn lack(&self, bundle: &Bundle) -> bool {
        self.all
            .iter()
            .any(|port| port.holds.as_ref() != Some(&bundle.version))
    }

    /// Gives `bundle` to all that lack it, at once, and waits for their
    /// acknowledgements, 2 s at most. Returns how many did not give one.
    pub(super) async fn deliver(&mut self, bundle: &Arc<Bundle>) -> usize {
        let lacking = self
            .all
            .iter_mut()
            .filter(|port| port.holds.as_ref() != Some(&bundle.version));
        let results = join_all(lacking.map(|port| port.give(bundle))).await;
        let failed = results.iter().filter(|good| !**good).count();
        self.ever |= failed < results.len();
        failed
    }
}

impl Port {
    async fn give(&mut self, bundle: &Arc<Bundle>) -> bool {
        // Until it answers, nobody knows which of the two it holds.
        self.holds = None;
        let name = self.port.name();
        let bundle_version = &bundle.version;
        match time::timeout(ACK_TIMEOUT, self.port.publish(Arc::clone(bundle))).await {
            Ok(Ok(ack)) if ack.version == bundle.version => {
                self.holds = Some(ack.version);
                return true;
            }
            Ok(Ok(ack)) => {
                tracing::error!(port = name, %bundle_version, acknowledged = %ack.version, "another bundle was acknowledged");
            }
            Ok(Err(error)) => tracing::error!(port = name, %bundle_version, %error, "a bundle was not taken"),
            Err(_) => tracing::error!(port = name, %bundle_version, "a bundle was not acknowledged in time"),
        }
        false
    }
}
