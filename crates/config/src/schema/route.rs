//! The options of a route. One line each: name, kind of value, and what happens when it is set.

use super::enums;
use super::key::{Key, Kind, Scope, State};

const fn key(name: &'static str, kind: Kind, state: State) -> Key {
    Key {
        name,
        scope: Scope::Route,
        kind,
        state,
        default: None,
    }
}

const fn working(name: &'static str, kind: Kind) -> Key {
    key(name, kind, State::Working)
}

const fn not_yet(name: &'static str, kind: Kind) -> Key {
    key(name, kind, State::NotYet)
}

const fn refused(name: &'static str, kind: Kind, without: &'static str) -> Key {
    key(name, kind, State::NotYetUnsafe { without })
}

const fn removed(name: &'static str, help: &'static str) -> Key {
    key(name, Kind::Any, State::Removed { help })
}

const fn alias(name: &'static str, kind: Kind, of: &'static str) -> Key {
    key(name, kind, State::Alias { of })
}

const fn api_only(name: &'static str) -> Key {
    key(name, Kind::Any, State::ApiOnly)
}

const fn ignored(name: &'static str, because: &'static str) -> Key {
    key(name, Kind::Any, State::Ignored { because })
}

pub(super) static KEYS: &[Key] = &[
    ignored("_to_weights", "Pomerium reads it and never uses it"),
    working("allow_any_authenticated_user", Kind::Bool),
    working("allow_public_unauthenticated_access", Kind::Bool),
    not_yet("allow_spdy", Kind::Bool),
    not_yet("allow_upgrades", Kind::Strings),
    not_yet("allow_websockets", Kind::Bool),
    working("allowed_domains", Kind::Strings),
    removed(
        "allowed_groups",
        "use a `policy` with the criterion `claim/groups`",
    ),
    working("allowed_idp_claims", Kind::Claims),
    working("allowed_users", Kind::Strings),
    not_yet("bearer_token_format", Kind::Enum(&enums::BEARER)).or("default"),
    not_yet("circuit_breaker_thresholds", Kind::Object),
    not_yet("circuit_breaker_thresholds.max_connection_pools", Kind::Uint),
    not_yet("circuit_breaker_thresholds.max_connections", Kind::Uint),
    not_yet("circuit_breaker_thresholds.max_pending_requests", Kind::Uint),
    not_yet("circuit_breaker_thresholds.max_requests", Kind::Uint),
    not_yet("circuit_breaker_thresholds.max_retries", Kind::Uint),
    working("cors_allow_preflight", Kind::Bool),
    not_yet("depends_on", Kind::Strings),
    not_yet("description", Kind::Text),
    not_yet("enable_google_cloud_serverless_authentication", Kind::Bool),
    working("from", Kind::Text),
    not_yet("health_checks", Kind::StrictObjects),
    not_yet("health_checks.alt_port", Kind::Any),
    not_yet("health_checks.always_log_health_check_failures", Kind::Any),
    not_yet("health_checks.always_log_health_check_success", Kind::Any),
    not_yet("health_checks.grpc_health_check", Kind::Object),
    not_yet("health_checks.grpc_health_check.authority", Kind::Any),
    not_yet("health_checks.grpc_health_check.service_name", Kind::Any),
    not_yet("health_checks.healthy_edge_interval", Kind::Any),
    not_yet("health_checks.healthy_threshold", Kind::Any),
    not_yet("health_checks.http_health_check", Kind::Object),
    not_yet("health_checks.http_health_check.codec_client_type", Kind::Any),
    not_yet("health_checks.http_health_check.expected_statuses", Kind::Any),
    not_yet("health_checks.http_health_check.host", Kind::Any),
    not_yet("health_checks.http_health_check.path", Kind::Any),
    not_yet("health_checks.http_health_check.receive", Kind::Any),
    not_yet(
        "health_checks.http_health_check.request_headers_to_remove",
        Kind::Any,
    ),
    not_yet("health_checks.http_health_check.response_buffer_size", Kind::Any),
    not_yet("health_checks.http_health_check.retriable_statuses", Kind::Any),
    not_yet("health_checks.http_health_check.send", Kind::Any),
    not_yet("health_checks.initial_jitter", Kind::Any),
    not_yet("health_checks.interval", Kind::Any),
    not_yet("health_checks.interval_jitter", Kind::Any),
    not_yet("health_checks.interval_jitter_percent", Kind::Any),
    not_yet("health_checks.no_traffic_healthy_interval", Kind::Any),
    not_yet("health_checks.no_traffic_interval", Kind::Any),
    not_yet("health_checks.reuse_connection", Kind::Any),
    not_yet("health_checks.tcp_health_check", Kind::Object),
    not_yet("health_checks.tcp_health_check.receive", Kind::Any),
    not_yet("health_checks.tcp_health_check.send", Kind::Any),
    not_yet("health_checks.timeout", Kind::Any),
    not_yet("health_checks.transport_socket_match_criteria", Kind::Any),
    not_yet("health_checks.unhealthy_edge_interval", Kind::Any),
    not_yet("health_checks.unhealthy_interval", Kind::Any),
    not_yet("health_checks.unhealthy_threshold", Kind::Any),
    not_yet("healthy_panic_threshold", Kind::Int),
    refused(
        "host_path_regex_rewrite_pattern",
        Kind::Text,
        "the upstream would see another host and may answer as another site",
    ),
    refused(
        "host_path_regex_rewrite_substitution",
        Kind::Text,
        "the upstream would see another host and may answer as another site",
    ),
    refused(
        "host_rewrite",
        Kind::Text,
        "the upstream would see another host and may answer as another site",
    ),
    refused(
        "host_rewrite_header",
        Kind::HeaderName,
        "the upstream would see another host and may answer as another site",
    ),
    not_yet("identity_providers", Kind::Strings),
    not_yet("idle_timeout", Kind::Duration),
    not_yet("idp_access_token_allowed_audiences", Kind::Strings),
    refused(
        "idp_client_id",
        Kind::Text,
        "a login with the global client would do",
    ),
    refused(
        "idp_client_secret",
        Kind::Text,
        "a login with the global client would do",
    ),
    not_yet("jwt_issuer_format", Kind::Enum(&enums::ISSUER)).or("hostOnly"),
    refused(
        "kubernetes_service_account_token",
        Kind::Text,
        "requests would reach the API server as they came",
    ),
    refused(
        "kubernetes_service_account_token_file",
        Kind::Text,
        "requests would reach the API server as they came",
    ),
    not_yet("load_balancing_policy", Kind::Enum(&enums::BALANCING)).or("round_robin"),
    not_yet("logo_url", Kind::Text),
    not_yet("mcp", Kind::Object),
    not_yet("mcp.client", Kind::Object),
    not_yet("mcp.server", Kind::Object),
    not_yet("mcp.server.authorization_server_url", Kind::Text),
    not_yet("mcp.server.max_request_bytes", Kind::Uint).or("4096"),
    not_yet("mcp.server.path", Kind::Text),
    not_yet("mcp.server.upstream_oauth2", Kind::Object),
    not_yet("mcp.server.upstream_oauth2.authorization_url_params", Kind::Map),
    not_yet("mcp.server.upstream_oauth2.client_id", Kind::Text),
    not_yet("mcp.server.upstream_oauth2.client_secret", Kind::Text),
    not_yet("mcp.server.upstream_oauth2.endpoint", Kind::Object),
    not_yet(
        "mcp.server.upstream_oauth2.endpoint.auth_style",
        Kind::Enum(&enums::AUTH_STYLE),
    ),
    not_yet("mcp.server.upstream_oauth2.endpoint.auth_url", Kind::Text),
    not_yet("mcp.server.upstream_oauth2.endpoint.token_url", Kind::Text),
    not_yet("mcp.server.upstream_oauth2.scopes", Kind::Strings),
    working("name", Kind::Text),
    not_yet("outlier_detection", Kind::Object),
    not_yet("outlier_detection.always_eject_one_host", Kind::Any),
    not_yet("outlier_detection.base_ejection_time", Kind::Any),
    not_yet("outlier_detection.consecutive_5xx", Kind::Any),
    not_yet("outlier_detection.consecutive_gateway_failure", Kind::Any),
    not_yet("outlier_detection.consecutive_local_origin_failure", Kind::Any),
    not_yet("outlier_detection.enforcing_consecutive_5xx", Kind::Any),
    not_yet(
        "outlier_detection.enforcing_consecutive_gateway_failure",
        Kind::Any,
    ),
    not_yet(
        "outlier_detection.enforcing_consecutive_local_origin_failure",
        Kind::Any,
    ),
    not_yet("outlier_detection.enforcing_failure_percentage", Kind::Any),
    not_yet(
        "outlier_detection.enforcing_failure_percentage_local_origin",
        Kind::Any,
    ),
    not_yet("outlier_detection.enforcing_local_origin_success_rate", Kind::Any),
    not_yet("outlier_detection.enforcing_success_rate", Kind::Any),
    not_yet("outlier_detection.failure_percentage_minimum_hosts", Kind::Any),
    not_yet("outlier_detection.failure_percentage_request_volume", Kind::Any),
    not_yet("outlier_detection.failure_percentage_threshold", Kind::Any),
    not_yet("outlier_detection.interval", Kind::Any),
    not_yet("outlier_detection.max_ejection_percent", Kind::Any),
    not_yet("outlier_detection.max_ejection_time", Kind::Any),
    not_yet("outlier_detection.max_ejection_time_jitter", Kind::Any),
    not_yet("outlier_detection.split_external_local_origin_errors", Kind::Any),
    not_yet("outlier_detection.success_rate_minimum_hosts", Kind::Any),
    not_yet("outlier_detection.success_rate_request_volume", Kind::Any),
    not_yet("outlier_detection.success_rate_stdev_factor", Kind::Any),
    not_yet(
        "outlier_detection.successful_active_health_check_uneject_host",
        Kind::Any,
    ),
    working("pass_identity_headers", Kind::Bool),
    working("path", Kind::Text),
    working("policy", Kind::Ppl),
    working("prefix", Kind::Text),
    refused(
        "prefix_rewrite",
        Kind::Text,
        "requests would go elsewhere upstream",
    ),
    refused(
        "preserve_host_header",
        Kind::Bool,
        "the upstream would see another host and may answer as another site",
    ),
    refused(
        "redirect",
        Kind::Object,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.host_redirect",
        Kind::Text,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.https_redirect",
        Kind::Bool,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.path_redirect",
        Kind::Text,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.port_redirect",
        Kind::Uint,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.prefix_rewrite",
        Kind::Text,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.response_code",
        Kind::RedirectCode,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.scheme_redirect",
        Kind::Text,
        "clients would not be sent to where it says",
    ),
    refused(
        "redirect.strip_query",
        Kind::Bool,
        "clients would not be sent to where it says",
    ),
    refused("regex", Kind::Text, "the route would match other paths"),
    ignored(
        "regex_priority_order",
        "it orders routes of the API alone; those of a file stay in their order",
    ),
    refused(
        "regex_rewrite_pattern",
        Kind::Text,
        "requests would go elsewhere upstream",
    ),
    refused(
        "regex_rewrite_substitution",
        Kind::Text,
        "requests would go elsewhere upstream",
    ),
    refused(
        "remove_request_headers",
        Kind::RemovedHeaders,
        "the upstream would get the client's own values of these headers",
    ),
    refused("response", Kind::Object, "clients would not get the fixed answer"),
    refused(
        "response.body",
        Kind::Text,
        "clients would not get the fixed answer",
    ),
    refused(
        "response.status",
        Kind::Int,
        "clients would not get the fixed answer",
    )
    .or("0"),
    not_yet("rewrite_response_headers", Kind::Objects),
    not_yet("rewrite_response_headers.header", Kind::HeaderName),
    not_yet("rewrite_response_headers.prefix", Kind::Text),
    not_yet("rewrite_response_headers.value", Kind::Text),
    not_yet("session_recording", Kind::Object),
    not_yet("session_recording.enabled", Kind::Bool),
    removed(
        "set_authorization_header",
        "use `set_request_headers` with a template such as `Bearer ${pomerium.id_token}`",
    ),
    refused(
        "set_request_headers",
        Kind::RequestHeaders,
        "the upstream would get the client's own values of these headers",
    ),
    not_yet("set_response_headers", Kind::ResponseHeaders),
    not_yet("show_error_details", Kind::Bool),
    refused(
        "sub_policies",
        Kind::Objects,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.allowed_domains",
        Kind::Strings,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.allowed_idp_claims",
        Kind::Claims,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.allowed_users",
        Kind::Strings,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.explanation",
        Kind::Text,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.id",
        Kind::Text,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.name",
        Kind::Text,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.rego",
        Kind::Strings,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.remediation",
        Kind::Text,
        "rules of theirs that deny would not count",
    ),
    refused(
        "sub_policies.source_ppl",
        Kind::Text,
        "rules of theirs that deny would not count",
    ),
    not_yet("timeout", Kind::Duration).or("30s"),
    not_yet("tls_client_cert", Kind::Pem),
    not_yet("tls_client_cert_file", Kind::Text),
    not_yet("tls_client_key", Kind::Pem),
    not_yet("tls_client_key_file", Kind::Text),
    refused(
        "tls_custom_ca",
        Kind::Base64,
        "upstream certificates of public authorities would be trusted too",
    ),
    refused(
        "tls_custom_ca_file",
        Kind::Text,
        "upstream certificates of public authorities would be trusted too",
    ),
    refused(
        "tls_downstream_client_ca",
        Kind::Base64,
        "clients would pass without their certificate being checked",
    ),
    refused(
        "tls_downstream_client_ca_file",
        Kind::Text,
        "clients would pass without their certificate being checked",
    ),
    not_yet("tls_downstream_server_name", Kind::Text),
    alias("tls_server_name", Kind::Text, "tls_upstream_server_name"),
    not_yet("tls_skip_verify", Kind::Bool),
    not_yet("tls_upstream_allow_renegotiation", Kind::Bool),
    refused(
        "tls_upstream_server_name",
        Kind::Text,
        "the upstream would be asked for, and checked against, another name",
    ),
    working("to", Kind::To),
    refused(
        "upstream_tunnel",
        Kind::Object,
        "requests would go elsewhere upstream",
    ),
    refused(
        "upstream_tunnel.ssh_policy",
        Kind::Any,
        "requests would go elsewhere upstream",
    ),
    refused(
        "upstream_tunnel.ssh_policy_rego",
        Kind::Strings,
        "requests would go elsewhere upstream",
    ),
];

