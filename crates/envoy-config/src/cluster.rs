//! Upstreams and our own services.

use crate::http::http1;
use crate::listener::BUFFER_LIMIT;
use crate::proto::{any, number, pipe, seconds, socket};
use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_types::pb::envoy::config::cluster::v3 as cluster;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::config::endpoint::v3 as endpoint;
use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;
use envoy_types::pb::envoy::extensions::clusters::dns::v3 as dns;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use envoy_types::pb::envoy::extensions::upstreams::http::v3 as upstream;
use envoy_types::pb::envoy::r#type::matcher::v3 as matcher;
use portcullis_snapshot::{Cluster, UpstreamTls};
use std::collections::HashMap;
use std::path::Path;
use upstream::http_protocol_options::{
    AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions, explicit_http_config::ProtocolConfig,
};

/// The certificate authorities that https upstreams are verified by.
pub const SYSTEM_TRUST: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How long a connection may take to come about, in seconds.
const CONNECT_TIMEOUT: i64 = 10;

/// An upstream of the configuration.
pub(crate) fn message(name: &str, of: &Cluster) -> cluster::Cluster {
    let discovery = if of.is_ip { fixed() } else { by_dns() };
    let protocols = if of.tls.is_some() {
        UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
            http_protocol_options: Some(http1()),
            http2_protocol_options: Some(http2()),
            ..Default::default()
        })
    } else {
        explicit(ProtocolConfig::HttpProtocolOptions(http1()))
    };
    cluster::Cluster {
        transport_socket: of.tls.as_ref().map(upstream_tls),
        ..base(
            name,
            discovery,
            socket(&of.address, of.port),
            &of.hostname,
            protocols,
        )
    }
}

/// A service of ours that speaks gRPC on a Unix socket.
pub(crate) fn grpc(name: &str, path: &Path) -> cluster::Cluster {
    own(name, path, ProtocolConfig::Http2ProtocolOptions(http2()))
}

/// Our web handlers on a Unix socket.
pub(crate) fn web(name: &str, path: &Path) -> cluster::Cluster {
    own(
        name,
        path,
        ProtocolConfig::HttpProtocolOptions(core::Http1ProtocolOptions::default()),
    )
}

/// Our own services are not bounded by Envoy's circuit breakers, whose default of
/// 1024 requests would turn a burst into denials.
fn own(name: &str, path: &Path, protocol: ProtocolConfig) -> cluster::Cluster {
    let thresholds = cluster::circuit_breakers::Thresholds {
        max_connections: number(u32::MAX),
        max_pending_requests: number(u32::MAX),
        max_requests: number(u32::MAX),
        max_retries: number(u32::MAX),
        ..Default::default()
    };
    cluster::Cluster {
        circuit_breakers: Some(cluster::CircuitBreakers {
            thresholds: vec![thresholds],
            ..Default::default()
        }),
        ..base(name, fixed(), pipe(path), "", explicit(protocol))
    }
}

fn base(
    name: &str,
    discovery: ClusterDiscoveryType,
    address: core::Address,
    hostname: &str,
    protocols: UpstreamProtocolOptions,
) -> cluster::Cluster {
    let options = upstream::HttpProtocolOptions {
        upstream_protocol_options: Some(protocols),
        ..Default::default()
    };
    let endpoint = endpoint::LbEndpoint {
        host_identifier: Some(endpoint::lb_endpoint::HostIdentifier::Endpoint(
            endpoint::Endpoint {
                address: Some(address),
                hostname: hostname.to_owned(),
                ..Default::default()
            },
        )),
        ..Default::default()
    };
    cluster::Cluster {
        name: name.to_owned(),
        connect_timeout: seconds(CONNECT_TIMEOUT),
        per_connection_buffer_limit_bytes: number(BUFFER_LIMIT),
        load_assignment: Some(endpoint::ClusterLoadAssignment {
            cluster_name: name.to_owned(),
            endpoints: vec![endpoint::LocalityLbEndpoints {
                lb_endpoints: vec![endpoint],
                ..Default::default()
            }],
            ..Default::default()
        }),
        typed_extension_protocol_options: HashMap::from([(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
            any(&options),
        )]),
        cluster_discovery_type: Some(discovery),
        ..Default::default()
    }
}

/// The address is what it is.
fn fixed() -> ClusterDiscoveryType {
    ClusterDiscoveryType::Type(DiscoveryType::Static.into())
}

/// The address is a name. Every address that it has serves, and it is looked up
/// again when its time to live is over.
fn by_dns() -> ClusterDiscoveryType {
    let config = dns::DnsCluster {
        respect_dns_ttl: true,
        dns_lookup_family: DnsLookupFamily::V4Preferred.into(),
        ..Default::default()
    };
    ClusterDiscoveryType::ClusterType(cluster::cluster::CustomClusterType {
        name: "envoy.clusters.dns".to_owned(),
        typed_config: Some(any(&config)),
    })
}

fn explicit(protocol: ProtocolConfig) -> UpstreamProtocolOptions {
    UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
        protocol_config: Some(protocol),
    })
}

fn http2() -> core::Http2ProtocolOptions {
    core::Http2ProtocolOptions {
        max_concurrent_streams: number(100),
        initial_stream_window_size: number(64 * 1024),
        initial_connection_window_size: number(1024 * 1024),
        ..Default::default()
    }
}

/// The upstream must show a certificate of a system authority for its very name.
fn upstream_tls(of: &UpstreamTls) -> core::TransportSocket {
    use tls::subject_alt_name_matcher::SanType;
    let name = tls::SubjectAltNameMatcher {
        san_type: if of.is_ip {
            SanType::IpAddress
        } else {
            SanType::Dns
        }
        .into(),
        matcher: Some(matcher::StringMatcher {
            match_pattern: Some(matcher::string_matcher::MatchPattern::Exact(of.name.clone())),
            ..Default::default()
        }),
        ..Default::default()
    };
    let validation = tls::CertificateValidationContext {
        trusted_ca: Some(core::DataSource {
            specifier: Some(core::data_source::Specifier::Filename(SYSTEM_TRUST.to_owned())),
            ..Default::default()
        }),
        match_typed_subject_alt_names: vec![name],
        ..Default::default()
    };
    let context = tls::UpstreamTlsContext {
        // A server name is never an IP address (RFC 6066).
        sni: if of.is_ip { String::new() } else { of.name.clone() },
        common_tls_context: Some(tls::CommonTlsContext {
            tls_params: Some(tls::TlsParameters {
                tls_minimum_protocol_version: tls::tls_parameters::TlsProtocol::TlSv12.into(),
                tls_maximum_protocol_version: tls::tls_parameters::TlsProtocol::TlSv13.into(),
                ..Default::default()
            }),
            alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
            validation_context_type: Some(tls::common_tls_context::ValidationContextType::ValidationContext(
                validation,
            )),
            ..Default::default()
        }),
        ..Default::default()
    };
    core::TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(core::transport_socket::ConfigType::TypedConfig(any(&context))),
    }
}
