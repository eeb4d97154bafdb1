//! `portcullis authz-server -c FILE`: decisions and login pages beside an Envoy that
//! somebody else configures.
//!
//! The configuration is read, watched and published as by `portcullis run`; only that
//! there is no Envoy to tell of it, and that our pages are answered inside the check.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::{AuthzServer, Options, ServeError, serve_joined, serve_keys};
use portcullis_config::{Config, Storage};
use portcullis_control_plane::{
    CLUSTERS_LINGER, ControlPlane, FileSource, Handle, Loaded, Options as ControlPlaneOptions, Place,
};
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_proto::listener::{Incoming, ServerTls};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::authz_server::address;
use super::listen::{Bound, Listening};
use super::tls;
use crate::admin::AdminSocket;
use crate::args::{AuthzServer as Arguments, Config as File};
use crate::health::{self, Endpoints, Health};
use crate::keys::InstanceKeys;
use crate::process::{self, Failure};
use crate::run::port::InProcess;
use crate::{logging, records, signals};

/// Serves until SIGTERM or SIGINT.
pub(super) fn drop_in(arguments: &Arguments) -> ExitCode {
    process::run(arguments.log_format, |level| try_run(arguments, level))
}

fn try_run(arguments: &Arguments, level: &logging::Level) -> Result<(), Failure> {
    let file = File {
        config: arguments.config.clone(),
    };
    let source = file.source()?.for_any_envoy();
    let (first, config) = process::first_reading(&source)?;
    let log_level = arguments.log_level.as_deref();
    level.set(log_level.unwrap_or_else(|| process::name_of(config.global.log_level)));
    let identity = tls::identity(arguments.tls_cert.as_deref(), arguments.tls_key.as_deref())?;
    let client_ca = tls::read_optional("--client-ca", arguments.client_ca.as_deref())?;
    let tls = identity.map(|identity| tls::server(identity, client_ca));
    process::runtime()?.block_on(serve_all(arguments, source, first, &config, tls))
}

async fn serve_all(
    arguments: &Arguments,
    source: FileSource,
    first: Loaded,
    config: &Config,
    tls: Option<ServerTls>,
) -> Result<(), Failure> {
    let plaintext = arguments.plaintext || config.global.grpc_insecure == Some(true);
    let place = address(arguments, config.global.grpc_address.as_ref());
    let bound = Bound::new(&place, tls.as_ref(), &[b"h2", b"http/1.1"], plaintext).await?;
    if config.global.storage == Storage::Memory {
        tracing::warn!(
            "sessions end with this process: `databroker_storage_type` is `memory`; `file` keeps them"
        );
    }
    let secrets = first
        .bundle
        .as_ref()
        .map(|bundle| &bundle.settings.keys.shared_secret);
    let records::Opened { store, at_rest } = records::open(&config.global.storage, secrets)?;
    let options = Options {
        store: Arc::clone(&store),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default())?,
        max_staleness: Duration::ZERO,
        in_band: true,
    };
    let authz = AuthzServer::with_sink(options, logging::decisions(arguments.log_format));
    let options = ControlPlaneOptions {
        ports: vec![Arc::new(InProcess::new(Arc::clone(&authz)))],
        place: Place::Alone,
        clusters_linger: CLUSTERS_LINGER,
    };
    let control_plane = ControlPlane::new(options, source, first)?;
    let handle = control_plane.handle();

    let mut registry = Registry::default();
    handle.metrics().register(&mut registry);
    authz.register_metrics(&mut registry);
    let keys = Arc::new(InstanceKeys::new(handle.clone(), at_rest.clone()));
    let admin = Arc::new(AdminSocket::new(
        "authz-server",
        arguments.config.as_deref(),
        store,
        Some(keys),
        AdminSocket::own_place(),
    ));
    let endpoints = Endpoints {
        health: Arc::new(Ready {
            control_plane: handle.clone(),
            authz: Arc::clone(&authz),
            admin: Arc::clone(&admin),
        }),
        metrics: Arc::new(registry),
    };
    let shutdown = CancellationToken::new();
    // What is asked at the end is answered by the configuration that serves.
    let last = CancellationToken::new();
    let health_address: SocketAddr = arguments
        .health_check_addr
        .unwrap_or(config.global.health_check_addr);
    let health = health::serve(health_address, endpoints, last.clone())
        .await
        .map_err(|e| format!("`health_check_addr` {health_address} cannot be bound: {e}"))?;
    let jwks = match arguments.jwks_address {
        Some(address) => Some(serve_jwks(address, Arc::clone(&authz), last.clone()).await?),
        None => None,
    };
    let resealing = at_rest.map(|store| tokio::spawn(records::follow(store, handle.shared_secrets())));
    let signals = tokio::spawn(signals::follow(Some(handle.clone()), shutdown.clone()));
    let publishing = tokio::spawn(control_plane.run(last.clone()));

    let published = shutdown.run_until_cancelled(handle.until_ready()).await;
    let served = match published {
        None => Ok(()),
        Some(()) => {
            let address = bound.address().to_owned();
            let Listening { incoming, file, .. } = bound.listen()?;
            admin.open();
            tracing::info!(
                grpc_address = address,
                tls = tls.is_some(),
                client_certificates = tls.as_ref().is_some_and(|tls| tls.client_ca_pem.is_some()),
                health_check_addr = %health_address,
                jwks_address = arguments.jwks_address.map(tracing::field::display),
                admin_socket = admin.shown(),
                "ready"
            );
            let served = serve_joined(authz, incoming, shutdown.clone()).await;
            drop(file);
            served
        }
    };
    shutdown.cancel();
    admin.close().await;
    signals.abort();
    if let Some(resealing) = resealing {
        resealing.abort();
    }
    last.cancel();
    publishing.await??;
    health.await?;
    if let Some(jwks) = jwks {
        jwks.await??;
    }
    tracing::info!("stopped");
    Ok(served?)
}

/// The public keys on an address of their own, until `shutdown`.
async fn serve_jwks(
    address: SocketAddr,
    authz: Arc<AuthzServer>,
    shutdown: CancellationToken,
) -> Result<JoinHandle<Result<(), ServeError>>, Failure> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("--jwks-address {address} cannot be bound: {e}"))?;
    Ok(tokio::spawn(serve_keys(
        authz,
        Incoming::tcp(listener, None),
        shutdown,
    )))
}

/// The authz-server with its configuration, as the endpoints ask it.
struct Ready {
    control_plane: Handle,
    authz: Arc<AuthzServer>,
    admin: Arc<AdminSocket>,
}

impl Health for Ready {
    fn is_ready(&self) -> bool {
        self.has_started() && self.authz.feed().current().is_some()
    }

    fn has_started(&self) -> bool {
        self.control_plane.is_ready()
    }

    fn status(&self) -> Value {
        let mut status = serde_json::to_value(self.control_plane.status()).unwrap_or(Value::Null);
        if let Some(members) = status.as_object_mut() {
            // There are no streams.
            members.remove("xds");
            members.insert("ready".to_owned(), self.is_ready().into());
        }
        self.admin.in_status(status)
    }
}
