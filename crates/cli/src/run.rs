//! `portcullis run`: both roles in one process, with Envoy supervised.

mod bindable;
pub(crate) mod port;
mod readiness;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::{AuthzServer, Options as AuthzOptions, serve};
use portcullis_config::{Config, LogLevel};
use portcullis_control_plane::supervise::{EnvoyOptions, RunDirectory, find_envoy};
use portcullis_control_plane::{
    CLUSTERS_LINGER, ControlPlane, FileSource, Loaded, Options as ControlPlaneOptions, Place,
};
use portcullis_idp::{HttpClient, HttpOptions};
use prometheus_client::registry::Registry;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::admin::AdminSocket;
use crate::args::Run;
use crate::health::{self, Endpoints};
use crate::keys::InstanceKeys;
use crate::process::{self, Failure};
use crate::{logging, records, signals};
use port::InProcess;
use readiness::Readiness;

/// How long `address` may still be taken at the start: the Envoy of a killed
/// predecessor may be a moment behind it.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(arguments: &Run) -> ExitCode {
    process::run(arguments.log_format, |level| try_run(arguments, level))
}

fn try_run(arguments: &Run, level: &logging::Level) -> Result<(), Failure> {
    let source = arguments.config.source()?;
    let (first, config) = process::first_reading(&source)?;
    level.set(process::name_of(config.global.log_level));
    let envoy = find_envoy(
        arguments.envoy.as_deref(),
        std::env::var_os("PORTCULLIS_ENVOY").as_deref(),
        std::env::var_os("PATH").as_deref(),
        &starts(),
    )?;
    let envoy = EnvoyOptions {
        log_level: envoy_level(config.global.log_level).to_owned(),
        ..EnvoyOptions::new(envoy)
    };
    process::runtime()?.block_on(serve_all(arguments, source, first, &config, envoy))
}

/// Where a cached Envoy is looked for: here, and where the binary lies.
fn starts() -> Vec<std::path::PathBuf> {
    let executable = std::env::current_exe()
        .ok()
        .and_then(|e| e.parent().map(Into::into));
    std::env::current_dir()
        .ok()
        .into_iter()
        .chain(executable)
        .collect()
}

async fn serve_all(
    arguments: &Run,
    source: FileSource,
    first: Loaded,
    config: &Config,
    envoy: EnvoyOptions,
) -> Result<(), Failure> {
    let secrets = first
        .bundle
        .as_ref()
        .map(|bundle| &bundle.settings.keys.shared_secret);
    for listener in first.snapshot.iter().flat_map(|all| all.listeners.values()) {
        bindable::wait(&listener.value.addresses, listener.value.port, PORT_PATIENCE).await?;
    }
    let records::Opened { store, at_rest } = records::open(&config.global.storage, secrets)?;
    let options = AuthzOptions {
        store: Arc::clone(&store),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default())?,
        max_staleness: Duration::ZERO,
        in_band: false,
    };
    let authz = AuthzServer::with_sink(options, logging::decisions(arguments.log_format));
    let run_directory = Arc::new(RunDirectory::create(None)?);
    let checks = UnixListener::bind(run_directory.authz())?;
    let pages = UnixListener::bind(run_directory.web())?;
    let control_plane = ControlPlane::new(
        ControlPlaneOptions {
            ports: vec![Arc::new(InProcess::new(Arc::clone(&authz)))],
            place: Place::Beside {
                run_directory: Arc::clone(&run_directory),
                envoy: Some(envoy),
                xds: arguments.xds.into(),
            },
            clusters_linger: CLUSTERS_LINGER,
        },
        source,
        first,
    )?;
    let handle = control_plane.handle();

    let mut registry = Registry::default();
    handle.metrics().register(&mut registry);
    authz.register_metrics(&mut registry);
    let keys = Arc::new(InstanceKeys::new(handle.clone(), at_rest.clone()));
    let admin = Arc::new(AdminSocket::new(
        "run",
        arguments.config.config.as_deref(),
        store,
        Some(keys),
        Some(run_directory),
    ));
    let readiness = Arc::new(Readiness::new(
        handle.clone(),
        Arc::clone(&authz),
        Arc::clone(&admin),
    ));
    let endpoints = Endpoints {
        health: readiness.clone(),
        metrics: Arc::new(registry),
    };

    let shutdown = CancellationToken::new();
    // The authz-server and the endpoints end last: Envoy asks until it is drained.
    let last = CancellationToken::new();
    let health_address = config.global.health_check_addr;
    let health = health::serve(health_address, endpoints, last.clone())
        .await
        .map_err(|e| format!("`health_check_addr` {health_address} cannot be bound: {e}"))?;
    let mut authz_serves = tokio::spawn(serve(authz, checks, pages, last.clone()));
    let resealing = at_rest.map(|store| tokio::spawn(records::follow(store, handle.shared_secrets())));
    let signals = tokio::spawn(signals::follow(Some(handle), shutdown.clone()));
    let announce = tokio::spawn(readiness.announce(addresses(config)));

    let mut control_plane_runs = tokio::spawn(control_plane.run(shutdown.clone()));
    let ended = tokio::select! {
        ended = &mut control_plane_runs => ended.map_err(Failure::from).and_then(|r| r.map_err(Failure::from)),
        ended = &mut authz_serves => {
            shutdown.cancel();
            let drained = control_plane_runs.await;
            ended.map_err(Failure::from)?.map_err(Failure::from)?;
            drained.map_err(Failure::from)?.map_err(Failure::from)?;
            Err("the authz-server ended by itself".into())
        }
    };
    announce.abort();
    admin.close().await;
    signals.abort();
    if let Some(resealing) = resealing {
        resealing.abort();
    }
    last.cancel();
    if !authz_serves.is_finished() {
        authz_serves.await??;
    }
    health.await?;
    tracing::info!("stopped");
    ended
}

/// The addresses that the `ready` line names.
fn addresses(config: &Config) -> (String, String) {
    let address = &config.global.address;
    let host = address.host.as_deref().unwrap_or("*");
    (
        format!("{host}:{}", address.port),
        config.global.health_check_addr.to_string(),
    )
}

/// How much Envoy says.
fn envoy_level(level: LogLevel) -> &'static str {
    match level {
        // Envoy's `info` lines become our `debug`, so it never has to say more than that for us.
        LogLevel::Trace | LogLevel::Debug | LogLevel::Info => "info",
        LogLevel::Warn => "warning",
        LogLevel::Error => "error",
        LogLevel::Off => "off",
    }
}
