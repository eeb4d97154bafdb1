//! Everything together: source, publication, streams, Envoy.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis_bundle::{Bundle, RoutePolicy};
use portcullis_config::{Diagnostic, Severity};
use portcullis_envoy_config::{ResourceSet, bootstrap};
use portcullis_proto::credential::Key;
use portcullis_snapshot::{Snapshot, diff};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinError, JoinHandle},
};
use tokio_util::sync::CancellationToken;

use crate::{
    BundlePort, Metrics,
    ads::{self, AdsError},
    grpc::GrpcError,
    handle::{Handle, Reloaded, Role, Shared},
    publish::{Outcome, Publication, Publisher},
    rotate::{Configured, Origins},
    serving::Serving,
    source::{FileSource, Loaded, Watcher},
    status::{self, ConfigStatus, RejectedConfig},
    supervise::{EnvoyState, Supervisor},
};

mod place;

use place::Reach;
pub use place::{Apart, Place};

/// The name by which the supervised Envoy knows itself.
const NODE_ID: &str = "portcullis";

/// A request that was routed before its route changed still waits for its check, or
/// for the content that the check wants to see. The check has a few seconds.
pub const CLUSTERS_LINGER: Duration = Duration::from_secs(10);

/// What a control plane is made of.
pub struct Options {
    /// Who decides; further ones attach while it runs.
    pub ports: Vec<Arc<dyn BundlePort>>,
    /// Whom it serves.
    pub place: Place,
    /// For how long at least an Envoy keeps a cluster that its routes name no
    /// more; [`CLUSTERS_LINGER`] but for tests.
    pub clusters_linger: Duration,
}

