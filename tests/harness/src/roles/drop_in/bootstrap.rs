//! Envoy's whole configuration, of a stock Envoy or of one of Istio's shape.

use std::fs;
use std::path::Path;

use super::access::LOGGER;
use super::{Beside, Like, Way};
use crate::repository;

/// The file whose connection manager and filters an Envoy of Istio's shape has.
const ISTIO: &str = "examples/istio/envoy.yaml";

/// The socket of Envoy's admin interface, in the directory of the test.
pub(super) const ADMIN: &str = "envoy-admin.sock";

pub(super) fn of(directory: &Path, beside: &Beside<'_>, port: u16, grpc: u16, application: u16) -> String {
    let admin = directory.join(ADMIN);
    let listeners = match beside.like {
        Like::Bare => bare(beside, port),
        Like::Istio => istio(beside, port),
    };
    format!(
        "admin: {{address: {{pipe: {{path: {}}}}}}}\n{listeners}{}",
        admin.display(),
        clusters(directory, beside.way, grpc, application)
    )
}

/// Asks clients for certificates and takes any, or none.
const ANY_CERTIFICATE: &str = "validation_context:
  trusted_ca: {filename: ca.pem}
  trust_chain_verification: ACCEPT_UNTRUSTED
";

fn indented(text: &str, by: usize) -> String {
    let space = " ".repeat(by);
    text.lines().map(|line| format!("{space}{line}\n")).collect()
}

fn bare(beside: &Beside<'_>, port: u16) -> String {
    format!(
        "static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - {{certificate_chain: {{filename: tls.crt}}, private_key: {{filename: tls.key}}}}
{}      filters:
      - name: http
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: stock
{}          route_config:
            virtual_hosts:
{}          http_filters:
{}          - name: envoy.filters.http.ext_authz
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              grpc_service: {{envoy_grpc: {{cluster_name: portcullis}}, timeout: 10s}}
{}{}          - name: envoy.filters.http.router
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
",
        if beside.asks_for_certificates {
            indented(ANY_CERTIFICATE, 12)
        } else {
            String::new()
        },
        indented(LOGGER, 10),
        indented(&catch_all(beside), 12),
        indented(beside.in_front, 10),
        indented(beside.filter, 14),
        indented(beside.behind, 10),
    )
}

fn catch_all(beside: &Beside<'_>) -> String {
    format!(
        "- name: everything\n  domains: ['*']\n  routes:\n{}",
        indented(beside.envoy_routes, 2)
    )
}

/// The listener of Istio's file, with the test's port, its virtual host and the name of
/// its cluster; nothing else of it is changed.
fn istio(beside: &Beside<'_>, port: u16) -> String {
    let path = repository::root().join(ISTIO);
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("`{ISTIO}` cannot be read: {e}"));
    let cut = |at: &str| {
        let place = text.find(at);
        place.unwrap_or_else(|| panic!("`{ISTIO}` has no line `{}`", at.trim()))
    };
    let hosts = "            virtual_hosts:\n";
    let (start, end) = (cut(hosts) + hosts.len(), cut("          http_filters:\n"));
    let (head, filters) = (&text[..start], &text[end..cut("  clusters:\n")]);
    let replaced = |text: &str, from: &str, to: &str| {
        let times = text.matches(from).count();
        assert_eq!(times, 1, "`{ISTIO}` has `{from}` {times} times");
        text.replace(from, to)
    };
    let manager = "          stat_prefix: outbound_0.0.0.0_8443\n";
    let head = replaced(head, manager, &format!("{manager}{}", indented(LOGGER, 10)));
    let head = replaced(&head, "port_value: 8443", &format!("port_value: {port}"));
    let service = "cluster_name: outbound|5444||portcullis.portcullis.svc.cluster.local";
    let filters = replaced(filters, service, "cluster_name: portcullis");
    let check = "              transport_api_version: V3\n";
    let filters = replaced(
        &filters,
        check,
        &format!("{check}{}", indented(beside.filter, 14)),
    );
    // Behind the pair of filters that asks us.
    let next = "          - name: envoy.filters.http.grpc_stats\n";
    let filters = replaced(&filters, next, &format!("{}{next}", indented(beside.behind, 10)));
    let first = "          http_filters:\n";
    let filters = replaced(
        &filters,
        first,
        &format!("{first}{}", indented(beside.in_front, 10)),
    );
    format!("{head}{}{filters}", indented(&catch_all(beside), 12))
}

fn clusters(directory: &Path, way: Way, grpc: u16, application: u16) -> String {
    let place = match way {
        Way::Socket => format!("pipe: {{path: {}/authz.sock}}", directory.display()),
        _ => format!("socket_address: {{address: 127.0.0.1, port_value: {grpc}}}"),
    };
    let own = "      tls_certificates:
      - {certificate_chain: {filename: envoy/tls.crt}, private_key: {filename: envoy/tls.key}}
";
    let tls = match way {
        Way::Loopback | Way::Socket => String::new(),
        way => format!(
            "    transport_socket:
      name: tls
      typed_config:
        '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context:
          alpn_protocols: [h2]
          validation_context: {{trusted_ca: {{filename: ca.pem}}}}
{}",
            if way == Way::MutualTls {
                indented(own, 4)
            } else {
                String::new()
            }
        ),
    };
    format!(
        "  clusters:
  - name: application
    load_assignment:
      cluster_name: application
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {application}}}}}}}}}]}}]
  - name: portcullis
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: portcullis
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{{place}}}}}}}]}}]
{tls}"
    )
}
