//! Two-phase publication: policy before route.
//!
//! Envoy names in every check the id of the route that matched, and the
//! authz-servers deny an id that they do not know. So that no request falls
//! between the two,
//!
//! 1. a bundle that holds the new ids *and* those that Envoy may still send goes
//!    to every attached authz-server and is acknowledged;
//! 2. then the resources go to Envoy, in make-before-break order;
//! 3. once Envoy has taken them, the bundle without the old ids follows.
//!
//! An id is a hash of what a route matches and where it leads, never of its
//! policy: an edit of policy ends with phase 1 and pushes nothing to Envoy.
//!
//! Phase 2 begins once somebody who is attached decides by that very bundle. With
//! nobody attached, and where all refuse it, the resources wait and Envoy keeps
//! what it has: the newest policy is still what any authz-server gets that
//! attaches, and routes that nobody could decide are never announced.
//!
//! Publications never overlap. Of several that wait, the newest goes ahead and
//! the others are dropped.

use std::{sync::Arc, time::Duration};

use portcullis_bundle::{Bundle, Version};
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

pub use ports::Attachment;
use ports::Ports;
pub(crate) use ports::Seat;

/// How long publication waits for an authz-server.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How many former states are remembered whose route ids Envoy may still send.
/// While Envoy takes nothing, older ones are forgotten; their ids are denied.
const MAX_FORMER: usize = 16;
/// How long former ids stay known after Envoy's ACK. The ACK is of its main
/// thread: its workers take the routes over a moment later, and a request that was
/// routed just before may still be on its way to the check.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

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
        /// Attached authz-servers that did not acknowledge in time.
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
    ports: Ports,
    /// Those that are attached for good.
    _own: Vec<Attachment>,
    state: Mutex<State>,
    /// Whether what was last given holds former ids.
    holds_former_ids: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// The bundle of the last publication, without former ids.
    current: Option<Arc<Bundle>>,
    /// Former bundles whose ids Envoy may still send, newest first.
    former: Vec<Arc<Bundle>>,
}

/// How publication stands, for the status.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// The version that the authz-servers were last given.
    pub(crate) version: Option<Version>,
    pub(crate) routes: usize,
    /// Whether former route ids are still in it.
    pub(crate) holds_former_ids: bool,
    /// The attached authz-servers.
    pub(crate) seats: Vec<Seat>,
}

impl Publisher {
    /// Must be called in a runtime. `ports` are attached for good.
    pub(crate) fn new(ports: Vec<Arc<dyn BundlePort>>, serving: Serving, metrics: Metrics) -> Arc<Self> {
        let all = Ports::new(metrics.clone());
        Arc::new(Self {
            serving,
            metrics,
            newest: watch::Sender::new(0),
            _own: ports.into_iter().map(|port| all.attach(port)).collect(),
            ports: all,
            state: Mutex::default(),
            holds_former_ids: watch::Sender::new(false),
        })
    }

    /// Adds an authz-server to those that publications reach, until the
    /// attachment is dropped. It is given the present bundle at once, former ids
    /// included where Envoy may still send them, and counts as one that decides
    /// once it has acknowledged. Must be called in a runtime.
    pub fn attach(&self, port: Arc<dyn BundlePort>) -> Attachment {
        self.ports.attach(port)
    }

    /// The bundle of this version, if authz-servers were given it lately.
    pub(crate) fn known(&self, version: &str) -> Option<Arc<Bundle>> {
        self.ports.known(version)
    }

    /// Makes `publication` take effect. When this returns [`Outcome::Published`],
    /// the new policy decides at every authz-server that acknowledged; Envoy
    /// follows. Waits without end while no attached authz-server acknowledges it:
    /// there is nobody who could decide.
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
        let mut unacknowledged = self.deliver(&state, &union).await;
        if !self.ports.somebody_holds(&union.version) {
            tracing::warn!(bundle = %union.version, authz_servers = unacknowledged, "no authz-server decides by the new bundle; envoy is told nothing yet");
            tokio::select! {
                () = self.ports.until_somebody_holds(&union.version) => unacknowledged = unacknowledged.saturating_sub(1),
                () = self.made_old(number) => return Outcome::Superseded,
            }
        }
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
        tokio::select! {
            () = time::sleep(LAST_REQUESTS) => {}
            () = self.made_old(number) => return,
        }
        let mut state = self.state.lock().await;
        if self.is_old(number) {
            return;
        }
        state.former.clear();
        if let Some(bundle) = state.current.clone() {
            self.deliver(&state, &bundle).await;
            tracing::info!(bundle = %bundle.version, "former route ids forgotten");
        }
    }

    /// What all authz-servers are given.
    pub(crate) fn given(&self) -> Option<Arc<Bundle>> {
        self.ports.wanted()
    }

    /// Waits until all authz-servers are given a bundle that `is` the one, and every
    /// attached one has acknowledged it; at least one must be attached.
    pub(crate) async fn until_everybody_holds(&self, is: impl Fn(&Bundle) -> bool) {
        self.ports.until_everybody_holds(is).await;
    }

    pub(crate) fn view(&self) -> View {
        let wanted = self.ports.wanted();
        View {
            version: wanted.as_ref().map(|bundle| bundle.version.clone()),
            routes: wanted.map_or(0, |bundle| bundle.routes.len()),
            holds_former_ids: *self.holds_former_ids.borrow(),
            seats: self.ports.seats(),
        }
    }

    /// Gives `bundle` to every attached port; how many do not hold it then.
    async fn deliver(&self, state: &State, bundle: &Arc<Bundle>) -> usize {
        self.metrics.gave(bundle);
        let unacknowledged = self.ports.deliver(bundle).await;
        self.holds_former_ids.send_replace(!state.former.is_empty());
        unacknowledged
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
