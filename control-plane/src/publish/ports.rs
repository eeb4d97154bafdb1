//! Every attached authz-server, and what each holds.
//!
//! Each has a task that brings it to the wanted bundle and tries again where
//! that failed. So one that attaches while a publication is under way is given
//! the newest bundle at once, and waits for nobody.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portcullis_bundle::{Bundle, Version};
use tokio::{sync::watch, time};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ACK_TIMEOUT;
use crate::{BundlePort, metrics::Metrics};

/// How soon a port that did not take a bundle is given it again, at first and at
/// last.
const RETRY: Duration = Duration::from_millis(500);
const MAX_RETRY: Duration = Duration::from_secs(5);
/// How many bundles are remembered for those that come back.
const MAX_RECENT: usize = 4;
/// Within this after [`ACK_TIMEOUT`] every port's own task has given up.
const MARGIN: Duration = Duration::from_millis(200);

/// The attached ports. A clone is the same.
#[derive(Clone)]
pub(super) struct Ports {
    wanted: watch::Sender<Option<Arc<Bundle>>>,
    /// What was wanted last, newest first: one that comes back may hold it.
    recent: Arc<Mutex<VecDeque<Arc<Bundle>>>>,
    seats: watch::Sender<BTreeMap<u64, Seat>>,
    next: Arc<AtomicU64>,
    metrics: Metrics,
}

/// One attached port.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) name: String,
    pub(crate) software: Option<String>,
    /// The version that it acknowledged; `None` while nobody knows.
    pub(crate) holds: Option<Version>,
    /// The version that it did not take the last time, and why.
    pub(crate) failed: Option<(Version, String)>,
}

impl Seat {
    fn has_answered(&self, version: &Version) -> bool {
        self.holds.as_ref() == Some(version) || self.failed.as_ref().is_some_and(|(v, _)| v == version)
    }
}

/// A port's place among those that a publication reaches. It leaves when this is
/// dropped.
#[must_use = "the port leaves when this is dropped"]
pub struct Attachment {
    _leave: DropGuard,
}

impl Ports {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            wanted: watch::Sender::new(None),
            recent: Arc::default(),
            seats: watch::Sender::new(BTreeMap::new()),
            next: Arc::new(AtomicU64::new(0)),
            metrics,
        }
    }

    pub(super) fn attach(&self, port: Arc<dyn BundlePort>) -> Attachment {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Seat {
            name: port.name().to_owned(),
            software: port.software().map(str::to_owned),
            holds: None,
            failed: None,
        };
        let leave = CancellationToken::new();
        // Entered before the task looks at what is wanted, so that a delivery that
        // begins now waits for this port.
        self.seats.send_modify(|seats| {
            seats.insert(id, seat);
        });
        self.count();
        let attached = Attached {
            id,
            port,
            ports: self.clone(),
        };
        let ends = leave.clone();
        tokio::spawn(async move {
            ends.run_until_cancelled(attached.follow()).await;
        });
        Attachment {
            _leave: leave.drop_guard(),
        }
    }

    pub(super) fn seats(&self) -> Vec<Seat> {
        self.seats.borrow().values().cloned().collect()
    }

    /// What all are given, and whoever attaches.
    pub(super) fn wanted(&self) -> Option<Arc<Bundle>> {
        self.wanted.borrow().clone()
    }

    /// Gives `bundle` to all, at once, and waits until each has taken it, has not
    /// taken it, or has left; a little over 2 s at most. Returns how many of the
    /// attached do not hold it.
    pub(super) async fn deliver(&self, bundle: &Arc<Bundle>) -> usize {
        let mut seats = self.seats.subscribe();
        self.remember(bundle);
        self.wanted.send_replace(Some(Arc::clone(bundle)));
        let version = &bundle.version;
        let all = seats.wait_for(|seats| seats.values().all(|seat| seat.has_answered(version)));
        // Whoever attached meanwhile and has not answered is not waited for.
        let _ = time::timeout(ACK_TIMEOUT + MARGIN, all).await;
        let seats = self.seats.borrow();
        seats
            .values()
            .filter(|seat| seat.holds.as_ref() != Some(version))
            .count()
    }

    fn remember(&self, bundle: &Arc<Bundle>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|known| known.version != bundle.version);
        recent.push_front(Arc::clone(bundle));
        recent.truncate(MAX_RECENT);
    }

    /// The bundle of this version, if it was given lately.
    pub(super) fn known(&self, version: &str) -> Option<Arc<Bundle>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent.iter().find(|bundle| bundle.version.to_string() == version);
        known.map(Arc::clone)
    }

    /// Whether an attached port has acknowledged `version`.
    pub(super) fn somebody_holds(&self, version: &Version) -> bool {
        somebody(&self.seats.borrow(), version)
    }

    /// Waits until [`somebody_holds`](Self::somebody_holds).
    pub(super) async fn until_somebody_holds(&self, version: &Version) {
        let mut seats = self.seats.subscribe();
        if seats.wait_for(|seats| somebody(seats, version)).await.is_err() {
            // The sender lives in `self`.
            std::future::pending().await
        }
    }

    /// Waits until what all are given `is` the one, and every attached port has
    /// acknowledged it; at least one must be attached.
    pub(super) async fn until_everybody_holds(&self, is: impl Fn(&Bundle) -> bool) {
        let (mut wanted, mut seats) = (self.wanted.subscribe(), self.seats.subscribe());
        loop {
            let given = wanted.borrow_and_update().clone().filter(|given| is(given));
            let everybody = |version: &Version| {
                let seats = seats.borrow_and_update();
                !seats.is_empty() && seats.values().all(|seat| seat.holds.as_ref() == Some(version))
            };
            if given
                .map(|given| given.version.clone())
                .as_ref()
                .is_some_and(everybody)
            {
                return;
            }
            // The senders live in `self`.
            tokio::select! {
                _ = wanted.changed() => {}
                _ = seats.changed() => {}
            }
        }
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Seat)) {
        self.seats.send_modify(|seats| {
            if let Some(seat) = seats.get_mut(&id) {
                change(seat);
            }
        });
    }

    fn count(&self) {
        let attached = self.seats.borrow().len();
        self.metrics
            .authz_servers
            .set(i64::try_from(attached).unwrap_or(i64::MAX));
    }
}

