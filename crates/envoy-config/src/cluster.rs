//! Upstreams.

mod tls;

use crate::http::http1;
use crate::listener::BUFFER_LIMIT;
use crate::proto::{any, number, seconds, socket};
use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_types::pb::envoy::config::cluster::v3 as cluster;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::config::endpoint::v3 as endpoint;
use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;
use envoy_types::pb::envoy::extensions::clusters::dns::v3 as dns;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::upstreams::http::v3 as upstream;
use portcullis_snapshot::{Cluster, Protocol};
use std::collections::HashMap;
use tls::TlsSockets;
use upstream::http_protocol_options::{
    AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions, explicit_http_config::ProtocolConfig,
};

pub use tls::SYSTEM_TRUST;

/// How long a connection may take to come about, in seconds.
const CONNECT_TIMEOUT: i64 = 10;

/// An upstream of the configuration.
pub(crate) fn message(name: &str, of: &Cluster) -> cluster::Cluster {
    let discovery = if of.endpoints.iter().all(|endpoint| endpoint.is_ip) {
        fixed()
    } else {
        by_dns()
    };
    let (protocols, alpn): (_, &[&str]) = match of.protocol {
        Protocol::Http1 => (
            explicit(ProtocolConfig::HttpProtocolOptions(http1())),
            &["http/1.1"],
        ),
        Protocol::Http2 => (explicit(ProtocolConfig::Http2ProtocolOptions(http2())), &["h2"]),
        Protocol::Negotiated => (
            UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
                http_protocol_options: Some(http1()),
                http2_protocol_options: Some(http2()),
                ..Default::default()
            }),
            &["h2", "http/1.1"],
        ),
    };
    let sockets = TlsSockets::of(of, alpn);
    let endpoints = of
        .endpoints
        .iter()
        .map(|server| endpoint::LbEndpoint {
            load_balancing_weight: server.weight.and_then(number),
            metadata: sockets.metadata(server),
            ..lb_endpoint(socket(&server.address, server.port), &server.hostname)
        })
        .collect();
    cluster::Cluster {
        transport_socket: sockets.all,
        transport_socket_matches: sockets.matches,
        ..base(name, discovery, endpoints, protocols, Vec::new())
    }
}

/// `http_filters` stand in for those of the router (`cookies`); none means those.
pub(crate) fn base(
    name: &str,
    discovery: ClusterDiscoveryType,
    lb_endpoints: Vec<endpoint::LbEndpoint>,
    protocols: UpstreamProtocolOptions,
    http_filters: Vec<HttpFilter>,
) -> cluster::Cluster {
    let options = upstream::HttpProtocolOptions {
        upstream_protocol_options: Some(protocols),
        http_filters,
        ..Default::default()
    };
    cluster::Cluster {
        name: name.to_owned(),
        connect_timeout: seconds(CONNECT_TIMEOUT),
        per_connection_buffer_limit_bytes: number(BUFFER_LIMIT),
        load_assignment: Some(endpoint::ClusterLoadAssignment {
            cluster_name: name.to_owned(),
            endpoints: vec![endpoint::LocalityLbEndpoints {
                lb_endpoints,
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

pub(crate) fn lb_endpoint(address: core::Address, hostname: &str) -> endpoint::LbEndpoint {
    endpoint::LbEndpoint {
        host_identifier: Some(endpoint::lb_endpoint::HostIdentifier::Endpoint(
            endpoint::Endpoint {
                address: Some(address),
                hostname: hostname.to_owned(),
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}

/// Every address is an IP address or a socket.
pub(crate) fn fixed() -> ClusterDiscoveryType {
    ClusterDiscoveryType::Type(DiscoveryType::Static.into())
}

/// An address is a name. Every address that it has serves, and it is looked up
/// again when its time to live is over.
pub(crate) fn by_dns() -> ClusterDiscoveryType {
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

pub(crate) fn explicit(protocol: ProtocolConfig) -> UpstreamProtocolOptions {
    UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
        protocol_config: Some(protocol),
    })
}

pub(crate) fn http2() -> core::Http2ProtocolOptions {
    core::Http2ProtocolOptions {
        max_concurrent_streams: number(100),
        initial_stream_window_size: number(64 * 1024),
        initial_connection_window_size: number(1024 * 1024),
        ..Default::default()
    }
}
