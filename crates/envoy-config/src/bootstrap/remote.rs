//! The bootstrap of an Envoy that nobody supervises, and that asks a control
//! plane of its own.

use super::{XdsProtocol, ads_config, ads_source, overload, runtime, xds_cluster};
use crate::{SYSTEM_TRUST, XDS_CLUSTER};
use core::net::IpAddr;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// How such an Envoy reaches its control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlPlaneAddress {
    /// On a Unix socket.
    Unix(PathBuf),
    /// Over TCP.
    Tcp {
        /// A name, or an IP address without brackets.
        host: String,
        /// The port.
        port: u16,
        /// Verified TLS; `None` speaks in clear text.
        tls: Option<ControlPlaneTls>,
    },
}

/// The TLS of that connection. All are files on Envoy's machine, which Envoy
/// reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlPlaneTls {
    /// The authorities that the control plane's certificate may be from; `None`
    /// for the system's.
    pub ca: Option<PathBuf>,
    /// Envoy's own certificate chain and its private key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What goes into such a bootstrap.
#[derive(Clone, Copy)]
pub struct RemoteBootstrap<'a> {
    /// The name by which Envoy knows itself.
    pub node_id: &'a str,
    /// Where it asks.
    pub control_plane: &'a ControlPlaneAddress,
    /// The token of configuration streams. It is a secret: so is the bootstrap.
    pub token: &'a str,
    /// The Unix socket of Envoy's own interface, which Envoy makes; `None` for no
    /// such interface.
    pub admin: Option<&'a Path>,
    /// What it speaks.
    pub protocol: XdsProtocol,
}

impl RemoteBootstrap<'_> {
    /// The bootstrap: it knows nothing but where to ask.
    #[must_use]
    pub fn render(&self) -> Value {
        let Self {
            node_id,
            control_plane,
            token,
            admin,
            protocol,
        } = *self;
        let mut ads = ads_config(protocol);
        if let Some(service) = ads.pointer_mut("/grpc_services/0").and_then(Value::as_object_mut) {
            let header = json!([{"key": "authorization", "value": format!("Bearer {token}")}]);
            service.insert("initial_metadata".to_owned(), header);
        }
        let mut bootstrap = json!({
            "node": {"id": node_id, "cluster": "portcullis"},
            "dynamic_resources": {
                "ads_config": ads,
                "cds_config": ads_source(),
                "lds_config": ads_source(),
            },
            "static_resources": {"clusters": [cluster(control_plane)]},
            "layered_runtime": runtime(),
            "overload_manager": overload(),
            "deferred_stat_options": {"enable_deferred_creation_stats": true},
        });
        if let (Some(admin), Some(all)) = (admin, bootstrap.as_object_mut()) {
            let pipe = json!({"address": {"pipe": {"path": admin.to_string_lossy(), "mode": 0o600}}});
            all.insert("admin".to_owned(), pipe);
        }
        bootstrap
    }
}

fn cluster(address: &ControlPlaneAddress) -> Value {
    let (host, port, tls) = match address {
        ControlPlaneAddress::Unix(path) => return xds_cluster(path),
        ControlPlaneAddress::Tcp { host, port, tls } => (host, *port, tls),
    };
    // As over a Unix socket, but for where it is and what protects it.
    let mut made = xds_cluster(Path::new(""));
    let Some(cluster) = made.as_object_mut() else {
        return made;
    };
    let discovery = if host.parse::<IpAddr>().is_ok() {
        "STATIC"
    } else {
        "STRICT_DNS"
    };
    cluster.insert("type".to_owned(), json!(discovery));
    cluster.insert(
        "load_assignment".to_owned(),
        json!({
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{"lb_endpoints": [{
                "endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}},
            }]}],
        }),
    );
    if let Some(tls) = tls {
        cluster.insert("transport_socket".to_owned(), transport(host, tls));
    }
    made
}

