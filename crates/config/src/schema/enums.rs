//! The enumerations among the options.

use super::key::Enumeration;

const fn words(prefix: &'static str, values: &'static [&'static str]) -> Enumeration {
    Enumeration {
        prefix,
        values,
        exact: false,
    }
}

pub(super) static AUTH_STYLE: Enumeration = words("OAUTH2_AUTH_STYLE_IN", &["params", "header"]);
pub(super) static SAME_SITE: Enumeration = words("", &["strict", "lax", "none"]);
pub(super) static PATH_PARAMETERS: Enumeration = words("", &["allow", "reject"]);
pub(super) static DNS_FAMILY: Enumeration = Enumeration {
    prefix: "",
    values: &["AUTO", "V4_ONLY", "V6_ONLY", "V4_PREFERRED", "ALL"],
    exact: true,
};
pub(super) static UNDERSCORES: Enumeration = words(
    "HEADERS_WITH_UNDERSCORES_ACTION",
    &["allow", "reject_request", "drop_header"],
);
pub(super) static CODEC: Enumeration = words("CODEC_TYPE", &["auto", "http1", "http2", "http3"]);
pub(super) static BEARER: Enumeration = words(
    "BEARER_TOKEN_FORMAT",
    &[
        "unknown",
        "default",
        "idp_access_token",
        "idp_identity_token",
        "jwt",
    ],
);
pub(super) static OTLP: Enumeration = words("", &["grpc", "http/protobuf"]);
pub(super) static ISSUER: Enumeration = words("", &["hostOnly", "uri"]);
pub(super) static ESCAPED_SLASHES: Enumeration = words(
    "PATH_WITH_ESCAPED_SLASHES_ACTION",
    &[
        "keep_unchanged",
        "reject_request",
        "unescape_and_redirect",
        "unescape_and_forward",
    ],
);
pub(super) static STORAGE: Enumeration = words("", &["memory", "file", "postgres"]);
pub(super) static EXPORTER: Enumeration = words("", &["otlp", "none", "noop"]);
pub(super) static ENFORCEMENT: Enumeration =
    words("", &["policy_with_default_deny", "policy", "reject_connection"]);
pub(super) static BALANCING: Enumeration = words(
    "LOAD_BALANCING_POLICY",
    &[
        "unspecified",
        "round_robin",
        "maglev",
        "random",
        "ring_hash",
        "least_request",
    ],
);
pub(super) static LOG_LEVEL: Enumeration = words(
    "",
    &[
        "trace", "debug", "info", "warn", "warning", "error", "critical", "fatal", "panic", "off", "none",
        "disabled",
    ],
);
pub(super) static PROVIDER: Enumeration = words(
    "",
    &[
        "apple", "auth0", "azure", "cognito", "github", "gitlab", "google", "hosted", "oidc", "okta",
        "onelogin", "ping",
    ],
);
