//! `portcullis run`: both roles in one process, with Envoy supervised.

mod bindable;
mod health;
mod port;
mod readiness;
mod records;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::{AuthzServer, Options as AuthzOptions, serve};
use portcullis_config::{Config, Diagnostic, LogLevel, Severity};
use portcullis_control_plane::supervise::{EnvoyOptions, RunDirectory, find_envoy};
use portcullis_control_plane::{ControlPlane, FileSource, Loaded, Options as ControlPlaneOptions, Reloaded};
use portcullis_idp::{HttpClient, HttpOptions};
use prometheus_client::registry::Registry;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::{LogFormat, Run};
use crate::check::{counted, fail};
use crate::{environment, logging};
use health::Endpoints;
use port::InProcess;
use readiness::Readiness;

/// How long `address` may still be taken at the start: the Envoy of a killed
/// predecessor may be a moment behind it.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves until SIGTERM or SIGINT. Exits 1 when it cannot start, or when a part
/// of it ends by itself.
pub(crate) fn run(arguments: &Run) -> ExitCode {
    let level = logging::start(arguments.log_format);
    match try_run(arguments, &level) {
        Ok(()) => ExitCode::SUCCESS,
        // What reads a log of JSON lines gets nothing else.
        Err(error) if arguments.log_format == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn try_run(arguments: &Run, level: &logging::Level) -> Result<(), Failure> {
    // Exactly one crypto provider, before anything asks for TLS; a second call finds it in place.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let source = FileSource::new(&arguments.config.config)?.with_environment(environment::variables());
    let first = source.load();
    report(&first.diagnostics);
    let Some(config) = first.config.clone().filter(|_| first.is_usable()) else {
        let errors = first
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count();
        let file = source.path().display();
        let errors = counted(errors, "error");
        return Err(format!("`{file}` cannot take effect: {errors}, listed above; `portcullis check -c {file}` lists them for reading").into());
    };
    level.set(name_of(config.global.log_level));
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve_all(source, first, &config, envoy))
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
    source: FileSource,
    first: Loaded,
    config: &Config,
    envoy: EnvoyOptions,
) -> Result<(), Failure> {
    let secret = first
        .bundle
        .as_ref()
        .map(|bundle| &bundle.settings.keys.shared_secret);
    for listener in first.snapshot.iter().flat_map(|all| all.listeners.values()) {
        bindable::wait(&listener.value.addresses, listener.value.port, PORT_PATIENCE).await?;
    }
    let store = records::open(&config.global.storage, secret)?;
    let authz = AuthzServer::new(AuthzOptions {
        store,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default())?,
    });
    let run_directory = Arc::new(RunDirectory::create(None)?);
    let checks = UnixListener::bind(run_directory.authz())?;
    let pages = UnixListener::bind(run_directory.web())?;
    let control_plane = ControlPlane::new(
        ControlPlaneOptions {
            ports: vec![Arc::new(InProcess::new(Arc::clone(&authz)))],
            run_directory: Arc::clone(&run_directory),
            envoy: Some(envoy),
        },
        source,
        first,
    )?;
    let handle = control_plane.handle();

    let mut registry = Registry::default();
    handle.metrics().register(&mut registry);
    authz.register_metrics(&mut registry);
    let readiness = Arc::new(Readiness::new(handle.clone(), Arc::clone(&authz)));
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
    let signals = tokio::spawn(signals(handle, shutdown.clone()));
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
    signals.abort();
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

/// SIGTERM and SIGINT end the process, SIGHUP reads the configuration again.
async fn signals(handle: portcullis_control_plane::Handle, shutdown: CancellationToken) {
    let signals = signal(SignalKind::terminate())
        .and_then(|t| Ok((t, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)));
    let (mut terminate, mut interrupt, mut hangup) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals cannot be received");
            return;
        }
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                let outcome = match handle.reload().await {
                    Reloaded::Accepted { .. } => "accepted",
                    Reloaded::Unchanged => "unchanged",
                    Reloaded::Rejected { .. } => "rejected",
                    // Nobody answered: the last good configuration serves on. Where the control
                    // plane has ended, the process ends by that.
                    Reloaded::Ended => "unanswered",
                };
                tracing::info!(outcome, "the configuration was read again on SIGHUP");
            }
        }
    }
    tracing::info!("stopping");
    shutdown.cancel();
}

fn report(diagnostics: &[Diagnostic]) {
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
        // As at a reload: one line each, the place in a field of its own.
        let at = format!("{file}:{}:{}", span.line, span.column);
        match severity {
            Severity::Error => tracing::error!(at, code, help, "{message}"),
            Severity::Warning => tracing::warn!(at, code, help, "{message}"),
        }
    }
}

fn name_of(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Off => "off",
    }
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
