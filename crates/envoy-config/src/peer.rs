//! Our own services as Envoy reaches them: beside it on a Unix socket, or
//! elsewhere over TCP.

use crate::cluster::{base, by_dns, explicit, fixed, http2, lb_endpoint};
use crate::cookies;
use crate::proto::{any, millis, number, pipe, seconds, socket};
use core::net::IpAddr;
use envoy_types::pb::envoy::config::cluster::v3 as cluster;
use envoy_types::pb::envoy::config::core::v3 as core_v3;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use envoy_types::pb::envoy::extensions::upstreams::http::v3 as upstream;
use envoy_types::pb::envoy::r#type::matcher::v3 as matcher;
use std::path::{Path, PathBuf};
use upstream::http_protocol_options::explicit_http_config::ProtocolConfig;

/// Where one of our own services is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// On a Unix socket.
    Unix(PathBuf),
    /// On these addresses, any of which serves; HTTP/2 on all of them.
    Tcp {
        /// Verified TLS; `None` speaks in clear text.
        tls: Option<PeerTls>,
        /// Host (a name or an IP address without brackets) and port. Not empty.
        endpoints: Vec<(String, u16)>,
    },
}

/// How such a service is verified: by a certificate for its host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerTls {
    /// The authorities that may have issued it, PEM; `None` for the system's.
    pub ca: Option<String>,
}

impl From<PathBuf> for Peer {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

impl From<&str> for Peer {
    fn from(path: &str) -> Self {
        Self::Unix(path.into())
    }
}

impl Peer {
    /// Where a socket of this name stands: in the same directory, or in the
    /// default one.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        match self {
            Self::Unix(path) => path.with_file_name(name),
            Self::Tcp { .. } => Path::new("/run/portcullis").join(name),
        }
    }

    /// All that distinguishes one from another, for the version of its cluster.
    pub(crate) fn identity(&self) -> Vec<String> {
        match self {
            Self::Unix(path) => vec!["unix".to_owned(), path.to_string_lossy().into_owned()],
            Self::Tcp { tls, endpoints } => {
                let ca = tls
                    .as_ref()
                    .map(|tls| tls.ca.as_deref().unwrap_or("system").to_owned());
                let first = ["tcp".to_owned(), ca.unwrap_or_default()];
                let places = endpoints.iter().map(|(host, port)| format!("{host} {port}"));
                first.into_iter().chain(places).collect()
            }
        }
    }
}

/// A service of ours that speaks gRPC.
pub(crate) fn grpc(name: &str, peer: &Peer) -> cluster::Cluster {
    let protocol = match peer {
        Peer::Unix(_) => http2(),
        Peer::Tcp { .. } => kept_alive(),
    };
    own(name, peer, ProtocolConfig::Http2ProtocolOptions(protocol))
}

/// A connection whose other end is gone without a word, as behind a network that was cut,
/// would be waited on until the kernel gives it up, which takes a quarter of an hour: so
/// long every Check would end at its deadline, and nothing be let in.
fn kept_alive() -> core_v3::Http2ProtocolOptions {
    core_v3::Http2ProtocolOptions {
        connection_keepalive: Some(core_v3::KeepaliveSettings {
            interval: seconds(10),
            timeout: seconds(5),
            ..Default::default()
        }),
        ..http2()
    }
}

/// Our web handlers.
pub(crate) fn web(name: &str, peer: &Peer) -> cluster::Cluster {
    let protocol = match peer {
        Peer::Unix(_) => ProtocolConfig::HttpProtocolOptions(core_v3::Http1ProtocolOptions::default()),
        Peer::Tcp { .. } => ProtocolConfig::Http2ProtocolOptions(kept_alive()),
    };
    own(name, peer, protocol)
}

/// Our own services are not bounded by Envoy's circuit breakers, whose default of
/// 1024 requests would turn a burst into denials.
fn own(name: &str, peer: &Peer, protocol: ProtocolConfig) -> cluster::Cluster {
    let thresholds = cluster::circuit_breakers::Thresholds {
        max_connections: number(u32::MAX),
        max_pending_requests: number(u32::MAX),
        max_requests: number(u32::MAX),
        max_retries: number(u32::MAX),
        ..Default::default()
    };
    let mut made = match peer {
        Peer::Unix(path) => {
            let endpoints = vec![lb_endpoint(pipe(path), "")];
            base(name, fixed(), endpoints, explicit(protocol), cookies::no_guard())
        }
        Peer::Tcp { tls, endpoints } => remote(name, tls.as_ref(), endpoints, protocol),
    };
    made.circuit_breakers = Some(cluster::CircuitBreakers {
        thresholds: vec![thresholds],
        ..Default::default()
    });
    made
}

