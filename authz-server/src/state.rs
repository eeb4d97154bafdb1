//! What every request of either door shares.

use crate::check::answer::assertions::Assertions;
use crate::check::audit::Audit;
use crate::clock::{Clock, Random};
use crate::feed::Feed;
use crate::grpc::GrpcCheck;
use crate::metrics::Metrics;
use crate::sessions::SessionView;
use envoy_types::ext_authz::v3::pb::AuthorizationServer;
use portcullis_idp::HttpClient;
use portcullis_store::Store;
use std::sync::Arc;

/// What an authz-server is made of.
pub struct Options {
    /// Where sessions and users are kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where nonces and ids come from.
    pub random: Arc<dyn Random>,
    /// The one client that speaks to identity providers.
    pub http: HttpClient,
}

/// One authz-server: shared by all requests, made once.
pub struct AuthzServer {
    feed: Feed,
    sessions: SessionView,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Metrics,
    assertions: Assertions,
    audit: Audit,
}

impl AuthzServer {
    /// An authz-server without any bundle: until [`Feed::publish`] gives it one it
    /// denies everything with `not_ready`.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let metrics = Metrics::default();
        let audit = Audit::logging(&metrics);
        Self::with_audit(options, metrics, audit)
    }

    pub(crate) fn with_audit(options: Options, metrics: Metrics, audit: Audit) -> Arc<Self> {
        let Options {
            store,
            clock,
            random,
            http,
        } = options;
        Arc::new(Self {
            feed: Feed::new(http),
            sessions: SessionView::new(store, Arc::clone(&clock), metrics.clone()),
            clock,
            random,
            metrics,
            assertions: Assertions::default(),
            audit,
        })
    }

    /// Where bundles come in and every request finds the current one.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &SessionView {
        &self.sessions
    }

    /// The store behind the sessions.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        self.sessions.store()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The random source.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn assertions(&self) -> &Assertions {
        &self.assertions
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Adds this server's metrics to `registry`.
    pub fn register_metrics(&self, registry: &mut prometheus_client::registry::Registry) {
        self.metrics.register(registry);
    }

    /// The gRPC service `envoy.service.auth.v3.Authorization`.
    #[must_use]
    pub fn grpc(self: &Arc<Self>) -> AuthorizationServer<GrpcCheck> {
        crate::grpc::service(Arc::clone(self))
    }

    /// The pages as one service.
    pub fn web(self: &Arc<Self>) -> axum::Router {
        crate::web::router(Arc::clone(self))
    }

    /// Wipes sessions that have ended, from the store too, and assertions that
    /// are too old; [`crate::serve`] does so every half minute.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        self.sessions.purge(now).await;
        self.sessions.sweep(now);
        self.assertions.sweep(now);
    }
}
