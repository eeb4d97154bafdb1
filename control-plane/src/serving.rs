//! What is served on the configuration streams, and how far each stream is.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portcullis_envoy_config::{ResourceSet, ResourceType};
use portcullis_snapshot::Version;
use portcullis_xds::{Former, Rejection, Resource, Served, Stage};
use tokio::sync::watch;

/// Of how many ended streams it is kept what their clients held.
const MAX_FORMERS: usize = 4;

/// The order of updates. Endpoints would be a leaf like the secrets.
pub(crate) fn order() -> [Stage; 4] {
    let stage = |kind: ResourceType, wildcard, leaf| Stage {
        type_url: kind.type_url(),
        wildcard,
        leaf,
        lingers: kind == ResourceType::Cluster,
    };
    [
        stage(ResourceType::Cluster, true, false),
        stage(ResourceType::Secret, false, true),
        stage(ResourceType::Listener, true, false),
        stage(ResourceType::RouteConfiguration, false, false),
    ]
}

/// `resources` as the streams serve them; the version is a hash of the others.
pub(crate) fn served(resources: &ResourceSet) -> Served {
    let mut out = Served::default();
    let mut versions: Vec<(&str, &str, &str)> = Vec::new();
    for (kind, all) in resources.iter() {
        let type_url = kind.type_url();
        versions.extend(
            all.iter()
                .map(|(name, r)| (type_url, name.as_str(), r.version.as_str())),
        );
        let copy = all.iter().map(|(name, r)| {
            (
                name.clone(),
                Resource {
                    version: r.version.clone(),
                    bytes: r.bytes.clone(),
                },
            )
        });
        out.resources.insert(type_url, copy.collect());
    }
    out.version = Version::of(&versions).to_string();
    out
}

/// How many listeners are served.
pub(crate) fn listeners(served: &Served) -> usize {
    served
        .resources
        .get(ResourceType::Listener.type_url())
        .map_or(0, BTreeMap::len)
}

/// One stream as others see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamState {
    /// The version that the client has taken, but for the rejections.
    pub(crate) acknowledged: Option<String>,
    pub(crate) rejections: Vec<Rejection>,
}

/// What is to be served, and every open stream. A clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    target: watch::Sender<Option<Arc<Served>>>,
    streams: Arc<watch::Sender<BTreeMap<u64, StreamState>>>,
    /// The number of the next stream.
    next: Arc<AtomicU64>,
    /// What clients of ended streams held, the latest first.
    formers: Arc<Mutex<VecDeque<Arc<Former>>>>,
    tick: Duration,
    /// Whether no stream ever comes.
    to_nobody: bool,
}

impl Serving {
    /// Nothing yet. What lingers does so for at least a `tick`.
    pub(crate) fn new(tick: Duration) -> Self {
        Self {
            target: watch::Sender::new(None),
            streams: Arc::new(watch::Sender::new(BTreeMap::new())),
            next: Arc::default(),
            formers: Arc::default(),
            tick,
            to_nobody: false,
        }
    }

    /// For nobody: whatever is served counts as taken.
    pub(crate) fn to_nobody() -> Self {
        Self {
            to_nobody: true,
            ..Self::new(Duration::MAX)
        }
    }

    /// Between two ticks of a stream.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// Serves `target` from now on, unless it is what is served already.
    /// Returns whether that changed anything.
    pub(crate) fn serve(&self, target: Served) -> bool {
        self.target.send_if_modified(|now| {
            let same = now.as_ref().is_some_and(|now| now.version == target.version);
            if !same {
                *now = Some(Arc::new(target));
            }
            !same
        })
    }

    /// What is served; `None` before the first publication.
    pub(crate) fn target(&self) -> watch::Receiver<Option<Arc<Served>>> {
        self.target.subscribe()
    }

    pub(crate) fn version(&self) -> Option<String> {
        self.target.borrow().as_ref().map(|served| served.version.clone())
    }

    pub(crate) fn streams(&self) -> Vec<StreamState> {
        self.streams.borrow().values().cloned().collect()
    }

    /// How many resources are refused, each counted for every stream.
    pub(crate) fn rejected(&self) -> usize {
        self.streams.borrow().values().map(|s| s.rejections.len()).sum()
    }

    /// Keeps what the client of an ended stream held, for the case that it
    /// comes again.
    pub(crate) fn remember(&self, former: Former) {
        let mut formers = self.formers.lock().unwrap_or_else(PoisonError::into_inner);
        formers.push_front(Arc::new(former));
        formers.truncate(MAX_FORMERS);
    }

    /// What clients of ended streams held, the latest first.
    pub(crate) fn formers(&self) -> Vec<Arc<Former>> {
        let formers = self.formers.lock().unwrap_or_else(PoisonError::into_inner);
        formers.iter().cloned().collect()
    }

    /// Tells of every change of a stream.
    pub(crate) fn stream_changes(&self) -> watch::Receiver<BTreeMap<u64, StreamState>> {
        self.streams.subscribe()
    }

    /// Whether some stream is open and has taken a whole state.
    pub(crate) fn has_settled_stream(&self) -> bool {
        self.streams.borrow().values().any(|s| s.acknowledged.is_some())
    }

    /// Waits until some stream is open and every open one has acknowledged
    /// `version`. Returns what is refused.
    pub(crate) async fn acknowledged(&self, version: &str) -> Vec<Rejection> {
        if self.to_nobody {
            return Vec::new();
        }
        let mut streams = self.streams.subscribe();
        let done = |all: &BTreeMap<u64, StreamState>| {
            !all.is_empty() && all.values().all(|s| s.acknowledged.as_deref() == Some(version))
        };
        let refused = |all: &BTreeMap<u64, StreamState>| {
            all.values()
                .flat_map(|s| s.rejections.clone())
                .collect::<Vec<_>>()
        };
        let settled = streams.wait_for(done).await.map(|all| refused(&all));
        match settled {
            Ok(refused) => refused,
            // The sender lives in `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// Enters a stream; it leaves when the guard is dropped.
    pub(crate) fn enter(&self) -> StreamGuard {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.streams.send_modify(|all| {
            all.insert(id, StreamState::default());
        });
        StreamGuard {
            id,
            streams: Arc::clone(&self.streams),
        }
    }
}

/// The place of one stream among the open ones.
#[derive(Debug)]
pub(crate) struct StreamGuard {
    id: u64,
    streams: Arc<watch::Sender<BTreeMap<u64, StreamState>>>,
}

impl StreamGuard {
    /// The number of the stream, unique in the process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Says how far the stream is.
    pub(crate) fn report(&self, state: StreamState) {
        self.streams.send_if_modified(|all| {
            let before = all.insert(self.id, state);
            before.as_ref() != all.get(&self.id)
        });
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.streams.send_modify(|all| {
            all.remove(&self.id);
        });
    }
}