/// The first reading must not take effect.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot take effect")]
pub struct Rejected {
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a control plane ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration service failed.
    #[error(transparent)]
    Ads(#[from] AdsError),
    /// The listener failed.
    #[error(transparent)]
    Grpc(#[from] GrpcError),
    /// The run directory or Envoy's thread failed.
    #[error("cannot supervise envoy: {0}")]
    Supervise(io::Error),
    /// A task panicked.
    #[error("a task failed: {0}")]
    Task(#[from] JoinError),
}

/// A control plane that does not run yet.
pub struct ControlPlane {
    source: Arc<FileSource>,
    place: Option<Place>,
    reach: Reach,
    /// By which callers are known, where the roles are apart.
    key: Option<Arc<Key>>,
    handle: Handle,
    reloads: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    envoy: watch::Sender<EnvoyState>,
    current: Current,
    watcher: Watcher,
}

/// The task that serves the streams.
type Serves = JoinHandle<Result<(), RunError>>;

/// The state that serves.
struct Current {
    snapshot: Arc<Snapshot>,
    bundle: Arc<Bundle>,
    resources: Arc<ResourceSet>,
}

impl ControlPlane {
    /// A control plane that begins with `first`, a reading of `source`.
    ///
    /// # Errors
    ///
    /// When `first` must not take effect.
    pub fn new(options: Options, source: FileSource, first: Loaded) -> Result<Self, Rejected> {
        let Loaded {
            version,
            config: parsed,
            snapshot,
            bundle,
            diagnostics,
            files,
        } = first;
        let Options {
            ports,
            place,
            clusters_linger,
        } = options;
        let (Some(snapshot), Some(bundle)) = (snapshot, bundle) else {
            return Err(Rejected { diagnostics });
        };
        let reach = Reach::of(&place);
        let key = match &place {
            Place::Beside { .. } | Place::Alone => None,
            Place::Apart(Apart { grpc, .. }) => Some(Arc::clone(&grpc.key)),
        };
        let resources = Arc::new(reach.encode(parsed.as_deref(), &snapshot, None));
        let metrics = Metrics::default();
        let serving = match &place {
            Place::Beside { .. } | Place::Apart(_) => Serving::new(clusters_linger),
            Place::Alone => Serving::to_nobody(),
        };
        let publisher = Publisher::new(ports, serving.clone(), metrics.clone());
        let (envoy, envoy_seen) = watch::channel(EnvoyState::default());
        let config = ConfigStatus {
            file: source.name().to_owned(),
            ..accepted(version, &bundle, &diagnostics)
        };
        let shared = Shared {
            metrics,
            serving,
            publisher,
            config: Mutex::new(config),
            role: match &place {
                Place::Beside { envoy, .. } => Role::Beside(envoy.is_some().then_some(envoy_seen)),
                Place::Apart(_) => Role::Apart,
                Place::Alone => Role::Alone,
            },
            secrets: watch::Sender::new(bundle.settings.keys.shared_secret.clone()),
            configured: watch::Sender::new(Configured {
                bundle: Arc::clone(&bundle),
                origins: parsed.as_deref().map(Origins::of).unwrap_or_default(),
            }),
            rotating: tokio::sync::Mutex::default(),
        };
        let (sender, reloads) = mpsc::channel(8);
        let mut watcher = Watcher::new();
        watcher.follow(files);
        Ok(Self {
            source: Arc::new(source),
            place: Some(place),
            reach,
            key,
            handle: Handle {
                shared: Arc::new(shared),
                reloads: sender,
            },
            reloads,
            envoy,
            current: Current {
                snapshot: Arc::new(snapshot),
                bundle,
                resources,
            },
            watcher,
        })
    }

    /// A view that stays while the control plane runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown`, then drains Envoy, which takes about five seconds
    /// at most. The authz-servers must serve until this returns.
    ///
    /// # Errors
    ///
    /// When a part of it fails for good.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), RunError> {
        // The streams stay open while Envoy is drained.
        let streams_end = CancellationToken::new();
        let _end = streams_end.clone().drop_guard();
        let envoy_ends = shutdown.child_token();
        // Taken once: `run` consumes the control plane.
        let Some(place) = self.place.take() else {
            return Ok(());
        };
        let (mut serving, supervisor) = self.open(place, &streams_end, &envoy_ends)?;
        self.publish(None);
        let failed = tokio::select! {
            () = self.follow_source() => None,
            () = shutdown.cancelled() => None,
            ended = &mut serving => Some(ended),
        };
        envoy_ends.cancel();
        if let Some(supervisor) = supervisor {
            supervisor.ended().await;
        }
        streams_end.cancel();
        match failed {
            Some(ended) => ended??,
            None => serving.await??,
        }
        Ok(())
    }

    /// Begins to serve configuration streams, and Envoy where it is ours.
    fn open(
        &self,
        place: Place,
        streams_end: &CancellationToken,
        envoy_ends: &CancellationToken,
    ) -> Result<(Serves, Option<Supervisor>), RunError> {
        let Shared {
            serving,
            metrics,
            publisher,
            ..
        } = &*self.handle.shared;
        let (serving, metrics, publisher) = (serving.clone(), metrics.clone(), Arc::clone(publisher));
        let end = streams_end.clone();
        let (run, envoy, xds) = match place {
            Place::Beside {
                run_directory,
                envoy,
                xds,
            } => (run_directory, envoy, xds),
            Place::Apart(Apart { grpc, .. }) => {
                let serves = async move { Ok(grpc.serve(publisher, serving, metrics, end).await?) };
                return Ok((tokio::spawn(serves), None));
            }
            Place::Alone => {
                let serves = async move {
                    end.cancelled().await;
                    Ok(())
                };
                return Ok((tokio::spawn(serves), None));
            }
        };
        let listener = ads::bind(&run.xds())?;
        let owner = run.owner().map_err(RunError::Supervise)?;
        let counted = metrics.clone();
        let serves = async move { Ok(ads::serve(listener, owner, serving, counted, end).await?) };
        let serves = tokio::spawn(serves);
        let Some(envoy) = envoy else {
            return Ok((serves, None));
        };
        let bootstrap = bootstrap(NODE_ID, &run.xds(), &run.envoy_admin(), xds);
        let (state, ends) = (self.envoy.clone(), envoy_ends.clone());
        let supervisor = Supervisor::start(envoy, &run, &bootstrap, metrics, state, ends);
        Ok((serves, Some(supervisor.map_err(RunError::Supervise)?)))
    }

    /// Reads and publishes whenever the files change or somebody asks. Never ends.
    async fn follow_source(&mut self) {
        loop {
            let asked = tokio::select! {
                () = self.watcher.changed() => None,
                // `self.handle` holds a sender.
                Some(reply) = self.reloads.recv() => Some(reply),
            };
            self.reload(asked).await;
        }
    }

    async fn reload(&mut self, asked: Option<oneshot::Sender<Reloaded>>) {
        let source = Arc::clone(&self.source);
        let reach = self.reach.clone();
        let (before, previous) = (
            Arc::clone(&self.current.snapshot),
            Arc::clone(&self.current.resources),
        );
        let work = move || {
            let mut loaded = source.load();
            let usable = loaded.snapshot.take().zip(loaded.bundle.take());
            let usable = usable.map(|(snapshot, bundle)| {
                let changes = diff(&before, &snapshot);
                let resources = reach.encode(loaded.config.as_deref(), &snapshot, Some(&previous));
                let resources = Arc::new(resources);
                let snapshot = Arc::new(snapshot);
                (
                    changes,
                    Current {
                        snapshot,
                        bundle,
                        resources,
                    },
                )
            });
            (loaded, usable)
        };
        let (loaded, usable) = match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => {
                // Nothing was taken over: the last good state serves on.
                tracing::error!(%error, "reading the configuration failed");
                return;
            }
        };
        let Loaded {
            version,
            config: parsed,
            diagnostics,
            files,
            ..
        } = loaded;
        self.watcher.follow(files);
        log(&diagnostics);
        let shared = &self.handle.shared;
        let Some((changes, new)) = usable else {
            tracing::error!(
                version,
                "the configuration is rejected; the last good one serves on"
            );
            shared.metrics.count_reload("rejected");
            let rejected = RejectedConfig {
                version,
                at: status::now(),
                diagnostics: status::listed(&diagnostics),
            };
            shared.update(|config| {
                config.rejected = Some(rejected);
                config.rejected_reloads += 1;
            });
            answer(asked, Reloaded::Rejected { diagnostics });
            return;
        };
        let same =
            new.bundle.version == self.current.bundle.version && *new.resources == *self.current.resources;
        shared
            .metrics
            .count_reload(if same { "unchanged" } else { "accepted" });
        let now = accepted(version.clone(), &new.bundle, &diagnostics);
        shared.update(|config| {
            let ConfigStatus {
                file,
                reloads,
                rejected_reloads,
                ..
            } = std::mem::take(config);
            *config = ConfigStatus {
                file,
                reloads: reloads + u64::from(!same),
                rejected_reloads,
                ..now
            };
        });
        shared.configured.send_replace(Configured {
            bundle: Arc::clone(&new.bundle),
            origins: parsed.as_deref().map(Origins::of).unwrap_or_default(),
        });
        if same {
            answer(asked, Reloaded::Unchanged);
            return;
        }
        tracing::info!(version, bundle = %new.bundle.version, envoy_changes = %changes, "the configuration is read");
        self.current = new;
        self.take_secrets();
        self.publish(asked.map(|reply| (reply, Reloaded::Accepted { version })));
    }

    /// What the shared secrets authenticate and seal here follows them, before any
    /// authz-server hears of them and comes with the new first one.
    fn take_secrets(&self) {
        let secrets = &self.current.bundle.settings.keys.shared_secret;
        let told = &self.handle.shared.secrets;
        if *told.borrow() == *secrets {
            return;
        }
        if let Some(key) = &self.key {
            key.replace(secrets);
        }
        told.send_replace(secrets.clone());
    }

    /// Begins to publish the current state. Of several the newest wins, so that
    /// a reading never waits for the publication before.
    fn publish(&self, then: Option<(oneshot::Sender<Reloaded>, Reloaded)>) {
        let Current {
            bundle, resources, ..
        } = &self.current;
        let publication = Publication {
            bundle: Arc::clone(bundle),
            resources: Arc::clone(resources),
        };
        let publisher = Arc::clone(&self.handle.shared.publisher);
        tokio::spawn(async move {
            if publisher.publish(publication).await == Outcome::Superseded {
                tracing::debug!("a publication was superseded");
            }
            if let Some((reply, word)) = then {
                answer(Some(reply), word);
            }
        });
    }
}

fn accepted(version: String, bundle: &Bundle, diagnostics: &[Diagnostic]) -> ConfigStatus {
    let invalid = |policy: &RoutePolicy| matches!(policy, RoutePolicy::Invalid { .. });
    ConfigStatus {
        version,
        loaded_at: status::now(),
        routes: bundle.routes.len(),
        invalid_routes: bundle
            .routes
            .values()
            .filter(|route| invalid(&route.policy))
            .count(),
        diagnostics: status::listed(diagnostics),
        ..ConfigStatus::default()
    }
}

fn log(diagnostics: &[Diagnostic]) {
    for Diagnostic {
        severity,
        code,
        file,
        span,
        message,
        help,
        route: _,
    } in diagnostics
    {
        let at = format!("{file}:{}:{}", span.line, span.column);
        match severity {
            Severity::Error => tracing::error!(code, at, help, "{message}"),
            Severity::Warning => tracing::warn!(code, at, help, "{message}"),
        }
    }
}

fn answer(reply: Option<oneshot::Sender<Reloaded>>, word: Reloaded) {
    if let Some(reply) = reply {
        // Whoever asked may no longer wait.
        let _ = reply.send(word);
    }
}
