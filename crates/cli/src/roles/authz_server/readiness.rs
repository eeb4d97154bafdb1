//! Whether this authz-server decides, and what it says of itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis_authz_server::AuthzServer;
use serde_json::{Value, json};
use tokio::time::sleep;
use url::Url;

use crate::admin::AdminSocket;
use crate::health::Health;

/// How often it is looked whether the sessions are there.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Readiness {
    authz: Arc<AuthzServer>,
    instance: String,
    control_plane: String,
    admin: Arc<AdminSocket>,
    /// Whether the sessions were all known once. From then on it is ready:
    /// without its control plane it decides on from memory, for as long as
    /// `--state-max-staleness` allows.
    started: AtomicBool,
}

impl Readiness {
    pub(super) fn new(
        authz: Arc<AuthzServer>,
        instance: String,
        control_plane: &Url,
        admin: Arc<AdminSocket>,
    ) -> Self {
        Self {
            authz,
            instance,
            control_plane: control_plane.to_string(),
            admin,
            started: AtomicBool::new(false),
        }
    }

    pub(super) async fn until_a_bundle_decides(&self) {
        let mut view = self.authz.feed_state().watch();
        while self.authz.feed().current().is_none() {
            if view.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Opens the admin socket and logs `ready` with the addresses as soon as that is so.
    pub(super) async fn announce(self: Arc<Self>, address: String, health: SocketAddr) {
        while !self.authz.sessions().is_connected() {
            sleep(PAUSE).await;
        }
        self.started.store(true, Ordering::Relaxed);
        self.admin.open();
        let Self {
            instance,
            control_plane,
            admin,
            ..
        } = &*self;
        tracing::info!(
            grpc_address = address,
            control_plane,
            instance,
            health_check_addr = %health,
            admin_socket = admin.shown(),
            "ready"
        );
    }
}

impl Health for Readiness {
    fn is_ready(&self) -> bool {
        self.has_started() && self.authz.feed().current().is_some()
    }

    fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    fn status(&self) -> Value {
        let feed = self.authz.feed_state().view();
        let bundle = self.authz.feed().current();
        let status = json!({
            "ready": self.is_ready(),
            "instance": self.instance,
            "bundle": {
                "version": bundle.as_ref().map(|bundle| bundle.version.to_string()),
                "routes": bundle.as_ref().map_or(0, |bundle| bundle.routes.len()),
            },
            "control_plane": {
                "url": self.control_plane,
                "connected": feed.connected,
                "since": feed.since.map(|since| since.to_string()),
                "last_error": feed.last_error,
            },
            "sessions": {"connected": self.authz.sessions().is_connected()},
        });
        self.admin.in_status(status)
    }
}
