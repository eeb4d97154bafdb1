//! Everything together: source, publication, streams, Envoy.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis_bundle::{Bundle, RoutePolicy};
use portcullis_config::{Diagnostic, Severity};
use portcullis_envoy_config::{ResourceSet, Sockets};
use portcullis_snapshot::{Snapshot, diff};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinError,
    time,
};
use tokio_util::sync::CancellationToken;

use crate::{
    BundlePort, Metrics,
    ads::{self, AdsError},
    handle::{Handle, Reloaded, Shared},
    publish::{Outcome, Publication, Publisher},
    serving::Serving,
    source::{FileSource, Loaded, Watcher},
    status::{self, ConfigStatus, RejectedConfig},
    supervise::{EnvoyOptions, EnvoyState, RunDirectory, Supervisor},
};

/// How often authz-servers that lack the present bundle are given it again.
const RECONCILE: Duration = Duration::from_secs(5);
/// The name by which the supervised Envoy knows itself.
const NODE_ID: &str = "portcullis";

/// What a control plane is made of.
pub struct Options {
    /// Who decides.
    pub ports: Vec<Arc<dyn BundlePort>>,
    /// Where the sockets are.
    pub run_directory: Arc<RunDirectory>,
    /// The Envoy to supervise; `None` leaves that to somebody else.
    pub envoy: Option<EnvoyOptions>,
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
    options: Options,
    handle: Handle,
    reloads: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    envoy: watch::Sender<EnvoyState>,
    current: Current,
    watcher: Watcher,
}

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
            config: _,
            snapshot,
            bundle,
            diagnostics,
            files,
        } = first;
        let (Some(snapshot), Some(bundle)) = (snapshot, bundle) else {
            return Err(Rejected { diagnostics });
        };
        let resources = Arc::new(encode(&snapshot, &options.run_directory, None));
        let metrics = Metrics::default();
        let serving = Serving::default();
        let publisher = Publisher::new(options.ports.clone(), serving.clone(), metrics.clone());
        let (envoy, envoy_seen) = watch::channel(EnvoyState::default());
        let config = ConfigStatus {
            file: source.path().display().to_string(),
            ..accepted(version, &bundle, &diagnostics)
        };
        let shared = Shared {
            metrics,
            serving,
            publisher,
            config: Mutex::new(config),
            envoy: options.envoy.is_some().then_some(envoy_seen),
        };
        let (sender, reloads) = mpsc::channel(8);
        let mut watcher = Watcher::new();
        watcher.follow(files);
        Ok(Self {
            source: Arc::new(source),
            options,
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
        let run = Arc::clone(&self.options.run_directory);
        let shared = Arc::clone(&self.handle.shared);
        let listener = ads::bind(&run.xds())?;
        let owner = run.owner().map_err(RunError::Supervise)?;
        // The streams stay open while Envoy is drained.
        let streams_end = CancellationToken::new();
        let _end = streams_end.clone().drop_guard();
        let (serving, metrics) = (shared.serving.clone(), shared.metrics.clone());
        let mut ads = tokio::spawn(ads::serve(
            listener,
            owner,
            serving,
            metrics.clone(),
            streams_end.clone(),
        ));
        let envoy_ends = shutdown.child_token();
        let supervisor = match self.options.envoy.take() {
            Some(envoy) => {
                let bootstrap = portcullis_envoy_config::bootstrap(NODE_ID, &run.xds(), &run.admin());
                let (state, ends) = (self.envoy.clone(), envoy_ends.clone());
                let started = Supervisor::start(envoy, &run, &bootstrap, metrics, state, ends);
                Some(started.map_err(RunError::Supervise)?)
            }
            None => None,
        };
        self.publish(None);
        let failed = tokio::select! {
            () = self.follow_source() => None,
            () = shutdown.cancelled() => None,
            ended = &mut ads => Some(ended),
        };
        envoy_ends.cancel();
        if let Some(supervisor) = supervisor {
            supervisor.ended().await;
        }
        streams_end.cancel();
        match failed {
            Some(ended) => ended??,
            None => ads.await??,
        }
        Ok(())
    }

    /// Reads and publishes whenever the files change or somebody asks. Never ends.
    async fn follow_source(&mut self) {
        let mut reconcile = time::interval(RECONCILE);
        loop {
            let asked = tokio::select! {
                () = self.watcher.changed() => None,
                // `self.handle` holds a sender.
                Some(reply) = self.reloads.recv() => Some(reply),
                _ = reconcile.tick() => {
                    let publisher = Arc::clone(&self.handle.shared.publisher);
                    tokio::spawn(async move { publisher.reconcile().await });
                    continue;
                }
            };
            self.reload(asked).await;
        }
    }

    async fn reload(&mut self, asked: Option<oneshot::Sender<Reloaded>>) {
        let source = Arc::clone(&self.source);
        let run = Arc::clone(&self.options.run_directory);
        let (before, previous) = (
            Arc::clone(&self.current.snapshot),
            Arc::clone(&self.current.resources),
        );
        let work = move || {
            let mut loaded = source.load();
            let usable = loaded.snapshot.take().zip(loaded.bundle.take());
            let usable = usable.map(|(snapshot, bundle)| {
                let changes = diff(&before, &snapshot);
                let resources = Arc::new(encode(&snapshot, &run, Some(&previous)));
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
        if same {
            answer(asked, Reloaded::Unchanged);
            return;
        }
        tracing::info!(version, bundle = %new.bundle.version, envoy_changes = %changes, "the configuration is read");
        self.current = new;
        self.publish(asked.map(|reply| (reply, Reloaded::Accepted { version })));
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

fn encode(snapshot: &Snapshot, run: &RunDirectory, previous: Option<&ResourceSet>) -> ResourceSet {
    let sockets = Sockets {
        authz: run.authz(),
        web: run.web(),
    };
    portcullis_envoy_config::resources(snapshot, &sockets, previous)
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
