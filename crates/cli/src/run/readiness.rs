//! Whether the process serves, and the one line that says so first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_authz_server::AuthzServer;
use portcullis_control_plane::Handle;
use serde_json::Value;

use crate::health::Health;

/// Both roles, asked together.
pub(crate) struct Readiness {
    control_plane: Handle,
    authz: Arc<AuthzServer>,
    started: AtomicBool,
}

impl Readiness {
    pub(crate) fn new(control_plane: Handle, authz: Arc<AuthzServer>) -> Self {
        Self {
            control_plane,
            authz,
            started: AtomicBool::new(false),
        }
    }

    /// Logs `ready` with the addresses as soon as that is so.
    pub(crate) async fn announce(self: Arc<Self>, (address, health): (String, String)) {
        // The authz-server has its bundle before Envoy is told anything.
        self.control_plane.until_ready().await;
        self.started.store(true, Ordering::Relaxed);
        tracing::info!(address, health_check_addr = health, "ready");
    }
}

impl Health for Readiness {
    fn is_ready(&self) -> bool {
        self.authz.feed().current().is_some() && self.control_plane.is_ready()
    }

    fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    fn status(&self) -> Value {
        serde_json::to_value(self.control_plane.status()).unwrap_or(Value::Null)
    }
}
