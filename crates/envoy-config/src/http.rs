//! The HTTP connection manager and its filters.

use crate::proto::{ads, any, extension, if_absent, literal, millis, number, seconds, yes};
use crate::{AUTHZ_CLUSTER, cookies, headers};
use envoy_types::pb::envoy::config::accesslog::v3 as log;
use envoy_types::pb::envoy::config::common::mutation_rules::v3::HeaderMutationRules;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::extensions::filters::http::ext_authz::v3 as ext_authz;
use envoy_types::pb::envoy::extensions::filters::http::header_mutation::v3 as header_mutation;
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
use envoy_types::pb::envoy::extensions::http::early_header_mutation::header_mutation::v3 as early;
use envoy_types::pb::envoy::extensions::http::header_formatters::preserve_case::v3 as preserve_case;
use envoy_types::pb::envoy::r#type::v3::{HttpStatus, StatusCode};
use hcm::HttpConnectionManager;
use hcm::http_connection_manager::{
    CodecType, ForwardClientCertDetails, InternalAddressConfig, PathWithEscapedSlashesAction, RouteSpecifier,
    SetCurrentClientCertDetails, UpgradeConfig,
};
use portcullis_snapshot::{Listener, Timeouts};
use prost::{Message, Name};

/// The check filter; routes give it their context under this name.
pub(crate) const EXT_AUTHZ: &str = "envoy.filters.http.ext_authz";

/// How long a check may take, in seconds (Pomerium: `grpc_client_timeout`).
const CHECK_TIMEOUT: i64 = 10;

/// The reasons for which a request gets an answer that no upstream made. `UAEX` is
/// a denial by the check.
const RESPONSE_FLAGS: [&str; 28] = [
    "DC", "DF", "DI", "DO", "DPE", "DT", "FI", "IH", "LH", "LR", "NC", "NFCF", "NR", "OM", "RFCF", "RL",
    "RLSE", "SI", "UAEX", "UC", "UF", "UH", "UMSDR", "UO", "UPE", "UR", "URX", "UT",
];

