//! `portcullis authz-server`: decisions and login pages by the word of a control
//! plane of another process.

mod readiness;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::follow::{FeedView, follow};
use portcullis_authz_server::{AuthzServer, Options, serve_joined};
use portcullis_config::GrpcAddress;
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_proto::channel::{ClientOptions, connect};
use portcullis_proto::credential::Key;
use portcullis_proto::listener::ServerTls;
use portcullis_store::Store;
use portcullis_store_remote::RemoteStore;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::drop_in::drop_in;
use super::listen::{Bound, Listening};
use super::{secret, tls};
use crate::admin::AdminSocket;
use crate::args::AuthzServer as Arguments;
use crate::check::usage;
use crate::health::{self, Endpoints};
use crate::process::{self, Failure};
use crate::{environment, logging, signals};
use readiness::Readiness;

/// The longest name of an instance.
const MAX_INSTANCE: usize = 128;

/// Where it serves when nobody says.
pub(super) const DEFAULT_ADDRESS: (&str, u16) = ("127.0.0.1", 5444);
/// Where its endpoints stand when nobody says.
const DEFAULT_HEALTH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 28081);

/// Serves until SIGTERM or SIGINT. Exits 2 with neither a control plane nor a
/// configuration.
pub(crate) fn authz_server(arguments: &Arguments) -> ExitCode {
    let Some(url) = &arguments.control_plane else {
        if arguments.config.is_some() || environment::has_routes() {
            return drop_in(arguments);
        }
        return usage(
            "an authz-server needs a control plane or a configuration: name one by --control-plane URL, the other by -c FILE, or serve both roles in one process by `portcullis run -c FILE`",
        );
    };
    process::run(arguments.log_format, |level| {
        level.set(arguments.log_level.as_deref().unwrap_or("info"));
        let made = Made::of(arguments, url)?;
        process::runtime()?.block_on(serve_all(arguments, made))
    })
}

/// Where it serves: as the command line says, else the configuration.
pub(super) fn address(arguments: &Arguments, configured: Option<&GrpcAddress>) -> GrpcAddress {
    let said = arguments.grpc_address.as_ref().map(|place| &place.0);
    let (host, port) = DEFAULT_ADDRESS;
    said.or(configured).cloned().unwrap_or_else(|| GrpcAddress::Tcp {
        host: Some(host.to_owned()),
        port,
    })
}

/// What the command line and the files that it names say.
struct Made {
    url: Url,
    client: ClientOptions,
    server: Option<ServerTls>,
    instance: String,
}

impl Made {
    fn of(arguments: &Arguments, url: &Url) -> Result<Self, Failure> {
        let key = secret::key(arguments.shared_secret_file.as_deref(), &environment::variables())?;
        let identity = tls::identity(arguments.tls_cert.as_deref(), arguments.tls_key.as_deref())?;
        let client_ca = tls::read_optional("--client-ca", arguments.client_ca.as_deref())?;
        if key.is_none() && (identity.is_none() || url.scheme() != "https") {
            return Err("there is nothing to show to the control plane: name its `shared_secret` by --shared-secret-file, SHARED_SECRET or SHARED_SECRET_FILE, or reach it by https with --tls-cert and --tls-key".into());
        }
        let instance = match &arguments.instance {
            Some(name) => name.clone(),
            None => own_name(),
        };
        let is_plain = instance.len() <= MAX_INSTANCE && instance.chars().all(|c| c.is_ascii_graphic());
        if instance.is_empty() || !is_plain {
            return Err("--instance is of 1 to 128 visible ASCII characters, without spaces".into());
        }
        Ok(Self {
            url: url.clone(),
            client: ClientOptions {
                url: url.clone(),
                ca_pem: tls::read_optional("--ca", arguments.ca.as_deref())?,
                identity: identity.clone(),
                key: key.map(Arc::new),
                plaintext: arguments.plaintext,
            },
            server: identity.map(|identity| tls::server(identity, client_ca)),
            instance,
        })
    }
}

/// The host's name and the process id.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(100)
        .collect();
    let host = if host.is_empty() { "authz-server" } else { &host };
    format!("{host}-{}", std::process::id())
}

async fn serve_all(arguments: &Arguments, made: Made) -> Result<(), Failure> {
    let Made {
        url,
        client,
        server,
        instance,
    } = made;
    let place = address(arguments, None);
    let protocols: &[&[u8]] = &[b"h2", b"http/1.1"];
    let bound = Bound::new(&place, server.as_ref(), protocols, arguments.plaintext).await?;
    let channel = connect(&client)?;
    let store = Arc::new(RemoteStore::new(channel.clone()));
    let options = Options {
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default())?,
        max_staleness: arguments.state_max_staleness,
        in_band: false,
    };
    let authz = AuthzServer::with_sink(options, logging::decisions(arguments.log_format));
    let mut registry = Registry::default();
    authz.register_metrics(&mut registry);
    authz.feed_state().register(&mut registry);
    let place = AdminSocket::own_place();
    let admin = Arc::new(AdminSocket::new("authz-server", None, store, None, place));
    let readiness = Arc::new(Readiness::new(
        Arc::clone(&authz),
        instance.clone(),
        &url,
        Arc::clone(&admin),
    ));
    let endpoints = Endpoints {
        health: readiness.clone(),
        metrics: Arc::new(registry),
    };
    let shutdown = CancellationToken::new();
    let last = CancellationToken::new();
    let health_address = arguments.health_check_addr.unwrap_or(DEFAULT_HEALTH);
    let health = health::serve(health_address, endpoints, last.clone())
        .await
        .map_err(|e| format!("--health-check-addr {health_address} cannot be bound: {e}"))?;
    let signals = tokio::spawn(signals::follow(None, shutdown.clone()));
    // Before anything can be published: the first bundle's secrets count too.
    let published = authz.feed_state().watch();
    let following = follow(Arc::clone(&authz), channel, instance, shutdown.clone());
    let following = tokio::spawn(following);
    let rotating = client
        .key
        .map(|key| tokio::spawn(follow_secrets(Arc::clone(&authz), published, key)));
    tracing::info!(control_plane = %url, "waiting for a bundle");

    // Nobody is let in who would only be told that it cannot decide yet: Envoy
    // then goes to another authz-server.
    let first = shutdown
        .run_until_cancelled(readiness.until_a_bundle_decides())
        .await;
    let served = match first {
        None => Ok(()),
        Some(()) => {
            let address = bound.address().to_owned();
            let Listening { incoming, file, .. } = bound.listen()?;
            let announce = tokio::spawn(Arc::clone(&readiness).announce(address, health_address));
            let served = serve_joined(authz, incoming, shutdown.clone()).await;
            announce.abort();
            drop(file);
            served
        }
    };
    shutdown.cancel();
    admin.close().await;
    following.await?;
    signals.abort();
    if let Some(rotating) = rotating {
        rotating.abort();
    }
    last.cancel();
    health.await?;
    tracing::info!("stopped");
    Ok(served?)
}

/// Calls carry tokens by the first of the secrets that the control plane has: it
/// takes them by all, and the one that the command line names may be dropped
/// while this process runs.
async fn follow_secrets(authz: Arc<AuthzServer>, mut published: watch::Receiver<FeedView>, key: Arc<Key>) {
    while published.changed().await.is_ok() {
        if let Some(bundle) = authz.feed().current() {
            key.replace(&bundle.settings.keys.shared_secret);
        }
    }
}
