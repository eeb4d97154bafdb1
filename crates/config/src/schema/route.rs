//! The options of a route. One line each: name, kind of value, and what happens when it is set.

use super::enums;
use super::key::{Key, Kind, Scope};

const IN: Scope = Scope::Route;

pub(super) static KEYS: &[Key] = &[
    IN.ignored("_to_weights", "Pomerium reads it and never uses it"),
    IN.working("allow_any_authenticated_user", Kind::Bool),
    IN.working("allow_public_unauthenticated_access", Kind::Bool),
    IN.not_yet("allow_spdy", Kind::Bool),
    IN.not_yet("allow_upgrades", Kind::Strings),
    IN.working("allow_websockets", Kind::Bool),
    IN.working("allowed_domains", Kind::Strings),
    IN.removed(
        "allowed_groups",
        "use a `policy` with the criterion `claim/groups`",
    ),
    IN.working("allowed_idp_claims", Kind::Claims),
    IN.working("allowed_users", Kind::Strings),
    IN.not_yet("bearer_token_format", Kind::Enum(&enums::BEARER))
        .or("default"),
    IN.not_yet("circuit_breaker_thresholds", Kind::Object),
    IN.not_yet("circuit_breaker_thresholds.max_connection_pools", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_connections", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_pending_requests", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_requests", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_retries", Kind::Uint),
    IN.working("cors_allow_preflight", Kind::Bool),
    IN.working("depends_on", Kind::Strings)
        .note("hosts of routes, with their port if it is not 443; each signs in by a redirect of its own"),
    IN.working("description", Kind::Text),
    IN.not_yet("enable_google_cloud_serverless_authentication", Kind::Bool),
    IN.working("from", Kind::Text)
        .note("https or http; `*` anywhere in the host"),
    IN.not_yet("health_checks", Kind::StrictObjects),
    IN.not_yet("health_checks.alt_port", Kind::Any),
    IN.not_yet("health_checks.always_log_health_check_failures", Kind::Any),
    IN.not_yet("health_checks.always_log_health_check_success", Kind::Any),
    IN.not_yet("health_checks.grpc_health_check", Kind::Object),
    IN.not_yet("health_checks.grpc_health_check.authority", Kind::Any),
    IN.not_yet("health_checks.grpc_health_check.service_name", Kind::Any),
    IN.not_yet("health_checks.healthy_edge_interval", Kind::Any),
    IN.not_yet("health_checks.healthy_threshold", Kind::Any),
    IN.not_yet("health_checks.http_health_check", Kind::Object),
    IN.not_yet("health_checks.http_health_check.codec_client_type", Kind::Any),
    IN.not_yet("health_checks.http_health_check.expected_statuses", Kind::Any),
    IN.not_yet("health_checks.http_health_check.host", Kind::Any),
    IN.not_yet("health_checks.http_health_check.path", Kind::Any),
    IN.not_yet("health_checks.http_health_check.receive", Kind::Any),
    IN.not_yet(
        "health_checks.http_health_check.request_headers_to_remove",
        Kind::Any,
    ),
    IN.not_yet("health_checks.http_health_check.response_buffer_size", Kind::Any),
    IN.not_yet("health_checks.http_health_check.retriable_statuses", Kind::Any),
    IN.not_yet("health_checks.http_health_check.send", Kind::Any),
    IN.not_yet("health_checks.initial_jitter", Kind::Any),
    IN.not_yet("health_checks.interval", Kind::Any),
    IN.not_yet("health_checks.interval_jitter", Kind::Any),
    IN.not_yet("health_checks.interval_jitter_percent", Kind::Any),
    IN.not_yet("health_checks.no_traffic_healthy_interval", Kind::Any),
    IN.not_yet("health_checks.no_traffic_interval", Kind::Any),
    IN.not_yet("health_checks.reuse_connection", Kind::Any),
    IN.not_yet("health_checks.tcp_health_check", Kind::Object),
    IN.not_yet("health_checks.tcp_health_check.receive", Kind::Any),
    IN.not_yet("health_checks.tcp_health_check.send", Kind::Any),
    IN.not_yet("health_checks.timeout", Kind::Any),
    IN.not_yet("health_checks.transport_socket_match_criteria", Kind::Any),
    IN.not_yet("health_checks.unhealthy_edge_interval", Kind::Any),
    IN.not_yet("health_checks.unhealthy_interval", Kind::Any),
    IN.not_yet("health_checks.unhealthy_threshold", Kind::Any),
    IN.not_yet("healthy_panic_threshold", Kind::Int),
    IN.refused(
        "host_path_regex_rewrite_pattern",
        Kind::Text,
        "the upstream would see another host and may answer as another site",
    ),
    IN.refused(
        "host_path_regex_rewrite_substitution",
        Kind::Text,
        "the upstream would see another host and may answer as another site",
    ),
    IN.working("host_rewrite", Kind::Text)
        .note("a host, perhaps with a port"),
    IN.working("host_rewrite_header", Kind::HeaderName)
        .note("`cookie`, `host` and headers that Envoy or Portcullis own are refused"),
    IN.not_yet("identity_providers", Kind::Strings),
    IN.working("idle_timeout", Kind::Duration)
        .note("negative times are refused"),
    IN.not_yet("idp_access_token_allowed_audiences", Kind::Strings),
    IN.refused(
        "idp_client_id",
        Kind::Text,
        "a login with the global client would do",
    ),
    IN.refused(
        "idp_client_secret",
        Kind::Text,
        "a login with the global client would do",
    ),
    IN.not_yet("jwt_issuer_format", Kind::Enum(&enums::ISSUER))
        .or("hostOnly"),
    IN.refused(
        "kubernetes_service_account_token",
        Kind::Text,
        "requests would reach the API server as they came",
    ),
    IN.refused(
        "kubernetes_service_account_token_file",
        Kind::Text,
        "requests would reach the API server as they came",
    ),
    IN.not_yet("load_balancing_policy", Kind::Enum(&enums::BALANCING))
        .or("round_robin"),
    IN.working("logo_url", Kind::Text)
        .note("the list of routes shows a `data:` URL or a path, and nothing from elsewhere"),
    IN.not_yet("mcp", Kind::Object),
    IN.not_yet("mcp.client", Kind::Object),
    IN.not_yet("mcp.server", Kind::Object),
    IN.not_yet("mcp.server.authorization_server_url", Kind::Text),
    IN.not_yet("mcp.server.max_request_bytes", Kind::Uint).or("4096"),
    IN.not_yet("mcp.server.path", Kind::Text),
    IN.not_yet("mcp.server.upstream_oauth2", Kind::Object),
    IN.not_yet("mcp.server.upstream_oauth2.authorization_url_params", Kind::Map),
    IN.not_yet("mcp.server.upstream_oauth2.client_id", Kind::Text),
    IN.not_yet("mcp.server.upstream_oauth2.client_secret", Kind::Text),
    IN.not_yet("mcp.server.upstream_oauth2.endpoint", Kind::Object),
    IN.not_yet(
        "mcp.server.upstream_oauth2.endpoint.auth_style",
        Kind::Enum(&enums::AUTH_STYLE),
    ),
    IN.not_yet("mcp.server.upstream_oauth2.endpoint.auth_url", Kind::Text),
    IN.not_yet("mcp.server.upstream_oauth2.endpoint.token_url", Kind::Text),
    IN.not_yet("mcp.server.upstream_oauth2.scopes", Kind::Strings),
    IN.working("name", Kind::Text),
    IN.not_yet("outlier_detection", Kind::Object),
    IN.not_yet("outlier_detection.always_eject_one_host", Kind::Any),
    IN.not_yet("outlier_detection.base_ejection_time", Kind::Any),
    IN.not_yet("outlier_detection.consecutive_5xx", Kind::Any),
    IN.not_yet("outlier_detection.consecutive_gateway_failure", Kind::Any),
    IN.not_yet("outlier_detection.consecutive_local_origin_failure", Kind::Any),
    IN.not_yet("outlier_detection.enforcing_consecutive_5xx", Kind::Any),
    IN.not_yet(
        "outlier_detection.enforcing_consecutive_gateway_failure",
        Kind::Any,
    ),
    IN.not_yet(
        "outlier_detection.enforcing_consecutive_local_origin_failure",
        Kind::Any,
    ),
    IN.not_yet("outlier_detection.enforcing_failure_percentage", Kind::Any),
    IN.not_yet(
        "outlier_detection.enforcing_failure_percentage_local_origin",
        Kind::Any,
    ),
    IN.not_yet("outlier_detection.enforcing_local_origin_success_rate", Kind::Any),
    IN.not_yet("outlier_detection.enforcing_success_rate", Kind::Any),
    IN.not_yet("outlier_detection.failure_percentage_minimum_hosts", Kind::Any),
    IN.not_yet("outlier_detection.failure_percentage_request_volume", Kind::Any),
    IN.not_yet("outlier_detection.failure_percentage_threshold", Kind::Any),
    IN.not_yet("outlier_detection.interval", Kind::Any),
    IN.not_yet("outlier_detection.max_ejection_percent", Kind::Any),
    IN.not_yet("outlier_detection.max_ejection_time", Kind::Any),
    IN.not_yet("outlier_detection.max_ejection_time_jitter", Kind::Any),
    IN.not_yet("outlier_detection.split_external_local_origin_errors", Kind::Any),
    IN.not_yet("outlier_detection.success_rate_minimum_hosts", Kind::Any),
    IN.not_yet("outlier_detection.success_rate_request_volume", Kind::Any),
    IN.not_yet("outlier_detection.success_rate_stdev_factor", Kind::Any),
    IN.not_yet(
        "outlier_detection.successful_active_health_check_uneject_host",
        Kind::Any,
    ),
    IN.working("pass_identity_headers", Kind::Bool),
    IN.working("path", Kind::Text),
    IN.working("policy", Kind::Ppl),
    IN.working("prefix", Kind::Text),
    IN.working("prefix_rewrite", Kind::Text)
        .note("a path of visible ASCII that begins with a slash"),
    IN.working("preserve_host_header", Kind::Bool),
    IN.working("redirect", Kind::Object)
        .note("a warning where it leads back to the same URL"),
    IN.working("redirect.host_redirect", Kind::Text)
        .note("a host, perhaps with a port"),
    IN.working("redirect.https_redirect", Kind::Bool),
    IN.working("redirect.path_redirect", Kind::Text)
        .note("a path of visible ASCII that begins with a slash"),
    IN.working("redirect.port_redirect", Kind::Uint)
        .note("at most 65535"),
    IN.working("redirect.prefix_rewrite", Kind::Text)
        .note("a path of visible ASCII that begins with a slash"),
    IN.working("redirect.response_code", Kind::RedirectCode),
    IN.working("redirect.scheme_redirect", Kind::Text)
        .note("`http` or `https`"),
    IN.working("redirect.strip_query", Kind::Bool),
    IN.working("regex", Kind::Text)
        .note("RE2, at most 4,096 characters and 1,000 repetitions; what RE2 lacks is refused at once"),
    IN.ignored(
        "regex_priority_order",
        "it orders routes of the API alone; those of a file stay in their order",
    ),
    IN.refused(
        "regex_rewrite_pattern",
        Kind::Text,
        "requests would go elsewhere upstream",
    ),
    IN.refused(
        "regex_rewrite_substitution",
        Kind::Text,
        "requests would go elsewhere upstream",
    ),
    IN.working("remove_request_headers", Kind::RemovedHeaders)
        .note("`host`, `x-envoy-upstream-*` and `x-portcullis-*` are refused"),
    IN.working("response", Kind::Object),
    IN.working("response.body", Kind::Text)
        .note("at most 4,096 bytes; none with status 204, 205 or 304"),
    IN.working("response.status", Kind::Int)
        .note("200 to 599"),
    IN.not_yet("rewrite_response_headers", Kind::Objects),
    IN.not_yet("rewrite_response_headers.header", Kind::HeaderName),
    IN.not_yet("rewrite_response_headers.prefix", Kind::Text),
    IN.not_yet("rewrite_response_headers.value", Kind::Text),
    IN.not_yet("session_recording", Kind::Object),
    IN.not_yet("session_recording.enabled", Kind::Bool),
    IN.removed(
        "set_authorization_header",
        "use `set_request_headers` with a template such as `Bearer ${pomerium.id_token}`",
    ),
    IN.working("set_request_headers", Kind::RequestHeaders)
        .note("`cookie`, `host`, framing headers, `x-pomerium-*`, `x-portcullis-*`, `x-envoy-*` and headers that a claim fills are refused"),
    IN.working("set_response_headers", Kind::ResponseHeaders)
        .note("as written: `%` is not filled in by Envoy; framing headers and `set-cookie` are refused"),
    IN.working("show_error_details", Kind::Bool)
        .note("shows readable reasons and what the sub-policies say, nothing else of the policy"),
    IN.working("sub_policies", Kind::Objects)
        .note("lists and rules beside the route's own"),
    IN.working("sub_policies.allowed_domains", Kind::Strings)
        .note("appended to the route's own"),
    IN.working("sub_policies.allowed_idp_claims", Kind::Claims)
        .note("appended to the route's own"),
    IN.working("sub_policies.allowed_users", Kind::Strings)
        .note("appended to the route's own"),
    IN.working("sub_policies.explanation", Kind::Text)
        .note("shown with `show_error_details`; at most 2,048 bytes"),
    IN.working("sub_policies.id", Kind::Text)
        .note("says nothing"),
    IN.working("sub_policies.name", Kind::Text)
        .note("says nothing"),
    IN.refused(
        "sub_policies.rego",
        Kind::Strings,
        "what it denies would be let in",
    ),
    IN.working("sub_policies.remediation", Kind::Text)
        .note("shown with `show_error_details`; at most 2,048 bytes"),
    IN.working("sub_policies.source_ppl", Kind::Text)
        .note("a policy as text; its rules stand beside the route's own"),
    IN.working("timeout", Kind::Duration)
        .note("negative times are refused"),
    IN.not_yet("tls_client_cert", Kind::Pem),
    IN.not_yet("tls_client_cert_file", Kind::Text),
    IN.not_yet("tls_client_key", Kind::Pem),
    IN.not_yet("tls_client_key_file", Kind::Text),
    IN.working("tls_custom_ca", Kind::Base64)
        .note("base64 of PEM certificates"),
    IN.working("tls_custom_ca_file", Kind::Text)
        .note("PEM certificates"),
    IN.refused(
        "tls_downstream_client_ca",
        Kind::Base64,
        "clients would pass without their certificate being checked",
    ),
    IN.refused(
        "tls_downstream_client_ca_file",
        Kind::Text,
        "clients would pass without their certificate being checked",
    ),
    IN.not_yet("tls_downstream_server_name", Kind::Text),
    IN.alias("tls_server_name", Kind::Text, "tls_upstream_server_name"),
    IN.working("tls_skip_verify", Kind::Bool)
        .note("with a warning"),
    IN.not_yet("tls_upstream_allow_renegotiation", Kind::Bool),
    IN.working("tls_upstream_server_name", Kind::Text)
        .note("a host name or an IP address"),
    IN.working("to", Kind::To)
        .note("http, https and h2c, mixed or not; at most 1,000 URLs"),
    IN.refused(
        "upstream_tunnel",
        Kind::Object,
        "requests would go elsewhere upstream",
    ),
    IN.refused(
        "upstream_tunnel.ssh_policy",
        Kind::Any,
        "requests would go elsewhere upstream",
    ),
    IN.refused(
        "upstream_tunnel.ssh_policy_rego",
        Kind::Strings,
        "requests would go elsewhere upstream",
    ),
];

