//! Environment variables over the file.

#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;

use std::path::Path;

use portcullis_config::{Parsed, Source, file_references, parse_with_environment};

fn read(text: &str, variables: &[(&str, &str)]) -> Parsed {
    let source = Source {
        name: "config.yaml".into(),
        text: text.into(),
    };
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse_with_environment(&[source], variables)
}

#[test]
fn a_variable_wins_over_the_file() {
    let variables = [
        ("ADDRESS", ":8443"),
        ("CERTIFICATE_FILE", "c.pem"),
        ("CERTIFICATE_KEY_FILE", "k.pem"),
        ("PASS_IDENTITY_HEADERS", "true"),
        ("JWT_CLAIMS_HEADERS", "email groups"),
        ("COOKIE_EXPIRE", "2h"),
        ("COOKIE_NAME", ""),
        ("HOME", "/root"),
    ];
    let parsed = read("Address: :1\ncookie_name: mine\n", &variables);
    assert_eq!(parsed.diagnostics, []);
    let config = parsed.config.unwrap();
    assert_eq!(config.global.address.port, 8443);
    assert_eq!(config.global.cookie.name, "mine");
    assert_eq!(config.global.cookie.expire.as_secs(), 7_200);
    assert_eq!(config.global.jwt_claims_headers.len(), 2);
    assert!(config.global.pass_identity_headers);
    let files = file_references(&config);
    assert_eq!(files[0].path, Path::new("c.pem"));
    assert_eq!(files[0].span.to_string(), "1:1");
}

#[test]
fn text_stays_text() {
    let idp = [
        ("IDP_PROVIDER", "oidc"),
        ("IDP_PROVIDER_URL", "https://idp.example.com"),
        ("IDP_CLIENT_ID", "007"),
    ];
    assert_eq!(
        read("{}", &idp).config.unwrap().global.idp.unwrap().client_id,
        "007"
    );
}

#[test]
fn a_problem_names_the_variable() {
    let parsed = read(
        "{}",
        &[
            ("ADDRESS", "x y"),
            ("DOWNSTREAM_MTLS_CA_FILE", "ca.pem"),
            ("ROUTES", "W10="),
            ("TIMEOUT_READ", "5"),
        ],
    );
    let mut shown: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|d| format!("{} {} {}:{}", d.severity, d.code, d.file, d.span))
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "error address_invalid $ADDRESS:1:1",
            "error not_implemented_unsafe $DOWNSTREAM_MTLS_CA_FILE:1:1",
            "warning bare_duration $TIMEOUT_READ:1:1",
            "warning not_implemented $ROUTES:1:1",
            "warning not_implemented $TIMEOUT_READ:1:1",
        ]
    );
    assert!(parsed.config.is_none());
}

#[test]
fn what_cannot_be_set_and_must_not_be_ignored_is_an_error() {
    let parsed = read(
        "{}\n",
        &[
            ("DNS_RESOLVERS", "udp://192.0.2.1:53"),
            ("HEADERS", "{}"),
            ("IDP_REQUEST_PARAMS", "{\"acr_values\": \"mfa\"}"),
        ],
    );
    let found: Vec<_> = parsed.diagnostics.iter().map(|d| (&*d.file, d.code)).collect();
    assert_eq!(
        found,
        [
            ("$DNS_RESOLVERS", "not_implemented_unsafe"),
            ("$IDP_REQUEST_PARAMS", "not_implemented"),
            ("$HEADERS", "not_implemented"),
        ]
    );
    assert!(parsed.config.is_none());
}
