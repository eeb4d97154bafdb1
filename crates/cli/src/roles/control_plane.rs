//! `portcullis control-plane`: configuration for Envoys and authz-servers of
//! other processes.

use std::process::ExitCode;
use std::sync::Arc;

use portcullis_config::{Config, GrpcAddress, Storage};
use portcullis_control_plane::{
    Apart, CLUSTERS_LINGER, ControlPlane, FileSource, Grpc, Handle, Loaded, Options, Place,
};
use portcullis_proto::credential::Key;
use portcullis_proto::listener::ServerTls;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::listen::{Bound, Listening};
use super::tls;
use crate::admin::AdminSocket;
use crate::args::ControlPlane as Arguments;
use crate::health::{self, Endpoints, Health};
use crate::keys::InstanceKeys;
use crate::process::{self, Failure};
use crate::{logging, records, signals};

/// Where it serves when the configuration does not say.
const DEFAULT_ADDRESS: (&str, u16) = ("127.0.0.1", 5443);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn control_plane(arguments: &Arguments) -> ExitCode {
    process::run(arguments.log_format, |level| try_run(arguments, level))
}

/// `grpc_address`, or its default.
pub(crate) fn grpc_address(config: &Config) -> GrpcAddress {
    let (host, port) = DEFAULT_ADDRESS;
    let default = || GrpcAddress::Tcp {
        host: Some(host.to_owned()),
        port,
    };
    config.global.grpc_address.clone().unwrap_or_else(default)
}

fn try_run(arguments: &Arguments, level: &logging::Level) -> Result<(), Failure> {
    let source = arguments.config.source()?.requiring_secrets();
    let (first, config) = process::first_reading(&source)?;
    level.set(process::name_of(config.global.log_level));
    let identity = tls::identity(arguments.tls_cert.as_deref(), arguments.tls_key.as_deref())?;
    let client_ca = tls::read_optional("--client-ca", arguments.client_ca.as_deref())?;
    let authorize_ca = tls::read_optional("--authorize-ca", arguments.authorize_ca.as_deref())?
        .map(String::from_utf8)
        .transpose()
        .map_err(|_| "--authorize-ca is not PEM text")?;
    let door = Door {
        tls: identity.map(|identity| tls::server(identity, client_ca)),
        plaintext: arguments.plaintext || config.global.grpc_insecure == Some(true),
        authorize_ca,
    };
    process::runtime()?.block_on(serve_all(arguments, source, first, &config, door))
}

/// What the command line says of the listener.
struct Door {
    tls: Option<ServerTls>,
    plaintext: bool,
    authorize_ca: Option<String>,
}

async fn serve_all(
    arguments: &Arguments,
    source: FileSource,
    first: Loaded,
    config: &Config,
    door: Door,
) -> Result<(), Failure> {
    let Door {
        tls,
        plaintext,
        authorize_ca,
    } = door;
    let secrets = first
        .bundle
        .as_ref()
        .map(|bundle| &bundle.settings.keys.shared_secret)
        .ok_or("there is no `shared_secret`")?;
    let key = Arc::new(Key::derive(secrets));
    let bound = Bound::new(&grpc_address(config), tls.as_ref(), &[b"h2"], plaintext).await?;
    if config.global.storage == Storage::Memory {
        tracing::warn!(
            "sessions end with this process: `databroker_storage_type` is `memory`; `file` keeps them"
        );
    }
    let records::Opened { store, at_rest } = records::open(&config.global.storage, Some(secrets))?;
    let address = bound.address().to_owned();
    let Listening {
        incoming,
        owner,
        file,
    } = bound.listen()?;
    let grpc = Grpc {
        incoming,
        owner,
        key,
        store: Arc::clone(&store),
    };
    let place = Place::Apart(Apart { grpc, authorize_ca });
    let options = Options {
        ports: Vec::new(),
        place,
        clusters_linger: CLUSTERS_LINGER,
    };
    let control_plane = ControlPlane::new(options, source, first)?;
    let handle = control_plane.handle();

    let mut registry = Registry::default();
    handle.metrics().register(&mut registry);
    handle.metrics().register_policies(&mut registry);
    let keys = Arc::new(InstanceKeys::new(handle.clone(), at_rest.clone()));
    let admin = Arc::new(AdminSocket::new(
        "control-plane",
        arguments.config.config.as_deref(),
        store,
        Some(keys),
        AdminSocket::own_place(),
    ));
    let endpoints = Endpoints {
        health: Arc::new(Ready {
            control_plane: handle.clone(),
            admin: Arc::clone(&admin),
        }),
        metrics: Arc::new(registry),
    };
    let shutdown = CancellationToken::new();
    let last = CancellationToken::new();
    let health_address = config.global.health_check_addr;
    let health = health::serve(health_address, endpoints, last.clone())
        .await
        .map_err(|e| format!("`health_check_addr` {health_address} cannot be bound: {e}"))?;
    let resealing = at_rest.map(|store| tokio::spawn(records::follow(store, handle.shared_secrets())));
    let signals = tokio::spawn(signals::follow(Some(handle), shutdown.clone()));
    admin.open();
    tracing::info!(
        grpc_address = address,
        tls = tls.is_some(),
        client_certificates = tls.as_ref().is_some_and(|tls| tls.client_ca_pem.is_some()),
        health_check_addr = %health_address,
        admin_socket = admin.shown(),
        "ready"
    );
    let ended = control_plane.run(shutdown).await;
    admin.close().await;
    signals.abort();
    if let Some(resealing) = resealing {
        resealing.abort();
    }
    last.cancel();
    health.await?;
    drop(file);
    tracing::info!("stopped");
    Ok(ended?)
}

/// The control plane, as the endpoints ask it.
struct Ready {
    control_plane: Handle,
    admin: Arc<AdminSocket>,
}

impl Health for Ready {
    fn is_ready(&self) -> bool {
        self.control_plane.is_ready()
    }

    fn has_started(&self) -> bool {
        self.control_plane.is_ready()
    }

    fn status(&self) -> Value {
        let status = serde_json::to_value(self.control_plane.status()).unwrap_or(Value::Null);
        self.admin.in_status(status)
    }
}