/// Names that a file cannot set, known so that whoever copies them from elsewhere is told.
pub(super) static FOREIGN: &[Key] = &[
    IN.api_only("assigned_policies"),
    IN.ignored("clientcertificate", "it is an accident of Pomerium's loader"),
    IN.api_only("created_at"),
    IN.api_only("enforced_policies"),
    IN.api_only("id"),
    IN.api_only("jwt_groups_filter"),
    IN.api_only("jwt_groups_filter_infer_from_ppl"),
    IN.ignored("jwtgroupsfilter", "it is an accident of Pomerium's loader"),
    IN.api_only("kubernetes_service_account_token_key_pair_id"),
    IN.api_only("load_balancing_weights"),
    IN.api_only("mcp.server.upstream_oauth2.oauth2_endpoint"),
    IN.api_only("modified_at"),
    IN.api_only("namespace_id"),
    IN.api_only("namespace_name"),
    IN.api_only("originator_id"),
    IN.api_only("policies"),
    IN.api_only("policy_ids"),
    IN.api_only("ppl_policies"),
    IN.api_only("stat_name"),
    IN.api_only("statname"),
    IN.api_only("sub_policies.assigned_routes"),
    IN.api_only("sub_policies.created_at"),
    IN.api_only("sub_policies.description"),
    IN.api_only("sub_policies.enforced"),
    IN.api_only("sub_policies.enforced_routes"),
    IN.api_only("sub_policies.modified_at"),
    IN.api_only("sub_policies.namespace_id"),
    IN.api_only("sub_policies.namespace_name"),
    IN.api_only("sub_policies.originator_id"),
    IN.api_only("tls_client_key_pair_id"),
    IN.api_only("tls_custom_ca_key_pair_id"),
    IN.api_only("tls_downstream_client_ca_key_pair_id"),
    IN.api_only("upstream_tunnel.ssh_policy_id"),
];
