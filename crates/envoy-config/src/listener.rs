//! The listener and its TLS.

use crate::http::connection_manager;
use crate::proto::{ads, any, inline, number, socket, yes};
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::config::listener::v3 as listener;
use envoy_types::pb::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use portcullis_snapshot::{ClientCertificates, Listener};
use tls::certificate_validation_context::TrustChainVerification;
use tls::common_tls_context::ValidationContextType;
use tls::tls_parameters::TlsProtocol;

/// The suites of TLS 1.2; those of TLS 1.3 are fixed.
const CIPHER_SUITES: [&str; 6] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
];

/// How much of a stream is buffered for one connection, in bytes.
pub(crate) const BUFFER_LIMIT: u32 = 32 * 1024;

pub(crate) fn message(name: &str, listener: &Listener, routes: RouteSpecifier) -> listener::Listener {
    let mut addresses = listener.addresses.iter().map(|ip| socket(ip, listener.port));
    let manager = connection_manager(listener, routes);
    let tls = listener.certificates.as_deref();
    let clients = listener.client_certificates.as_ref();
    listener::Listener {
        name: name.to_owned(),
        address: addresses.next(),
        additional_addresses: addresses
            .map(|address| listener::AdditionalAddress {
                address: Some(address),
                ..Default::default()
            })
            .collect(),
        // Reads the server name, which the check is told.
        listener_filters: tls
            .iter()
            .map(|_| listener::ListenerFilter {
                name: "envoy.filters.listener.tls_inspector".to_owned(),
                config_type: Some(listener::listener_filter::ConfigType::TypedConfig(any(
                    &TlsInspector::default(),
                ))),
                ..Default::default()
            })
            .collect(),
        filter_chains: vec![listener::FilterChain {
            name: if tls.is_some() { "https" } else { "http" }.to_owned(),
            filters: vec![listener::Filter {
                name: "envoy.filters.network.http_connection_manager".to_owned(),
                config_type: Some(listener::filter::ConfigType::TypedConfig(any(&manager))),
            }],
            transport_socket: tls.map(|certificates| core::TransportSocket {
                name: "envoy.transport_sockets.tls".to_owned(),
                config_type: Some(core::transport_socket::ConfigType::TypedConfig(any(
                    &downstream_tls(certificates, clients),
                ))),
            }),
            ..Default::default()
        }],
        per_connection_buffer_limit_bytes: number(BUFFER_LIMIT),
        enable_reuse_port: yes(),
        ..Default::default()
    }
}

/// Certificates are references: their rotation changes no listener and drains no
/// connection.
fn downstream_tls(
    certificates: &[String],
    clients: Option<&ClientCertificates>,
) -> tls::DownstreamTlsContext {
    tls::DownstreamTlsContext {
        common_tls_context: Some(tls::CommonTlsContext {
            tls_params: Some(tls::TlsParameters {
                tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
                tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
                cipher_suites: CIPHER_SUITES.map(str::to_owned).to_vec(),
                ..Default::default()
            }),
            tls_certificate_sds_secret_configs: certificates
                .iter()
                .map(|name| tls::SdsSecretConfig {
                    name: name.clone(),
                    sds_config: Some(ads()),
                })
                .collect(),
            alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
            validation_context_type: clients.map(asked_of_clients),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A certificate is asked for and any taken, also none: what it is worth the check
/// says, which knows the route. Whoever has none gets a page, not a broken handshake.
fn asked_of_clients(clients: &ClientCertificates) -> ValidationContextType {
    ValidationContextType::ValidationContext(tls::CertificateValidationContext {
        trusted_ca: Some(inline(&clients.authorities)),
        trust_chain_verification: TrustChainVerification::AcceptUntrusted.into(),
        ..Default::default()
    })
}
