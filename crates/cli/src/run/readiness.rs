//! Whether the process serves, and the one line that says so first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_authz_server::AuthzServer;
use portcullis_control_plane::Handle;
use serde_json::Value;

use crate::admin::AdminSocket;
use crate::health::Health;

/// Both roles, asked together.
pub(crate) struct Readiness {
    control_plane: Handle,
    authz: Arc<AuthzServer>,
    admin: Arc<AdminSocket>,
    started: AtomicBool,
}

impl Readiness {
    pub(crate) fn new(control_plane: Handle, authz: Arc<AuthzServer>, admin: Arc<AdminSocket>) -> Self {
        Self {
            control_plane,
            authz,
            admin,
            started: AtomicBool::new(false),
        }
    }

    /// Opens the admin socket and logs `ready` with the addresses as soon as that is so.
    pub(crate) async fn announce(self: Arc<Self>, (address, health): (String, String)) {
        // The authz-server has its bundle before Envoy is told anything.
        self.control_plane.until_ready().await;
        self.started.store(true, Ordering::Relaxed);
        self.admin.open();
        let admin_socket = self.admin.shown();
        tracing::info!(address, health_check_addr = health, admin_socket, "ready");
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
        let status = serde_json::to_value(self.control_plane.status()).unwrap_or(Value::Null);
        self.admin.in_status(status)
    }
}
