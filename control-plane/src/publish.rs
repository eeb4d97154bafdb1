//! Two-phase publication: policy before route.
//!
//! Envoy names in every check the id of the route that matched, and the
//! authz-servers deny an id that they do not know. So that no request falls
//! between the two,
//!
//! 1. a bundle that holds the new ids *and* those that Envoy may still send goes
//!    to every authz-server and is acknowledged;
//! 2. then the resources go to Envoy, in make-before-break order;
//! 3. once Envoy has taken them, the bundle without the old ids follows.
//!
//! An id is a hash of what a route matches and where it leads, never of its
//! policy: an edit of policy ends with phase 1 and pushes nothing to Envoy.
//!
//! Publications never overlap. Of several that wait, the newest goes ahead and
//! the others are dropped.

use std::{sync::Arc, time::Duration};

use portcullis_bundle::Bundle;
use portcullis_envoy_config::{ResourceSet, ResourceType};
use portcullis_xds::Rejection;
use tokio::{
    sync::{Mutex, watch},
    time,
};

use crate::{
    BundlePort,
    metrics::Metrics,
    serving::{self, Serving},
};

mod ports;

use ports::Ports;

/// How long publication waits for an authz-server.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How soon the first publication is tried again while nobody acknowledges it.
const RETRY: Duration = Duration::from_millis(500);
/// How many former states are remembered whose route ids Envoy may still send.
/// While Envoy takes nothing, older ones are forgotten; their ids are denied.
const MAX_FORMER: usize = 16;

/// One state of the configuration, ready to take effect.
#[derive(Clone, Debug)]
pub struct Publication {
    /// What the authz-servers must know.
    pub bundle: Arc<Bundle>,
    /// What Envoy must have.
    pub resources: Arc<ResourceSet>,
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It decides at every authz-server that answered, and Envoy is being told.
    Published {
        /// Authz-servers that did not acknowledge in time.
        unacknowledged: usize,
        /// Whether Envoy must be told anything.
        pushed: bool,
    },
    /// A newer one took its place before it began.
    Superseded,
}

/// Publishes. One a process.
pub struct Publisher {
    serving: Serving,
    metrics: Metrics,
    /// Number of the newest publication that was asked for.
    newest: watch::Sender<u64>,
    state: Mutex<State>,
    view: watch::Sender<View>,
}

struct State {
    ports: Ports,
    /// The bundle of the last publication, without former ids.
    current: Option<Arc<Bundle>>,
    /// Former bundles whose ids Envoy may still send, newest first.
    former: Vec<Arc<Bundle>>,
    /// What the authz-servers were last given: `current` and former ids.
    delivered: Option<Arc<Bundle>>,
}

/// How publication stands, for the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// The version that the authz-servers were last given.
    pub(crate) version: Option<String>,
    pub(crate) routes: usize,
    /// Whether former route ids are still in it.
    pub(crate) holds_former_ids: bool,
    pub(crate) ports: usize,
    /// How many ports hold that version.
    pub(crate) acknowledged: usize,
}

impl Publisher {
    pub(crate) fn new(ports: Vec<Arc<dyn BundlePort>>, serving: Serving, metrics: Metrics) -> Arc<Self> {
        let ports = Ports::new(ports);
        let state = State {
            ports,
            current: None,
            former: Vec::new(),
            delivered: None,
        };
        Arc::new(Self {
            serving,
            metrics,
            newest: watch::Sender::new(0),
            state: Mutex::new(state),
            view: watch::Sender::new(View::default()),
        })
    }