pub(crate) fn connection_manager(listener: &Listener, routes: RouteSpecifier) -> HttpConnectionManager {
    let Timeouts {
        request_ms,
        exchange_ms,
        idle_ms,
    } = listener.timeouts;
    HttpConnectionManager {
        codec_type: CodecType::Auto.into(),
        stat_prefix: "ingress".to_owned(),
        http_filters: filters(listener),
        common_http_protocol_options: Some(core::HttpProtocolOptions {
            idle_timeout: millis(idle_ms),
            max_stream_duration: Some(exchange_ms).filter(|ms| *ms > 0).and_then(millis),
            max_headers_count: number(1000),
            headers_with_underscores_action:
                core::http_protocol_options::HeadersWithUnderscoresAction::RejectRequest.into(),
            ..Default::default()
        }),
        http_protocol_options: Some(http1()),
        // Envoy's advice for an edge; its defaults let one client hold much memory.
        http2_protocol_options: Some(core::Http2ProtocolOptions {
            max_concurrent_streams: number(100),
            initial_stream_window_size: number(64 * 1024),
            initial_connection_window_size: number(1024 * 1024),
            ..Default::default()
        }),
        max_request_headers_kb: number(128),
        request_timeout: millis(request_ms),
        use_remote_address: yes(),
        xff_num_trusted_hops: listener.trusted_hops,
        forward_client_cert_details: client_certificates(listener).into(),
        set_current_client_cert_details: shows_intermediates(listener).then(|| SetCurrentClientCertDetails {
            chain: true,
            ..Default::default()
        }),
        early_header_mutation_extensions: vec![extension(
            "envoy.http.early_header_mutation.header_mutation",
            &early::HeaderMutation {
                mutations: headers::early(&listener.protected_headers),
            },
        )],
        // No client is internal. Envoy 1.40 takes an empty message for its default,
        // the private ranges, so it names an address that no client can have.
        internal_address_config: Some(InternalAddressConfig {
            unix_sockets: false,
            cidr_ranges: vec![core::CidrRange {
                address_prefix: "255.255.255.255".to_owned(),
                prefix_len: number(32),
            }],
        }),
        always_set_request_id_in_response: true,
        normalize_path: yes(),
        merge_slashes: true,
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::RejectRequest.into(),
        strip_trailing_host_dot: true,
        local_reply_config: local_replies(listener),
        route_specifier: Some(routes),
        // Envoy refuses an upgrade that is not listed, and one that a route switches
        // off, with an empty 403 and without a check. So websockets are listed, and
        // the authoriser refuses them in words. CONNECT and all others stay refused.
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// In which header the check is shown what the client presented beside its certificate.
const CLIENT_CERTIFICATES: &str = "x-forwarded-client-cert";

fn shows_intermediates(listener: &Listener) -> bool {
    let clients = listener.client_certificates.as_ref();
    clients.is_some_and(|clients| clients.intermediates)
}

/// What a client says in that header of itself is always taken out.
fn client_certificates(listener: &Listener) -> ForwardClientCertDetails {
    if shows_intermediates(listener) {
        ForwardClientCertDetails::SanitizeSet
    } else {
        ForwardClientCertDetails::Sanitize
    }
}

/// The route table over the aggregated stream.
pub(crate) fn dynamic_routes(name: &str) -> RouteSpecifier {
    RouteSpecifier::Rds(hcm::Rds {
        config_source: Some(ads()),
        route_config_name: name.to_owned(),
    })
}

/// Header names keep the case in which they were written. Trailers stay off.
pub(crate) fn http1() -> core::Http1ProtocolOptions {
    use core::http1_protocol_options::{HeaderKeyFormat, header_key_format::HeaderFormat};
    let formatter = extension(
        "envoy.http.stateful_header_formatters.preserve_case",
        &preserve_case::PreserveCaseFormatterConfig::default(),
    );
    core::Http1ProtocolOptions {
        header_key_format: Some(HeaderKeyFormat {
            header_format: Some(HeaderFormat::StatefulFormatter(formatter)),
        }),
        ..Default::default()
    }
}

/// Answers that no upstream made carry the same headers as all others, below what
/// the route and the check have set. Envoy itself leaves out the route table's where
/// the check denies on a route that has no upstream, as the terminal routes.
fn local_replies(listener: &Listener) -> Option<hcm::LocalReplyConfig> {
    if listener.response_headers.is_empty() {
        return None;
    }
    let flags = RESPONSE_FLAGS.map(str::to_owned).to_vec();
    let filter =
        log::access_log_filter::FilterSpecifier::ResponseFlagFilter(log::ResponseFlagFilter { flags });
    let mapper = hcm::ResponseMapper {
        filter: Some(log::AccessLogFilter {
            filter_specifier: Some(filter),
        }),
        headers_to_add: listener
            .response_headers
            .iter()
            .map(|(name, value)| if_absent(name, &literal(value)))
            .collect(),
        ..Default::default()
    };
    Some(hcm::LocalReplyConfig {
        mappers: vec![mapper],
        ..Default::default()
    })
}

fn filters(listener: &Listener) -> Vec<hcm::HttpFilter> {
    let mutations = header_mutation::Mutations {
        // It was for the check alone.
        request_mutations: shows_intermediates(listener)
            .then(|| headers::remove(CLIENT_CERTIFICATES))
            .into_iter()
            .collect(),
        request_trailers_mutations: headers::trailers(&listener.protected_headers),
        ..Default::default()
    };
    vec![
        filter(EXT_AUTHZ, &check()),
        filter(
            "envoy.filters.http.header_mutation",
            &header_mutation::HeaderMutation {
                mutations: Some(mutations),
                ..Default::default()
            },
        ),
        filter(
            "envoy.filters.http.router",
            &Router {
                upstream_http_filters: cookies::upstream_filters(&listener.own_cookies),
                ..Default::default()
            },
        ),
    ]
}

pub(crate) fn filter<M: Message + Name>(name: &str, config: &M) -> hcm::HttpFilter {
    hcm::HttpFilter {
        name: name.to_owned(),
        config_type: Some(hcm::http_filter::ConfigType::TypedConfig(any(config))),
        ..Default::default()
    }
}

/// Every request is checked, and one whose check fails is answered with 503.
fn check() -> ext_authz::ExtAuthz {
    let service = core::GrpcService {
        timeout: seconds(CHECK_TIMEOUT),
        target_specifier: Some(core::grpc_service::TargetSpecifier::EnvoyGrpc(
            core::grpc_service::EnvoyGrpc {
                cluster_name: AUTHZ_CLUSTER.to_owned(),
                ..Default::default()
            },
        )),
        ..Default::default()
    };
    ext_authz::ExtAuthz {
        transport_api_version: core::ApiVersion::V3.into(),
        failure_mode_allow: false,
        status_on_error: Some(HttpStatus {
            code: StatusCode::ServiceUnavailable.into(),
        }),
        // Without it a line break in a header of the answer reaches the wire.
        validate_mutations: true,
        // One entry a header line: joined lines of `cookie` could not be told apart.
        encode_raw_headers: true,
        include_peer_certificate: true,
        include_tls_session: true,
        decoder_header_mutation_rules: Some(HeaderMutationRules {
            disallow_system: yes(),
            // The deadline of a stream is ours to set.
            allow_envoy: yes(),
            ..Default::default()
        }),
        services: Some(ext_authz::ext_authz::Services::GrpcService(service)),
        ..Default::default()
    }
}