fn somebody(seats: &BTreeMap<u64, Seat>, version: &Version) -> bool {
    seats.values().any(|seat| seat.holds.as_ref() == Some(version))
}

/// A port with its task; it leaves its seat when dropped.
struct Attached {
    id: u64,
    port: Arc<dyn BundlePort>,
    ports: Ports,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.ports.seats.send_modify(|seats| {
            seats.remove(&self.id);
        });
        self.ports.count();
    }
}

impl Attached {
    /// Keeps the port at what is wanted. Never ends.
    async fn follow(self) {
        let mut wanted = self.ports.wanted.subscribe();
        let mut pause = RETRY;
        loop {
            let bundle = wanted.borrow_and_update().clone();
            let taken = match &bundle {
                Some(bundle) => self.holds(bundle) || self.give(bundle).await,
                None => true,
            };
            // The sender lives in `self`: it never ends.
            if taken {
                pause = RETRY;
                let _ = wanted.changed().await;
            } else {
                tokio::select! {
                    _ = wanted.changed() => pause = RETRY,
                    () = time::sleep(pause) => pause = (pause * 2).min(MAX_RETRY),
                }
            }
        }
    }

    fn holds(&self, bundle: &Bundle) -> bool {
        let seats = self.ports.seats.borrow();
        let seat = seats.get(&self.id);
        seat.is_some_and(|seat| seat.holds.as_ref() == Some(&bundle.version))
    }

    async fn give(&self, bundle: &Arc<Bundle>) -> bool {
        let Self { id, port, ports } = self;
        // Until it answers, nobody knows which of the two it holds.
        ports.change(*id, |seat| seat.holds = None);
        let name = port.name();
        let bundle_version = &bundle.version;
        let problem = match time::timeout(ACK_TIMEOUT, port.publish(Arc::clone(bundle))).await {
            Ok(Ok(ack)) if ack.version == bundle.version => {
                ports.change(*id, |seat| {
                    seat.failed = None;
                    seat.holds = Some(ack.version);
                });
                return true;
            }
            Ok(Ok(ack)) => {
                tracing::error!(port = name, %bundle_version, acknowledged = %ack.version, "another bundle was acknowledged");
                "it acknowledged another bundle".to_owned()
            }
            Ok(Err(error)) => {
                tracing::error!(port = name, %bundle_version, %error, "a bundle was not taken");
                error.to_string()
            }
            Err(_) => {
                tracing::error!(port = name, %bundle_version, "a bundle was not acknowledged in time");
                port.disconnect();
                "it did not answer in time".to_owned()
            }
        };
        ports.metrics.publication_unacknowledged.inc();
        ports.change(*id, |seat| seat.failed = Some((bundle.version.clone(), problem)));
        false
    }
}
