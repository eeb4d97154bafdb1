//! What Envoy is started with.

use crate::resource::Sockets;
use crate::transcode::{TranscodeError, Transcoder};
use crate::{AUTHZ_CLUSTER, WEB_CLUSTER, XDS_CLUSTER, cluster, listener, peer, route};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use portcullis_snapshot::Snapshot;
use serde_json::{Value, json};
use std::path::Path;

mod remote;

pub use remote::{ControlPlaneAddress, ControlPlaneTls, RemoteBootstrap};

/// How many connections Envoy holds at once; further ones are closed.
pub const MAX_DOWNSTREAM_CONNECTIONS: u32 = 50_000;

/// The variant of the xDS protocol that Envoy speaks on its configuration stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdsProtocol {
    /// Only what changes is told (`DELTA_GRPC`).
    #[default]
    Delta,
    /// Every change of the clusters or listeners repeats all of them (`GRPC`).
    Sotw,
}

impl XdsProtocol {
    /// Its name in an `ApiConfigSource`.
    fn api_type(self) -> &'static str {
        match self {
            Self::Delta => "DELTA_GRPC",
            Self::Sotw => "GRPC",
        }
    }
}

/// The bootstrap of a supervised Envoy: it knows nothing but where to ask. `xds`
/// is the Unix socket of the configuration stream, on which it speaks `protocol`;
/// `admin` is that of Envoy's own interface, which Envoy creates.
#[must_use]
pub fn bootstrap(node_id: &str, xds: &Path, admin: &Path, protocol: XdsProtocol) -> Value {
    json!({
        "node": {"id": node_id, "cluster": "portcullis"},
        "admin": {"address": {"pipe": {"path": admin.to_string_lossy(), "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": ads_config(protocol),
            "cds_config": ads_source(),
            "lds_config": ads_source(),
        },
        "static_resources": {"clusters": [xds_cluster(xds)]},
        "layered_runtime": runtime(),
        "overload_manager": overload(),
        "deferred_stat_options": {"enable_deferred_creation_stats": true},
    })
}

/// A snapshot as one file without secrets: certificates stay references to the
/// configuration stream, which is only asked for them. The listener holds its
/// routes itself, so that Envoy's `--mode validate` reads all of it.
///
/// # Errors
///
/// When a message cannot be turned into JSON, which no snapshot causes.
pub fn static_bootstrap(snapshot: &Snapshot, sockets: &Sockets) -> Result<Value, TranscodeError> {
    let to_json = Transcoder::new()?;
    let mut listeners = Vec::new();
    for (name, part) in &snapshot.listeners {
        let table = part.value.route_table.as_str();
        let routes = snapshot
            .route_tables
            .get(table)
            .map(|part| route::message(table, &part.value));
        let routes = RouteSpecifier::RouteConfig(routes.unwrap_or_default());
        listeners.push(to_json.convert(&listener::message(name, &part.value, routes))?);
    }
    let mut clusters = vec![
        to_json.convert(&peer::grpc(AUTHZ_CLUSTER, &sockets.authz))?,
        to_json.convert(&peer::web(WEB_CLUSTER, &sockets.web))?,
        xds_cluster(&sockets.authz.beside("xds.sock")),
    ];
    for (name, part) in &snapshot.clusters {
        clusters.push(to_json.convert(&cluster::message(name, &part.value))?);
    }
    Ok(json!({
        "node": {"id": "portcullis", "cluster": "portcullis"},
        "dynamic_resources": {"ads_config": ads_config(XdsProtocol::default())},
        "static_resources": {"listeners": listeners, "clusters": clusters},
        "layered_runtime": runtime(),
        "overload_manager": overload(),
        "deferred_stat_options": {"enable_deferred_creation_stats": true},
    }))
}

/// Resources over the one aggregated stream, waited for as long as it takes.
fn ads_source() -> Value {
    json!({"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"})
}

fn ads_config(protocol: XdsProtocol) -> Value {
    json!({
        "api_type": protocol.api_type(),
        "transport_api_version": "V3",
        "set_node_on_first_message_only": true,
        "grpc_services": [{
            "envoy_grpc": {
                "cluster_name": XDS_CLUSTER,
                // A restarted control plane is found again soon.
                "retry_policy": {"retry_back_off": {"base_interval": "0.1s", "max_interval": "2s"}},
            },
        }],
    })
}

fn xds_cluster(socket: &Path) -> Value {
    json!({
        "name": XDS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{
                "lb_endpoints": [{
                    "endpoint": {"address": {"pipe": {"path": socket.to_string_lossy()}}},
                }],
            }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "connection_keepalive": {"interval": "30s", "timeout": "5s"},
                    },
                },
            },
        },
    })
}

/// Bounds on regular expressions: refuse huge ones, note large ones.
fn runtime() -> Value {
    json!({
        "layers": [{
            "name": "static",
            "static_layer": {
                "re2": {"max_program_size": {"error_level": 1_048_576, "warn_level": 1024}},
            },
        }],
    })
}

fn overload() -> Value {
    json!({
        "resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": MAX_DOWNSTREAM_CONNECTIONS,
            },
        }],
    })
}