fn remote(
    name: &str,
    tls: Option<&PeerTls>,
    endpoints: &[(String, u16)],
    protocol: ProtocolConfig,
) -> cluster::Cluster {
    let named = endpoints.iter().any(|(host, _)| !is_ip(host));
    let discovery = if named { by_dns() } else { fixed() };
    let places = endpoints
        .iter()
        .map(|(host, port)| lb_endpoint(socket(host, *port), if is_ip(host) { "" } else { host }))
        .collect();
    let mut made = base(name, discovery, places, explicit(protocol), cookies::no_guard());
    made.connect_timeout = seconds(2);
    made.transport_socket = tls.map(|tls| transport(tls, endpoints));
    if endpoints.len() > 1 {
        // A Check is not tried again elsewhere, so one that is gone must be left
        // out within a moment. The probe only connects: an authz-server listens
        // once it can decide. With no healthy one left all are tried.
        made.health_checks = vec![core_v3::HealthCheck {
            timeout: seconds(1),
            interval: millis(500),
            no_traffic_interval: millis(500),
            unhealthy_interval: millis(500),
            unhealthy_threshold: number(1),
            healthy_threshold: number(1),
            reuse_connection: Some(envoy_types::pb::google::protobuf::BoolValue { value: false }),
            health_checker: Some(core_v3::health_check::HealthChecker::TcpHealthCheck(
                core_v3::health_check::TcpHealthCheck::default(),
            )),
            ..Default::default()
        }];
        made.outlier_detection = Some(cluster::OutlierDetection {
            split_external_local_origin_errors: true,
            consecutive_local_origin_failure: number(1),
            interval: millis(500),
            base_ejection_time: seconds(1),
            max_ejection_time: seconds(5),
            // Answers of its own, a 503 that says why among them, eject nobody.
            enforcing_consecutive_5xx: number(0),
            enforcing_consecutive_gateway_failure: number(0),
            enforcing_success_rate: number(0),
            enforcing_failure_percentage: number(0),
            enforcing_local_origin_success_rate: number(0),
            max_ejection_percent: number(99),
            ..Default::default()
        });
        // What is healthy again is used again, without the connections of before.
        made.close_connections_on_host_health_failure = true;
    }
    made
}

