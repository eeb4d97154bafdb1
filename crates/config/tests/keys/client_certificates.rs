//! `downstream_mtls`: what certificates are asked of clients.

use portcullis_config::{ClientCertificates, Pem, RoutePolicy, file_references};
use portcullis_policy::{SanType, compile};

use crate::support::{COMPLETE, ROUTE, codes, config, global, only};

const CA: &str = include_str!("../../src/value/authorities/ca.pem");

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn clients(parts: &str) -> ClientCertificates {
    let text = format!("downstream_mtls: {{ca_file: ca.pem, {parts}}}\n");
    global(&text).client_certificates.unwrap()
}

fn is_file(pem: &Pem, path: &str) -> bool {
    matches!(pem, Pem::File(file) if file.value.to_str() == Some(path))
}

#[test]
fn key_downstream_mtls_ca() {
    assert_eq!(global("{}\n").client_certificates, None);
    let text = format!("downstream_mtls: {{ca: {}}}\n", base64(CA));
    match global(&text).client_certificates.unwrap().authorities {
        Pem::Inline(pem) => {
            assert_eq!(pem.value, CA.as_bytes());
            assert_eq!(pem.span.to_string(), "1:23");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(global("downstream_mtls: {ca: ''}\n").client_certificates, None);
}

#[test]
fn key_downstream_mtls_ca_file() {
    assert!(is_file(&clients("").authorities, "ca.pem"));
    let files = file_references(&config("downstream_mtls: {ca_file: ca.pem, crl_file: a.crl}\n"));
    let files: Vec<_> = files
        .iter()
        .map(|file| (file.key, file.span.to_string()))
        .collect();
    let expected = [
        ("downstream_mtls.ca_file", "1:28".to_owned()),
        ("downstream_mtls.crl_file", "1:46".to_owned()),
    ];
    assert_eq!(files, expected);
}

#[test]
fn key_downstream_mtls_crl() {
    assert_eq!(clients("").revoked, None);
    let revoked = clients("crl: QUJD").revoked;
    assert!(matches!(revoked, Some(Pem::Inline(pem)) if pem.value == b"ABC"));
}

#[test]
fn key_downstream_mtls_crl_file() {
    assert!(
        clients("crl_file: a.crl")
            .revoked
            .is_some_and(|pem| is_file(&pem, "a.crl"))
    );
}

#[test]
fn key_downstream_mtls_enforcement() {
    assert!(clients("").default_deny && clients("enforcement: Policy_With_Default_Deny").default_deny);
    assert!(!clients("enforcement: policy").default_deny);
    // The rule stands behind those of the route itself.
    let criteria = |enforcement: &str| -> Vec<&'static str> {
        let text = format!(
            "{COMPLETE}downstream_mtls: {{ca_file: ca.pem, enforcement: {enforcement}}}\n{ROUTE}    \
             allow_public_unauthenticated_access: true\n"
        );
        let config = config(&text);
        let RoutePolicy::Valid(policy) = &config.routes[0].policy else {
            panic!("{:?}", config.routes[0])
        };
        assert_eq!(
            compile(policy).unwrap().asks_for_certificate(),
            enforcement != "policy"
        );
        policy.criteria().map(|(name, _)| name).collect()
    };
    assert_eq!(criteria("policy"), ["accept"]);
    assert_eq!(
        criteria("policy_with_default_deny"),
        ["accept", "invalid_client_certificate"]
    );
    // A route that says nothing of who may pass is still told so.
    let text = format!("{COMPLETE}downstream_mtls: {{ca_file: ca.pem}}\n{ROUTE}");
    assert_eq!(codes(&text), ["route_denies_all"]);
}

#[test]
fn key_downstream_mtls_match_subject_alt_names() {
    assert_eq!(clients("match_subject_alt_names: []").names, []);
    let names =
        clients("match_subject_alt_names: [{DNS: '.*\\.example\\.com'}, {user_principal_name: a}]").names;
    assert_eq!(
        names,
        [
            (SanType::Dns, ".*\\.example\\.com".to_owned()),
            (SanType::UserPrincipalName, "a".to_owned()),
        ]
    );
}

#[test]
fn key_downstream_mtls_max_verify_depth() {
    assert_eq!(clients("").max_verify_depth, 1);
    assert_eq!(clients("max_verify_depth: 0").max_verify_depth, 0);
    assert_eq!(clients("max_verify_depth: 4294967295").max_verify_depth, u32::MAX);
}

#[test]
fn criteria_about_certificates_have_a_source_where_an_authority_is_set() {
    let with = |globals: &str| {
        format!(
            "{COMPLETE}{globals}{ROUTE}    policy: {{allow: {{and: [{{client_certificate: {{}}}}]}}, \
             deny: {{or: [{{invalid_client_certificate: true}}, {{mcp_tool: a}}]}}}}\n"
        )
    };
    assert_eq!(codes(&with("")), ["no_source", "no_source"]);
    assert_eq!(
        codes(&with("downstream_mtls: {ca_file: ca.pem, enforcement: policy}\n")),
        [""; 0]
    );
    let one = with("").replace("client_certificate: {}", "accept: true");
    assert!(only(&one, "no_source").message.contains("without an authority"));
}
