use crate::at;
use crate::support::{COMPLETE, KEY, ROUTE};

at!(address_invalid, 1, 10, "address: x y\n");
at!(api_only_key, 1, 1, "cluster_id: x\n");
at!(bare_duration, 1, 16, "cookie_expire: 60\n");
at!(cookie_expire, 1, 16, "cookie_expire: 0s\n");
at!(cookie_name_invalid, 1, 14, "cookie_name: a b\n");
at!(below_millisecond, 1, 15, "timeout_idle: 5us\n");
at!(cookie_domain_invalid, 1, 16, "cookie_domain: 10.0.0.1\n");
at!(branding_invalid, 1, 16, "primary_color: red\n");
at!(cookie_domain_scope, 1, 16, "cookie_domain: localhost\n");
at!(duplicate_key, 2, 1, "address: :1\nAddress: :2\n");
at!(half_pair, 1, 1, "certificate_file: x\n");
at!(header_name_invalid, 2, 3, "jwt_claims_headers:\n  a b: email\n");
at!(
    header_reserved,
    2,
    3,
    "jwt_claims_headers:\n  X-Envoy-Internal: email\n"
);
at!(
    header_value_invalid,
    2,
    11,
    "set_response_headers:\n  X-Test: \"a\\r\\nb\"\n"
);
at!(
    hosted_authenticate,
    1,
    27,
    "authenticate_service_url: https://authenticate.pomerium.app\n"
);
at!(idp_incomplete, 1, 1, "idp_provider: oidc\n");
at!(not_implemented, 2, 1, "address: :443\nautocert: true\n");
at!(removed_key, 1, 1, "client_ca_file: x\n");
at!(secret_invalid, 1, 16, "shared_secret: abc\n");
at!(
    secret_repeated,
    3,
    5,
    format!("cookie_secret:\n  - {KEY}\n  - {KEY}\n")
);
at!(
    shadowed_key,
    2,
    1,
    format!("shared_secret_file: x\nshared_secret: {KEY}\n")
);
at!(
    storage_connection,
    3,
    39,
    format!(
        "shared_secret: {KEY}\ndatabroker_storage_type: file\ndatabroker_storage_connection_string: /x\n"
    )
);
at!(
    storage_needs_secret,
    1,
    26,
    "databroker_storage_type: file\ndatabroker_storage_connection_string: file:///x\n"
);
at!(url_invalid, 1, 27, "authenticate_service_url: authenticate\n");
at!(unknown_key, 2, 1, "address: :443\nadress: :443\n");
at!(wrong_type, 1, 14, "cookie_name: [a]\n");
at!(wrong_value, 1, 24, "pass_identity_headers: perhaps\n");
at!(
    too_many_problems,
    1001,
    1,
    (0..1500).map(|i| format!("unknown{i}: 1\n")).collect::<String>()
);
at!(
    ignored_part,
    5,
    27,
    format!(
        "{}authenticate_service_url: https://a.example/path\n",
        COMPLETE.replace("authenticate_service_url", "# ")
    )
);

/// Pomerium's default, so there is no place to point at.
#[test]
fn an_unset_authenticate_url_is_reported_at_the_start() {
    let diagnostic = crate::support::only(ROUTE, "hosted_authenticate");
    assert_eq!(diagnostic.span.to_string(), "1:1");
}
