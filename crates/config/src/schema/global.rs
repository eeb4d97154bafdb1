//! The options outside routes. One line each: name, kind of value, and what happens when it is set.

use super::enums;
use super::key::{Key, Kind, Scope};

const IN: Scope = Scope::Global;

pub(super) static KEYS: &[Key] = &[
    IN.not_yet("access_log_fields", Kind::Strings),
    IN.working("address", Kind::Text),
    IN.not_yet("allow_upgrades", Kind::Strings),
    IN.not_yet("authenticate_internal_service_url", Kind::Text),
    IN.working("authenticate_service_url", Kind::Text),
    IN.working("authorize_internal_service_url", Kind::Text)
        .note("wins over the others; for the control plane as a process of its own"),
    IN.not_yet("authorize_log_fields", Kind::Strings),
    IN.alias("authorize_service_url", Kind::Text, "authorize_service_urls"),
    IN.working("authorize_service_urls", Kind::Strings)
        .note("http or https, host and port; for the control plane as a process of its own"),
    IN.not_yet("auto_apply_changesets", Kind::Bool),
    IN.not_yet("autocert", Kind::Bool),
    IN.not_yet("autocert_ca", Kind::Text),
    IN.not_yet("autocert_dir", Kind::Text),
    IN.not_yet("autocert_eab_key_id", Kind::Text),
    IN.not_yet("autocert_eab_mac_key", Kind::Text),
    IN.not_yet("autocert_email", Kind::Text),
    IN.not_yet("autocert_must_staple", Kind::Bool),
    IN.not_yet("autocert_trusted_ca", Kind::Base64),
    IN.not_yet("autocert_trusted_ca_file", Kind::Text),
    IN.not_yet("autocert_use_staging", Kind::Bool),
    IN.not_yet("bearer_token_format", Kind::Enum(&enums::BEARER))
        .or("default"),
    IN.not_yet("blob_storage", Kind::Object),
    IN.not_yet("blob_storage.bucket_uri", Kind::Text),
    IN.not_yet("blob_storage.managed_prefix", Kind::Text),
    IN.working("certificate", Kind::Pem).note("base64 of PEM"),
    IN.not_yet("certificate_authority", Kind::Base64),
    IN.not_yet("certificate_authority_file", Kind::Text),
    IN.working("certificate_file", Kind::Text),
    IN.working("certificate_key", Kind::Pem).note("base64 of PEM"),
    IN.working("certificate_key_file", Kind::Text),
    IN.working("certificates", Kind::Objects),
    IN.working("certificates.cert", Kind::Text),
    IN.working("certificates.key", Kind::Text),
    IN.not_yet("circuit_breaker_thresholds", Kind::Object),
    IN.not_yet("circuit_breaker_thresholds.max_connection_pools", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_connections", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_pending_requests", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_requests", Kind::Uint),
    IN.not_yet("circuit_breaker_thresholds.max_retries", Kind::Uint),
    IN.removed("client_ca", "use `downstream_mtls.ca`"),
    IN.removed("client_ca_file", "use `downstream_mtls.ca_file`"),
    IN.not_yet("codec_type", Kind::Enum(&enums::CODEC)).or("auto"),
    IN.working("cookie_domain", Kind::Text)
        .note("a warning where it does not cover the authenticate host or a route"),
    IN.working("cookie_expire", Kind::Duration).or("14h"),
    IN.working("cookie_http_only", Kind::Bool).or("true"),
    IN.working("cookie_name", Kind::Text),
    IN.working("cookie_same_site", Kind::Enum(&enums::SAME_SITE)),
    IN.working("cookie_secret", Kind::Strings)
        .note("one, or a list of up to eight: the first seals, all open"),
    IN.working("cookie_secret_file", Kind::Strings)
        .note("a file may hold several, with commas or line ends between them"),
    IN.working("darkmode_primary_color", Kind::Text)
        .note("`#rgb` or `#rrggbb`; only of the API in Pomerium"),
    IN.working("darkmode_secondary_color", Kind::Text)
        .note("`#rgb` or `#rrggbb`; only of the API in Pomerium"),
    IN.not_yet("databroker_cluster_leader_id", Kind::Text),
    IN.not_yet("databroker_cluster_node_id", Kind::Text),
    IN.not_yet("databroker_cluster_nodes", Kind::Objects),
    IN.not_yet("databroker_cluster_nodes.grpc_address", Kind::Text),
    IN.not_yet("databroker_cluster_nodes.id", Kind::Text),
    IN.not_yet("databroker_cluster_nodes.raft_address", Kind::Text),
    IN.not_yet("databroker_internal_service_url", Kind::Text),
    IN.not_yet("databroker_raft_bind_address", Kind::Text),
    IN.alias("databroker_service_url", Kind::Text, "databroker_service_urls"),
    IN.not_yet("databroker_service_urls", Kind::Strings),
    IN.working("databroker_storage_connection_string", Kind::Text),
    IN.not_yet("databroker_storage_connection_string_file", Kind::Text),
    IN.working("databroker_storage_type", Kind::Enum(&enums::STORAGE))
        .or("memory"),
    IN.not_yet("debug_address", Kind::Text),
    IN.working("default_upstream_timeout", Kind::Duration)
        .or("30s")
        .note("negative times are refused"),
    IN.not_yet("dns_failure_refresh_rate", Kind::Duration),
    IN.not_yet("dns_lookup_family", Kind::Enum(&enums::DNS_FAMILY))
        .or("V4_PREFERRED"),
    IN.not_yet("dns_query_timeout", Kind::Duration),
    IN.not_yet("dns_query_tries", Kind::Uint),
    IN.not_yet("dns_refresh_rate", Kind::Duration),
    IN.refused(
        "dns_resolvers",
        Kind::Strings,
        "upstream names would be resolved elsewhere",
    ),
    IN.not_yet("dns_udp_max_queries", Kind::Uint).or("100"),
    IN.not_yet("dns_use_tcp", Kind::Bool),
    IN.group("downstream_mtls"),
    IN.working("downstream_mtls.ca", Kind::Base64)
        .note("base64 of PEM; each must be the certificate of an authority"),
    IN.working("downstream_mtls.ca_file", Kind::Text),
    IN.working("downstream_mtls.crl", Kind::Base64)
        .note("base64 of PEM; one list for an issuer, of all of its certificates"),
    IN.working("downstream_mtls.crl_file", Kind::Text)
        .note("a list that has expired says nothing: no certificate of its issuer is valid"),
    IN.working("downstream_mtls.enforcement", Kind::Enum(&enums::ENFORCEMENT))
        .or("policy_with_default_deny")
        .note("`reject_connection` is refused"),
    IN.working("downstream_mtls.match_subject_alt_names", Kind::Any)
        .note("a list of maps of one entry: `dns`, `email`, `ip_address`, `uri` or `user_principal_name`, and an expression for whole names"),
    IN.working("downstream_mtls.max_verify_depth", Kind::Uint)
        .or("1")
        .note("0 is no limit"),
    IN.not_yet("envoy_admin_access_log_path", Kind::Text)
        .or("/dev/null"),
    IN.not_yet("envoy_admin_address", Kind::Text),
    IN.not_yet("envoy_admin_profile_path", Kind::Text).or("/dev/null"),
    IN.not_yet("envoy_bind_config_freebind", Kind::Bool),
    IN.not_yet("envoy_bind_config_source_address", Kind::Text),
    IN.not_yet("envoy_dynamic_extensions", Kind::Strings),
    IN.working("error_message_first_paragraph", Kind::Text)
        .note("plain text of at most 1,000 characters; only of the API in Pomerium"),
    IN.working("favicon_url", Kind::Text)
        .note("a `data:` URL or a path; only of the API in Pomerium"),
    IN.not_yet(
        "google_cloud_serverless_authentication_service_account",
        Kind::Text,
    ),
    IN.working("grpc_address", Kind::Text)
        .note("IP:PORT, :PORT or unix:///path; for the control plane as a process of its own"),
    IN.not_yet("grpc_client_timeout", Kind::Duration).or("10s"),
    IN.working("grpc_insecure", Kind::Bool)
        .note("for the control plane as a process of its own"),
    IN.not_yet("headers_with_underscores_action", Kind::Enum(&enums::UNDERSCORES))
        .or("reject_request"),
    IN.working("health_check_addr", Kind::Text),
    IN.not_yet("health_check_systemd_disabled", Kind::Bool),
    IN.not_yet("http_redirect_addr", Kind::Text),
    IN.not_yet("identity_providers", Kind::Named),
    IN.not_yet("identity_providers.<name>.audiences", Kind::Strings),
    IN.not_yet("identity_providers.<name>.issuer", Kind::Text),
    IN.not_yet("identity_providers.<name>.jwks_url", Kind::Text),
    IN.not_yet("identity_providers.<name>.supported_algs", Kind::Strings),
    IN.not_yet("idp_access_token_allowed_audiences", Kind::Strings),
    IN.working("idp_client_id", Kind::Text),
    IN.working("idp_client_secret", Kind::Text),
    IN.working("idp_client_secret_file", Kind::Text),
    IN.working("idp_provider", Kind::Enum(&enums::PROVIDER)),
    IN.working("idp_provider_url", Kind::Text),
    IN.removed(
        "idp_qps",
        "groups now come from the claims of the identity provider; remove it",
    ),
    IN.removed(
        "idp_refresh_directory_interval",
        "groups now come from the claims of the identity provider; remove it",
    ),
    IN.removed(
        "idp_refresh_directory_timeout",
        "groups now come from the claims of the identity provider; remove it",
    ),
    // They travel through the browser, so nobody can rely on them for safety.
    IN.not_yet("idp_request_params", Kind::Map),
    IN.working("idp_scopes", Kind::Strings),
    IN.removed(
        "idp_service_account",
        "groups now come from the claims of the identity provider; remove it",
    ),
    IN.working("insecure_server", Kind::Bool)
        .note("without a port in `address`, 80"),
    IN.not_yet("installation_id", Kind::Text),
    IN.working("jwt_claims_headers", Kind::ClaimsHeaders),
    IN.not_yet("jwt_issuer_format", Kind::Enum(&enums::ISSUER))
        .or("hostOnly"),
    IN.working("log_level", Kind::Enum(&enums::LOG_LEVEL)).or("info"),
    IN.working("logo_url", Kind::Text)
        .note("a `data:` URL or a path; only of the API in Pomerium"),
    IN.not_yet("mcp_allowed_as_metadata_domains", Kind::Strings),
    IN.not_yet("mcp_allowed_client_id_domains", Kind::Strings),
    IN.not_yet("merge_slashes", Kind::Bool).or("true"),
    IN.not_yet("metrics_address", Kind::Text),
    IN.not_yet("metrics_basic_auth", Kind::Text),
    IN.not_yet("metrics_certificate", Kind::Base64),
    IN.not_yet("metrics_certificate_file", Kind::Text),
    IN.not_yet("metrics_certificate_key", Kind::Base64),
    IN.not_yet("metrics_certificate_key_file", Kind::Text),
    IN.not_yet("metrics_client_ca", Kind::Base64),
    IN.not_yet("metrics_client_ca_file", Kind::Text),
    IN.not_yet("normalize_path", Kind::Bool).or("true"),
    IN.not_yet("otel_attribute_value_length_limit", Kind::Int),
    IN.not_yet("otel_bsp_max_export_batch_size", Kind::Int).or("512"),
    IN.not_yet("otel_bsp_schedule_delay", Kind::Int).or("5000"),
    IN.not_yet("otel_exporter_otlp_endpoint", Kind::Text),
    IN.not_yet("otel_exporter_otlp_headers", Kind::Strings),
    IN.not_yet("otel_exporter_otlp_protocol", Kind::Enum(&enums::OTLP)),
    IN.not_yet("otel_exporter_otlp_timeout", Kind::Int),
    IN.not_yet("otel_exporter_otlp_traces_endpoint", Kind::Text),
    IN.not_yet("otel_exporter_otlp_traces_headers", Kind::Strings),
    IN.not_yet("otel_exporter_otlp_traces_protocol", Kind::Enum(&enums::OTLP)),
    IN.not_yet("otel_exporter_otlp_traces_timeout", Kind::Int),
    IN.not_yet("otel_log_level", Kind::Text),
    IN.not_yet("otel_resource_attributes", Kind::Strings),
    IN.not_yet("otel_traces_exporter", Kind::Enum(&enums::EXPORTER))
        .or("none"),
    IN.not_yet("otel_traces_sampler_arg", Kind::Float).or("1.0"),
    IN.not_yet("override_certificate_name", Kind::Text),
    IN.working("pass_identity_headers", Kind::Bool),
    IN.working("path_parameters", Kind::Enum(&enums::PATH_PARAMETERS))
        .note("not of Pomerium; `reject` refuses paths with `;`, as is the default behind an Envoy that is not ours"),
    IN.not_yet(
        "path_with_escaped_slashes_action",
        Kind::Enum(&enums::ESCAPED_SLASHES),
    )
    .or("reject_request"),
    IN.alias("policy", Kind::Routes, "routes"),
    IN.removed("policy_file", "put the routes under `routes`"),
    IN.working("primary_color", Kind::Text)
        .note("`#rgb` or `#rrggbb`; only of the API in Pomerium"),
    IN.working("programmatic_redirect_domain_whitelist", Kind::Strings)
        .or("localhost")
        .note("hosts alone; to others than this machine only https leads"),
    IN.not_yet("proxy_log_level", Kind::Enum(&enums::LOG_LEVEL)),
    IN.working("routes", Kind::Routes),
    IN.group("runtime_flags"),
    IN.not_yet("runtime_flags.add_extra_metrics_labels", Kind::Bool)
        .or("true"),
    IN.working("runtime_flags.allow_any_sign_out_redirect_uri", Kind::Bool),
    IN.not_yet("runtime_flags.authorize_use_synced_data", Kind::Bool)
        .or("true"),
    IN.not_yet("runtime_flags.config_hot_reload", Kind::Bool)
        .or("true"),
    IN.not_yet("runtime_flags.debug_admin_endpoints", Kind::Bool),
    IN.not_yet("runtime_flags.envoy_resource_manager", Kind::Bool)
        .or("true"),
    IN.not_yet("runtime_flags.grpc_databroker_keepalive", Kind::Bool)
        .or("true"),
    IN.not_yet("runtime_flags.match_any_incoming_port", Kind::Bool)
        .or("true"),
    IN.not_yet("runtime_flags.mcp", Kind::Bool).or("true"),
    IN.not_yet("runtime_flags.mcp_dynamic_client_registration", Kind::Bool),
    IN.working("runtime_flags.pomerium_jwt_endpoint", Kind::Bool),
    IN.not_yet("runtime_flags.refresh_session_at_id_token_expiration", Kind::Bool)
        .or("true"),
    IN.working("runtime_flags.routes_portal", Kind::Bool).or("true"),
    IN.not_yet("runtime_flags.set_envoy_concurrency_to_go_max_procs", Kind::Bool)
        .or("true"),
    IN.not_yet("runtime_flags.ssh_allow_direct_tcpip", Kind::Bool),
    IN.not_yet("runtime_flags.ssh_routes_portal", Kind::Bool),
    IN.not_yet("runtime_flags.ssh_upstream_tunnel", Kind::Bool),
    IN.working("secondary_color", Kind::Text)
        .note("`#rgb` or `#rrggbb`; only of the API in Pomerium"),
    IN.not_yet("services", Kind::Services).or("all"),
    IN.not_yet("session_recording_concurrency", Kind::Uint),
    IN.working("set_response_headers", Kind::ResponseHeaders)
        .note("as written: `%` is not filled in by Envoy; framing headers and `set-cookie` are refused"),
    IN.working("shared_secret", Kind::Strings)
        .note("one, or a list of up to eight: the first seals, signs and derives, all open and verify"),
    IN.working("shared_secret_file", Kind::Strings)
        .note("a file may hold several, with commas or line ends between them"),
    IN.working("signing_key", Kind::Text)
        .note("up to eight blocks: the first signs, all are published"),
    IN.working("signing_key_file", Kind::Text)
        .note("up to eight blocks: the first signs, all are published"),
    IN.working("signout_redirect_url", Kind::Text),
    IN.not_yet("skip_xff_append", Kind::Bool),
    IN.not_yet("ssh_address", Kind::Text),
    IN.not_yet("ssh_host_key_files", Kind::Strings),
    IN.not_yet("ssh_host_keys", Kind::Strings),
    IN.not_yet("ssh_rls_additional_entries", Kind::Objects),
    IN.not_yet("ssh_rls_additional_entries.key", Kind::Text),
    IN.not_yet("ssh_rls_additional_entries.value", Kind::Text),
    IN.not_yet("ssh_rls_enabled", Kind::Bool),
    IN.not_yet("ssh_user_ca_key", Kind::Text),
    IN.not_yet("ssh_user_ca_key_file", Kind::Text),
    IN.working("timeout_idle", Kind::Duration)
        .or("5m")
        .note("negative times are refused"),
    IN.working("timeout_read", Kind::Duration)
        .or("30s")
        .note("negative times are refused"),
    IN.working("timeout_write", Kind::Duration)
        .or("0")
        .note("negative times are refused"),
    IN.not_yet("tls_derive", Kind::Text),
    IN.removed("tracing_datadog_address", "use the `otel_` options"),
    IN.removed("tracing_jaeger_agent_endpoint", "use the `otel_` options"),
    IN.removed("tracing_jaeger_collector_endpoint", "use the `otel_` options"),
    IN.removed("tracing_provider", "use the `otel_` options"),
    IN.removed("tracing_sample_rate", "use the `otel_` options"),
    IN.removed("tracing_zipkin_endpoint", "use the `otel_` options"),
    IN.not_yet("use_proxy_protocol", Kind::Bool),
    IN.working("xff_num_trusted_hops", Kind::Uint).or("0"),
];

/// Names that a file cannot set, known so that whoever copies them from elsewhere is told.
pub(super) static FOREIGN: &[Key] = &[
    IN.ignored("additionalpolicies", "it is an accident of Pomerium's loader"),
    IN.api_only("autocert_ca_key_pair_id"),
    IN.api_only("autocert_trusted_ca_key_pair_id"),
    IN.ignored("brandingoptions", "it is an accident of Pomerium's loader"),
    IN.api_only("certificate_authority_key_pair_id"),
    IN.api_only("certificate_key_pair_ids"),
    IN.ignored("certificatedata", "it is an accident of Pomerium's loader"),
    IN.api_only("certificates.cert_bytes"),
    IN.api_only("certificates.id"),
    IN.api_only("certificates.key_bytes"),
    IN.api_only("cluster_id"),
    IN.api_only("created_at"),
    IN.api_only("databroker_cluster_nodes.nodes"),
    IN.api_only("derive_tls"),
    IN.api_only("directory_provider"),
    IN.api_only("directory_provider_options"),
    IN.api_only("directory_provider_refresh_interval"),
    IN.api_only("directory_provider_refresh_timeout"),
    IN.api_only("downstream_mtls.ca_key_pair_id"),
    IN.api_only("downstream_mtls.match_subject_alt_names.pattern"),
    IN.api_only("downstream_mtls.match_subject_alt_names.san_type"),
    IN.ignored("headersenv", "it is an accident of Pomerium's loader"),
    IN.api_only("http3_advertise_port"),
    IN.api_only("http3advertiseport"),
    IN.api_only("id"),
    IN.api_only("insecureskipmcpmetadatassrfcheck"),
    IN.api_only("jwt_groups_filter"),
    IN.api_only("jwt_groups_filter_infer_from_ppl"),
    IN.ignored("jwtgroupsfilter", "it is an accident of Pomerium's loader"),
    IN.api_only("metrics_client_ca_key_pair_id"),
    IN.api_only("modified_at"),
    IN.api_only("name"),
    IN.api_only("namespace_id"),
    IN.api_only("originator_id"),
    IN.api_only("request_params"),
    IN.api_only("scopes"),
    IN.ignored("setresponseheaders", "it is an accident of Pomerium's loader"),
    IN.api_only("ssh_host_key_pair_ids"),
    IN.api_only("ssh_user_ca_key_pair_id"),
];