    /// Makes `publication` take effect. When this returns [`Outcome::Published`],
    /// the new policy decides at every authz-server that acknowledged; Envoy
    /// follows. Waits without end while no authz-server has ever acknowledged
    /// anything: there is nobody who could decide.
    pub async fn publish(self: &Arc<Self>, publication: Publication) -> Outcome {
        let mut number = 0;
        self.newest.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        let mut state = self.state.lock().await;
        if self.is_old(number) {
            return Outcome::Superseded;
        }
        let Publication { bundle, resources } = publication;
        state.succeed(&bundle);
        let union = state.union(&bundle);
        let unacknowledged = loop {
            let failed = self.deliver(&mut state, &union).await;
            if state.ports.have_ever_acknowledged() {
                break failed;
            }
            tracing::warn!("no authz-server has acknowledged a bundle; envoy is told nothing yet");
            tokio::select! {
                () = time::sleep(RETRY) => {}
                () = self.made_old(number) => return Outcome::Superseded,
            }
        };
        let served = serving::served(&resources);
        let version = served.version.clone();
        let pushed = self.serving.serve(served);
        self.metrics.publications.inc();
        tracing::info!(bundle = %union.version, resources = version, pushed, "published");
        if !state.former.is_empty() {
            tokio::spawn(Arc::clone(self).prune(number, version));
        }
        Outcome::Published {
            unacknowledged,
            pushed,
        }
    }

    /// Phase 3: forgets the former ids once Envoy has taken `version`.
    async fn prune(self: Arc<Self>, number: u64, version: String) {
        let refused = tokio::select! {
            refused = self.serving.acknowledged(&version) => refused,
            () = self.made_old(number) => return,
        };
        if refused.iter().any(names_routes) {
            // Envoy serves its last good routes on, whose ids must stay known.
            tracing::warn!("envoy refuses a listener or route table; former route ids stay known");
            return;
        }
        let mut state = self.state.lock().await;
        if self.is_old(number) {
            return;
        }
        state.former.clear();
        if let Some(bundle) = state.current.clone() {
            self.deliver(&mut state, &bundle).await;
            tracing::info!(bundle = %bundle.version, "former route ids forgotten");
        }
    }

    /// Gives the present bundle again to authz-servers that do not have it.
    pub(crate) async fn reconcile(&self) {
        // While a publication is under way it does the same.
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        if let Some(bundle) = state.delivered.clone()
            && state.ports.lack(&bundle)
        {
            self.deliver(&mut state, &bundle).await;
        }
    }

    pub(crate) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Gives `bundle` to every port that lacks it; how many did not take it.
    async fn deliver(&self, state: &mut State, bundle: &Arc<Bundle>) -> usize {
        state.delivered = Some(Arc::clone(bundle));
        let failed = state.ports.deliver(bundle).await;
        self.metrics.publication_unacknowledged.inc_by(failed as u64);
        self.view.send_replace(View {
            version: Some(bundle.version.to_string()),
            routes: bundle.routes.len(),
            holds_former_ids: !state.former.is_empty(),
            ports: state.ports.len(),
            acknowledged: state.ports.len().saturating_sub(failed),
        });
        failed
    }

    fn is_old(&self, number: u64) -> bool {
        *self.newest.borrow() != number
    }

    async fn made_old(&self, number: u64) {
        let mut newest = self.newest.subscribe();
        // The sender lives in `self`.
        let _ = newest.wait_for(|newest| *newest != number).await;
    }
}

/// Whether Envoy, refusing this, goes on with routes of an older state.
fn names_routes(rejection: &Rejection) -> bool {
    let kinds = [ResourceType::Listener, ResourceType::RouteConfiguration];
    kinds.iter().any(|kind| kind.type_url() == rejection.type_url)
}

impl State {
    /// Makes `new` the current bundle; the one before becomes a former one if
    /// it has ids that `new` lacks.
    fn succeed(&mut self, new: &Arc<Bundle>) {
        if let Some(before) = self.current.replace(Arc::clone(new))
            && before.routes.keys().any(|id| !new.routes.contains_key(id))
        {
            self.former.insert(0, before);
            self.former.truncate(MAX_FORMER);
        }
    }

    fn union(&self, new: &Arc<Bundle>) -> Arc<Bundle> {
        let union = self.former.iter().fold(None::<Bundle>, |union, former| {
            Some(union.as_ref().unwrap_or(new.as_ref()).union(former))
        });
        union.map_or_else(|| Arc::clone(new), Arc::new)
    }
}

#[cfg(test)]
mod tests;
