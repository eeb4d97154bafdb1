//! TLS towards upstreams.

use crate::proto::{any, inline};
use envoy_types::pb::envoy::config::cluster::v3::cluster::TransportSocketMatch;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use envoy_types::pb::envoy::r#type::matcher::v3 as matcher;
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use portcullis_snapshot::{Cluster, Endpoint, Trust, UpstreamTls};
use std::collections::HashMap;
use tls::certificate_validation_context::TrustChainVerification;
use tls::common_tls_context::ValidationContextType;

/// The certificate authorities that https upstreams are verified by.
pub const SYSTEM_TRUST: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Under which name Envoy looks into the metadata of an endpoint for what its
/// transport socket must have.
const MATCH: &str = "envoy.transport_socket_match";
/// The one thing that it finds there.
const KEY: &str = "tls";

/// How the servers of a cluster are connected with: all alike, or each in its way.
pub(super) struct TlsSockets<'a> {
    /// For servers that say nothing else: plain TCP if `None`.
    pub(super) all: Option<core::TransportSocket>,
    /// For those that say so in their metadata.
    pub(super) matches: Vec<TransportSocketMatch>,
    /// What the matches are for, in their order.
    distinct: Vec<&'a UpstreamTls>,
}

impl<'a> TlsSockets<'a> {
    pub(super) fn of(cluster: &'a Cluster, alpn: &[&str]) -> Self {
        let mut plain = false;
        let mut distinct: Vec<&UpstreamTls> = Vec::new();
        for endpoint in &cluster.endpoints {
            match &endpoint.tls {
                None => plain = true,
                Some(tls) if distinct.contains(&tls) => {}
                Some(tls) => distinct.push(tls),
            }
        }
        // Where all speak TLS, negotiation wants it to be the rule.
        let all = distinct.first().filter(|_| !plain).map(|tls| socket(tls, alpn));
        if distinct.len() + usize::from(plain) == 1 {
            distinct.clear();
        }
        let matches = distinct
            .iter()
            .enumerate()
            .map(|(at, tls)| TransportSocketMatch {
                name: label(at),
                r#match: Some(labelled(at)),
                transport_socket: Some(socket(tls, alpn)),
            })
            .collect();
        Self {
            all,
            matches,
            distinct,
        }
    }

    /// What an endpoint must say so that its socket is found.
    pub(super) fn metadata(&self, endpoint: &Endpoint) -> Option<core::Metadata> {
        let tls = endpoint.tls.as_ref()?;
        let at = self.distinct.iter().position(|one| *one == tls)?;
        Some(core::Metadata {
            filter_metadata: HashMap::from([(MATCH.to_owned(), labelled(at))]),
            ..Default::default()
        })
    }
}

fn label(at: usize) -> String {
    format!("tls-{at}")
}

fn labelled(at: usize) -> Struct {
    let value = Value {
        kind: Some(Kind::StringValue(label(at))),
    };
    Struct {
        fields: HashMap::from([(KEY.to_owned(), value)]),
    }
}

fn socket(of: &UpstreamTls, alpn: &[&str]) -> core::TransportSocket {
    let context = tls::UpstreamTlsContext {
        // A server name is never an IP address (RFC 6066).
        sni: if of.is_ip { String::new() } else { of.name.clone() },
        common_tls_context: Some(tls::CommonTlsContext {
            tls_params: Some(tls::TlsParameters {
                tls_minimum_protocol_version: tls::tls_parameters::TlsProtocol::TlSv12.into(),
                tls_maximum_protocol_version: tls::tls_parameters::TlsProtocol::TlSv13.into(),
                ..Default::default()
            }),
            alpn_protocols: alpn.iter().map(|&protocol| protocol.to_owned()).collect(),
            validation_context_type: Some(ValidationContextType::ValidationContext(validation(of))),
            ..Default::default()
        }),
        ..Default::default()
    };
    core::TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(core::transport_socket::ConfigType::TypedConfig(any(&context))),
    }
}

/// The upstream must show a certificate of an authority for its very name, unless
/// anyone will do.
fn validation(of: &UpstreamTls) -> tls::CertificateValidationContext {
    use tls::subject_alt_name_matcher::SanType;
    let authorities = match &of.trust {
        Trust::System => core::DataSource {
            specifier: Some(core::data_source::Specifier::Filename(SYSTEM_TRUST.to_owned())),
            ..Default::default()
        },
        Trust::Authorities(pem) => inline(pem),
        Trust::Anyone => {
            return tls::CertificateValidationContext {
                trust_chain_verification: TrustChainVerification::AcceptUntrusted.into(),
                ..Default::default()
            };
        }
    };
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
    tls::CertificateValidationContext {
        trusted_ca: Some(authorities),
        match_typed_subject_alt_names: vec![name],
        ..Default::default()
    }
}