/// Names that a file cannot set, known so that whoever copies them from elsewhere is told.
pub(super) static FOREIGN: &[Key] = &[
    api_only("assigned_policies"),
    ignored("clientcertificate", "it is an accident of Pomerium's loader"),
    api_only("created_at"),
    api_only("enforced_policies"),
    api_only("id"),
    api_only("jwt_groups_filter"),
    api_only("jwt_groups_filter_infer_from_ppl"),
    ignored("jwtgroupsfilter", "it is an accident of Pomerium's loader"),
    api_only("kubernetes_service_account_token_key_pair_id"),
    api_only("load_balancing_weights"),
    api_only("mcp.server.upstream_oauth2.oauth2_endpoint"),
    api_only("modified_at"),
    api_only("namespace_id"),
    api_only("namespace_name"),
    api_only("originator_id"),
    api_only("policies"),
    api_only("policy_ids"),
    api_only("ppl_policies"),
    api_only("stat_name"),
    api_only("statname"),
    api_only("sub_policies.assigned_routes"),
    api_only("sub_policies.created_at"),
    api_only("sub_policies.description"),
    api_only("sub_policies.enforced"),
    api_only("sub_policies.enforced_routes"),
    api_only("sub_policies.modified_at"),
    api_only("sub_policies.namespace_id"),
    api_only("sub_policies.namespace_name"),
    api_only("sub_policies.originator_id"),
    api_only("tls_client_key_pair_id"),
    api_only("tls_custom_ca_key_pair_id"),
    api_only("tls_downstream_client_ca_key_pair_id"),
    api_only("upstream_tunnel.ssh_policy_id"),
];