fn transport(host: &str, tls: &ControlPlaneTls) -> Value {
    let ControlPlaneTls { ca, identity } = tls;
    let is_ip = host.parse::<IpAddr>().is_ok();
    let ca = ca
        .as_ref()
        .map_or(SYSTEM_TRUST.into(), |path| path.to_string_lossy());
    let certificates: Vec<Value> = identity
        .iter()
        .map(|(chain, key)| {
            json!({
                "certificate_chain": {"filename": chain.to_string_lossy()},
                "private_key": {"filename": key.to_string_lossy()},
            })
        })
        .collect();
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            // A server name is never an IP address (RFC 6066).
            "sni": if is_ip { "" } else { host },
            "common_tls_context": {
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                "alpn_protocols": ["h2"],
                "tls_certificates": certificates,
                "validation_context": {
                    "trusted_ca": {"filename": ca},
                    "match_typed_subject_alt_names": [{
                        "san_type": if is_ip { "IP_ADDRESS" } else { "DNS" },
                        "matcher": {"exact": host},
                    }],
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(address: &ControlPlaneAddress, protocol: XdsProtocol) -> Value {
        RemoteBootstrap {
            node_id: "one",
            control_plane: address,
            token: "a-token",
            admin: None,
            protocol,
        }
        .render()
    }

    #[test]
    fn the_token_goes_with_every_stream_and_the_protocol_is_as_asked() {
        let unix = ControlPlaneAddress::Unix("/run/grpc.sock".into());
        for (protocol, named) in [(XdsProtocol::Delta, "DELTA_GRPC"), (XdsProtocol::Sotw, "GRPC")] {
            let made = over(&unix, protocol);
            let ads = &made["dynamic_resources"]["ads_config"];
            assert_eq!(ads["api_type"], named);
            let header = &ads["grpc_services"][0]["initial_metadata"][0];
            assert_eq!(header["key"], "authorization");
            assert_eq!(header["value"], "Bearer a-token");
            assert!(made.get("admin").is_none());
            let place = "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/pipe/path";
            assert_eq!(made.pointer(place).unwrap(), "/run/grpc.sock");
        }
    }

    #[test]
    fn over_tls_the_host_itself_is_verified() {
        let at = |host: &str, tls| ControlPlaneAddress::Tcp {
            host: host.to_owned(),
            port: 5443,
            tls,
        };
        let named = over(
            &at("control.example.com", Some(ControlPlaneTls::default())),
            XdsProtocol::Delta,
        );
        let cluster = &named["static_resources"]["clusters"][0];
        assert_eq!(cluster["type"], "STRICT_DNS");
        let context = &cluster["transport_socket"]["typed_config"];
        assert_eq!(context["sni"], "control.example.com");
        let validation = &context["common_tls_context"]["validation_context"];
        assert_eq!(validation["trusted_ca"]["filename"], SYSTEM_TRUST);
        let name = &validation["match_typed_subject_alt_names"][0];
        assert_eq!(
            (&name["san_type"], &name["matcher"]["exact"]),
            (&json!("DNS"), &json!("control.example.com"))
        );

        let tls = ControlPlaneTls {
            ca: Some("ca.pem".into()),
            identity: Some(("one.crt".into(), "one.key".into())),
        };
        let mutual = over(&at("192.0.2.1", Some(tls)), XdsProtocol::Delta);
        let cluster = &mutual["static_resources"]["clusters"][0];
        assert_eq!(cluster["type"], "STATIC");
        let common = &cluster["transport_socket"]["typed_config"]["common_tls_context"];
        assert_eq!(
            common["tls_certificates"][0]["private_key"]["filename"],
            "one.key"
        );
        let name = &common["validation_context"]["match_typed_subject_alt_names"][0];
        assert_eq!(name["san_type"], "IP_ADDRESS");

        let plain = over(&at("127.0.0.1", None), XdsProtocol::Delta);
        assert!(
            plain["static_resources"]["clusters"][0]
                .get("transport_socket")
                .is_none()
        );
    }
}
