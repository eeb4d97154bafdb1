//! Names from old configurations that Pomerium no longer knows, and what became of them.

use super::Scope;

const RETIRED: &[(Scope, &str, &str)] = &[
    (
        Scope::Global,
        "administrators",
        "there is no administrators' list any more; remove it",
    ),
    (
        Scope::Global,
        "authenticate_callback_path",
        "the path is fixed at `/oauth2/callback`; remove it",
    ),
    (
        Scope::Global,
        "cache_service_url",
        "use `databroker_service_urls`",
    ),
    (
        Scope::Global,
        "cookie_secure",
        "cookies are always secure; remove it",
    ),
    (Scope::Global, "debug", "use `log_level: debug`"),
    (
        Scope::Global,
        "forward_auth_url",
        "forward authentication is gone; remove it",
    ),
    (
        Scope::Global,
        "grpc_server_max_connection_age",
        "it has no successor; remove it",
    ),
    (
        Scope::Global,
        "grpc_server_max_connection_age_grace",
        "it has no successor; remove it",
    ),
    (
        Scope::Route,
        "envoy_opts",
        "use the options of their own, such as `health_checks`",
    ),
    (Scope::Route, "lb_policy", "use `load_balancing_policy`"),
    (
        Scope::Route,
        "least_request_lb_config",
        "it has no successor; remove it",
    ),
    (Scope::Route, "maglev_lb_config", "it has no successor; remove it"),
    (
        Scope::Route,
        "ring_hash_lb_config",
        "it has no successor; remove it",
    ),
];

/// What became of an old name.
pub(super) fn successor(scope: Scope, name: &str) -> Option<&'static str> {
    RETIRED
        .iter()
        .find(|(s, n, _)| *s == scope && *n == name)
        .map(|(_, _, help)| *help)
}
