//! What every request of either door shares.

use crate::check::DecisionIds;
use crate::check::answer::assertions::Assertions;
use crate::check::audit::{Audit, DecisionSink, Events};
use crate::clock::{Clock, Random};
use crate::feed::Feed;
use crate::follow::FeedState;
use crate::grpc::CheckService;
use crate::logout_tokens::LogoutTokens;
use crate::metrics::Metrics;
use crate::refresh::Refresher;
use crate::sessions::SessionView;
use crate::web::Turns;
use core::time::Duration;
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
    /// How long memory answers for a store that is cut off; after that every
    /// session is refused until it is back (`state_max_staleness`). Zero for a
    /// store of this process: it is never cut off, and what it does not answer
    /// nobody knows.
    pub max_staleness: Duration,
    /// Whether our own pages are always answered inside the check. Behind an Envoy that
    /// is not ours nothing else leads to them, and a context that looks like ours must
    /// let nothing pass; our own Envoy sends them on to the web door.
    pub in_band: bool,
}

/// One authz-server: shared by all requests, made once.
pub struct AuthzServer {
    feed: Feed,
    feed_state: FeedState,
    sessions: SessionView,
    refresher: Refresher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Metrics,
    assertions: Assertions,
    decision_ids: DecisionIds,
    audit: Audit,
    logout_tokens: LogoutTokens,
    turns: Turns,
    in_band: bool,
}

impl AuthzServer {
    /// An authz-server without any bundle: until [`Feed::publish`] gives it one it
    /// denies everything with `not_ready`.
    ///
    /// Each decision is a `tracing` event; see [`AuthzServer::with_sink`].
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        Self::with_sink(options, Box::new(Events))
    }

    /// The same with decisions written by `sink`.
    #[must_use]
    pub fn with_sink(options: Options, sink: Box<dyn DecisionSink>) -> Arc<Self> {
        let metrics = Metrics::default();
        let audit = Audit::logging(&metrics, sink);
        Self::with_audit(options, metrics, audit)
    }

    pub(crate) fn with_audit(options: Options, metrics: Metrics, audit: Audit) -> Arc<Self> {
        let Options {
            store,
            clock,
            random,
            http,
            max_staleness,
            in_band,
        } = options;
        Arc::new(Self {
            feed: Feed::new(http, metrics.clone()),
            feed_state: FeedState::default(),
            sessions: SessionView::new(store, Arc::clone(&clock), metrics.clone(), max_staleness),
            refresher: Refresher::default(),
            clock,
            random,
            metrics,
            assertions: Assertions::default(),
            decision_ids: DecisionIds::default(),
            audit,
            logout_tokens: LogoutTokens::default(),
            turns: Turns::default(),
            in_band,
        })
    }

    /// Where bundles come in and every request finds the current one.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How the feed from a control plane of another process stands; see
    /// [`crate::follow`].
    #[must_use]
    pub fn feed_state(&self) -> &FeedState {
        &self.feed_state
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &SessionView {
        &self.sessions
    }

    /// What keeps sessions good.
    #[must_use]
    pub fn refresher(&self) -> &Refresher {
        &self.refresher
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

    pub(crate) fn decision_ids(&self) -> &DecisionIds {
        &self.decision_ids
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Whether our own pages are always answered inside the check.
    pub(crate) fn in_band(&self) -> bool {
        self.in_band
    }

    /// Who may look through the sessions of all for a page.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn logout_tokens(&self) -> &LogoutTokens {
        &self.logout_tokens
    }

    /// Adds this server's metrics to `registry`.
    pub fn register_metrics(&self, registry: &mut prometheus_client::registry::Registry) {
        self.metrics.register(registry);
        self.refresher.register(registry);
    }

    /// The gRPC service `envoy.service.auth.v3.Authorization`.
    #[must_use]
    pub fn grpc(self: &Arc<Self>) -> CheckService {
        CheckService::new(Arc::clone(self), None)
    }

    /// The pages as one service.
    pub fn web(self: &Arc<Self>) -> axum::Router {
        crate::web::router(Arc::clone(self))
    }

    /// The public keys alone as a service, for whatever host they are asked; see
    /// [`crate::serve_keys`].
    pub fn keys(self: &Arc<Self>) -> axum::Router {
        crate::web::keys_router(Arc::clone(self))
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