fn is_ip(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// The certificate must be for one of the hosts, from one of the authorities.
fn transport(tls_of: &PeerTls, endpoints: &[(String, u16)]) -> core_v3::TransportSocket {
    use tls::subject_alt_name_matcher::SanType;
    let name = |(host, _): &(String, u16)| tls::SubjectAltNameMatcher {
        san_type: if is_ip(host) {
            SanType::IpAddress
        } else {
            SanType::Dns
        }
        .into(),
        matcher: Some(matcher::StringMatcher {
            match_pattern: Some(matcher::string_matcher::MatchPattern::Exact(host.clone())),
            ..Default::default()
        }),
        ..Default::default()
    };
    let specifier = match &tls_of.ca {
        Some(pem) => core_v3::data_source::Specifier::InlineString(pem.clone()),
        None => core_v3::data_source::Specifier::Filename(crate::SYSTEM_TRUST.to_owned()),
    };
    let validation = tls::CertificateValidationContext {
        trusted_ca: Some(core_v3::DataSource {
            specifier: Some(specifier),
            ..Default::default()
        }),
        match_typed_subject_alt_names: endpoints.iter().map(name).collect(),
        ..Default::default()
    };
    let context = tls::UpstreamTlsContext {
        // Each host is asked for by its own name, which IP addresses are not (RFC 6066).
        auto_host_sni: true,
        common_tls_context: Some(tls::CommonTlsContext {
            tls_params: Some(tls::TlsParameters {
                tls_minimum_protocol_version: tls::tls_parameters::TlsProtocol::TlSv12.into(),
                tls_maximum_protocol_version: tls::tls_parameters::TlsProtocol::TlSv13.into(),
                ..Default::default()
            }),
            alpn_protocols: vec!["h2".to_owned()],
            validation_context_type: Some(tls::common_tls_context::ValidationContextType::ValidationContext(
                validation,
            )),
            ..Default::default()
        }),
        ..Default::default()
    };
    core_v3::TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(core_v3::transport_socket::ConfigType::TypedConfig(any(&context))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
    use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;

    fn tcp(tls: Option<PeerTls>, hosts: &[&str]) -> Peer {
        Peer::Tcp {
            tls,
            endpoints: hosts.iter().map(|host| ((*host).to_owned(), 5444)).collect(),
        }
    }

    fn hosts(of: &cluster::Cluster) -> usize {
        let all = of.load_assignment.iter().flat_map(|load| &load.endpoints);
        all.map(|place| place.lb_endpoints.len()).sum()
    }

    #[test]
    fn one_that_is_alone_is_always_tried_and_one_of_several_is_left_out_when_it_is_gone() {
        let alone = grpc("a", &tcp(None, &["192.0.2.1"]));
        assert_eq!(hosts(&alone), 1);
        assert!(alone.health_checks.is_empty() && alone.outlier_detection.is_none());
        assert!(alone.transport_socket.is_none());
        let fixed = ClusterDiscoveryType::Type(DiscoveryType::Static.into());
        assert_eq!(alone.cluster_discovery_type, Some(fixed));

        let two = grpc("a", &tcp(None, &["192.0.2.1", "authz.example.com"]));
        assert_eq!(hosts(&two), 2);
        assert_eq!(two.health_checks.len(), 1);
        let outliers = two.outlier_detection.unwrap();
        assert_eq!(outliers.consecutive_local_origin_failure, number(1));
        assert_eq!(
            outliers.enforcing_consecutive_5xx,
            number(0),
            "a 503 of ours is an answer"
        );
        assert!(matches!(
            two.cluster_discovery_type,
            Some(ClusterDiscoveryType::ClusterType(_))
        ));
    }

    #[test]
    fn an_end_that_is_gone_without_a_word_is_noticed() {
        let options = |made: cluster::Cluster| {
            let all = made
                .typed_extension_protocol_options
                .into_values()
                .next()
                .unwrap();
            let all: upstream::HttpProtocolOptions = prost::Message::decode(all.value.as_slice()).unwrap();
            all.upstream_protocol_options
        };
        let peer = tcp(None, &["192.0.2.1"]);
        for made in [grpc("a", &peer), web("w", &peer)] {
            let kept = explicit(ProtocolConfig::Http2ProtocolOptions(kept_alive()));
            assert_eq!(options(made), Some(kept));
        }
        assert!(kept_alive().connection_keepalive.is_some());
        // A socket has no network between.
        let socket = options(grpc("a", &Peer::from("/run/a.sock")));
        assert_eq!(
            socket,
            Some(explicit(ProtocolConfig::Http2ProtocolOptions(http2())))
        );
    }

    #[test]
    fn whatever_leads_elsewhere_makes_another_version() {
        let tls = |ca: Option<&str>| {
            Some(PeerTls {
                ca: ca.map(str::to_owned),
            })
        };
        let all = [
            Peer::from("/run/a.sock"),
            tcp(None, &["a"]),
            tcp(None, &["a", "b"]),
            tcp(tls(None), &["a"]),
            tcp(tls(Some("pem")), &["a"]),
            tcp(tls(Some("other")), &["a"]),
        ];
        for (n, one) in all.iter().enumerate() {
            for other in all.iter().skip(n + 1) {
                assert_ne!(one.identity(), other.identity());
            }
        }
    }

    #[test]
    fn over_tls_each_host_is_asked_by_its_name_and_must_prove_one_of_them() {
        let of = PeerTls {
            ca: Some("pem".to_owned()),
        };
        let made = web("w", &tcp(Some(of), &["192.0.2.1", "authz.example.com"]));
        let places = made.load_assignment.iter().flat_map(|load| &load.endpoints);
        let places = places.flat_map(|place| &place.lb_endpoints);
        let asked: Vec<&str> = places
            .map(|place| match &place.host_identifier {
                Some(HostIdentifier::Endpoint(endpoint)) => endpoint.hostname.as_str(),
                _ => "?",
            })
            .collect();
        assert_eq!(
            asked,
            ["", "authz.example.com"],
            "an IP address is no server name"
        );
        let Some(core_v3::transport_socket::ConfigType::TypedConfig(context)) =
            made.transport_socket.and_then(|socket| socket.config_type)
        else {
            panic!("no TLS");
        };
        let context: tls::UpstreamTlsContext = prost::Message::decode(context.value.as_slice()).unwrap();
        assert!(context.auto_host_sni);
        let common = context.common_tls_context.unwrap();
        let Some(tls::common_tls_context::ValidationContextType::ValidationContext(validation)) =
            common.validation_context_type
        else {
            panic!("nothing is verified");
        };
        assert_eq!(validation.match_typed_subject_alt_names.len(), 2);
        let inline = core_v3::data_source::Specifier::InlineString("pem".to_owned());
        assert_eq!(validation.trusted_ca.unwrap().specifier, Some(inline));
    }
}
