//! What is an error, what is a warning, what is said nothing about, and what stays within a route.

#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;

use portcullis_config::schema::{Kind, Scope, State, effective_state, keys};
use portcullis_config::{Diagnostic, RoutePolicy, Severity};

use support::{COMPLETE, ROUTE, any_route, codes, only, read};

fn shown(diagnostic: &Diagnostic) -> String {
    diagnostic.to_string()
}

#[test]
fn a_diagnostic_prints_place_message_and_help() {
    let text = format!("{COMPLETE}{ROUTE}    alow_any_authenticated_user: true\n");
    assert_eq!(
        shown(&only(&text, "unknown_key")),
        "warning: unknown_key: config.yaml:8:5: there is no option `alow_any_authenticated_user`\n  \
         help: did you mean `allow_any_authenticated_user`?"
    );
    assert_eq!(
        shown(&only("address: x y\n", "address_invalid")),
        "error: address_invalid: config.yaml:1:10: `address` takes IP:PORT or :PORT, not `x y`"
    );
}

#[test]
fn unknown_options_get_the_best_advice() {
    for (text, help) in [
        ("cookie_nam: x\n", Some("did you mean `cookie_name`?")),
        (
            "runtime_flags: {routes_portl: true}\n",
            Some("did you mean `routes_portal`?"),
        ),
        ("allowed_users: [x]\n", Some("it is an option of a route")),
        (
            "routes: [{cookie_name: x}]\n",
            Some("it is an option of the file, outside of routes"),
        ),
        ("routes: [{lb_policy: x}]\n", Some("use `load_balancing_policy`")),
        (
            "forward_auth_url: x\n",
            Some("forward authentication is gone; remove it"),
        ),
        (
            "circuit_breaker_thresholds: {max_retrys: 1}\n",
            Some("did you mean `max_retries`?"),
        ),
        ("something_else_entirely: 1\n", None),
        ("certificates.cert: x\n", None),
    ] {
        let diagnostic = only(text, "unknown_key");
        assert_eq!(diagnostic.severity, Severity::Warning);
        assert_eq!(diagnostic.help.as_deref(), help, "{text}");
    }
}

#[test]
fn removed_options_are_errors_but_for_the_legacy_list() {
    let error = only(&format!("{ROUTE}    allowed_groups: [admins]\n"), "removed_key");
    assert_eq!((error.severity, error.route), (Severity::Error, Some(0)));
    let legacy = format!("{COMPLETE}{ROUTE}    Allowed_Groups: [admins]\n").replace("routes:", "policy:");
    assert_eq!(codes(&legacy), ["route_denies_all", "removed_key"]);
    assert_eq!(only(&legacy, "removed_key").severity, Severity::Warning);
    assert!(read(&legacy).config.unwrap().routes[0].invalid.is_none());
    assert!(read("client_ca: x\n").config.is_none());
}

/// A value of this kind that says something.
fn a_value(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true",
        Kind::Int | Kind::Uint => "7",
        Kind::Float => "0.5",
        Kind::RedirectCode => "302",
        Kind::Duration => "7s",
        Kind::Strings | Kind::RemovedHeaders | Kind::StrictObjects => "[]",
        Kind::Services => "proxy",
        Kind::Map | Kind::RequestHeaders | Kind::ResponseHeaders => "{a: b}",
        Kind::Object | Kind::Named | Kind::Objects => "{}",
        _ => "text",
    }
}

#[test]
fn every_option_that_is_not_implemented_says_so_when_it_is_set() {
    let mut seen = 0;
    for key in keys().filter(|key| !key.name.contains('.')) {
        let code = match effective_state(key) {
            State::NotYet => "not_implemented",
            State::NotYetUnsafe { .. } => "not_implemented_unsafe",
            _ => continue,
        };
        let value = match (key.kind, code) {
            (Kind::Enum(words), _) => words
                .values
                .iter()
                .rev()
                .find(|word| Some(**word) != key.default)
                .copied()
                .unwrap_or_default(),
            (Kind::Strings | Kind::RemovedHeaders, _) => "[x]",
            (Kind::StrictObjects, _) => "[{}]",
            (Kind::Object | Kind::Named | Kind::Objects, "not_implemented") => "{x: {}}",
            (Kind::Objects, _) => "[{}]",
            (Kind::Bool, _) if key.default == Some("true") => "false",
            (kind, _) => a_value(kind),
        };
        let line = format!("{}: {value}\n", key.name);
        let text = match key.scope {
            Scope::Global => line,
            Scope::Route => format!("{ROUTE}    {line}"),
        };
        let diagnostics = read(&text).diagnostics;
        let found = diagnostics
            .iter()
            .find(|d| d.code == code)
            .unwrap_or_else(|| panic!("{text}{diagnostics:#?}"));
        assert_eq!(
            found.severity == Severity::Error,
            code == "not_implemented_unsafe"
        );
        assert_eq!(found.route, (key.scope == Scope::Route).then_some(0));
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_value_that_changes_nothing_is_not_mentioned() {
    let global = "services: all\nnormalize_path: true\nTimeout_Read: 30s\ntimeout_write: 0\ninsecure_server: false\n\
                  autocert: \"false\"\ncodec_type: AUTO\ndownstream_mtls: {enforcement: policy_with_default_deny}\n\
                  set_response_headers: {}\nallow_upgrades: []\nidp_request_params: {}\nruntime_flags: {mcp: true}\n\
                  programmatic_redirect_domain_whitelist: [localhost]\nxff_num_trusted_hops: 0\n";
    let route = "    allow_any_authenticated_user: true\n    tls_skip_verify: false\n    regex: \"\"\n    redirect: ~\n    \
                 load_balancing_policy: LOAD_BALANCING_POLICY_ROUND_ROBIN\n    set_request_headers: {}\n";
    assert_eq!(codes(&format!("{COMPLETE}{global}{ROUTE}{route}")), [""; 0]);
    let all_four = "services: authenticate,authorize,proxy,cache\n";
    assert_eq!(codes(all_four), [""; 0]);
}

#[test]
fn client_certificates_are_never_ignored() {
    let error = only(
        "downstream_mtls:\n  ca_file: ca.pem\n  enforcement: reject_connection\n",
        "not_implemented_unsafe",
    );
    assert_eq!(error.span.to_string(), "3:16");
    // By such a name Pomerium sets it.
    let error = only("downstream_mtls.ca_file: ca.pem\n", "unknown_key");
    assert_eq!(error.severity, Severity::Error);
    assert!(read("downstream_mtls.ca_file: ca.pem\n").config.is_none());
    assert_eq!(codes("downstream_mtls: {enforcement: policy}\n"), ["no_effect"]);
    let route = format!("{ROUTE}    tls_downstream_client_ca_file: ca.pem\n");
    assert!(codes(&route).contains(&"not_implemented_unsafe"));
}

#[test]
fn an_error_stays_within_its_route() {
    let text = format!(
        "{COMPLETE}routes:\n  - {{from: https://a.example, to: http://a, allow_any_authenticated_user: true}}\n  \
         - {{from: https://b.example, to: ftp://b, allow_any_authenticated_user: true}}\n  - {{from: nowhere, to: http://c}}\n  \
         - {{from: https://d.example, to: http://d, allow_any_authenticated_user: true, timeout: abc}}\n"
    );
    let parsed = read(&text);
    let confined: Vec<_> = parsed
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| (d.code, d.route))
        .collect();
    assert_eq!(
        confined,
        [
            ("to_scheme", Some(1)),
            ("from_invalid", Some(2)),
            ("wrong_value", Some(3))
        ]
    );
    let routes = parsed.config.unwrap().routes;
    let states: Vec<_> = routes
        .iter()
        .map(|r| {
            (
                r.index,
                r.invalid.is_none(),
                matches!(r.policy, RoutePolicy::Valid(_)),
            )
        })
        .collect();
    assert_eq!(states, [(0, true, true), (1, false, false), (3, false, false)]);
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = "address: x y\ncookie_name: [a]\nlog_level: loud\nroutes:\n  - from: https://a.example\n    to: ftp://a\n    \
                policy:\n      - allow: {and: [{emial: x}, {domian: y}]}\nclient_ca: x\n";
    let errors: Vec<_> = read(text)
        .diagnostics
        .into_iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| (d.code, d.span.line))
        .collect();
    assert_eq!(
        errors,
        [
            ("address_invalid", 1),
            ("wrong_type", 2),
            ("wrong_value", 3),
            ("to_scheme", 6),
            ("policy_criterion_unknown", 8),
            ("policy_criterion_unknown", 8),
            ("removed_key", 9),
        ]
    );
    assert!(read(text).config.is_none());
}

#[test]
fn an_option_twice_in_different_case_is_refused_where_it_stands() {
    let route = any_route("    allow_any_authenticated_user: true\n    Policy: []\n    policy: []\n");
    assert!(
        route
            .invalid
            .unwrap()
            .starts_with("duplicate_key: config.yaml:6:5: ")
    );
}

#[test]
fn reserved_headers_are_not_for_routes_to_set() {
    for name in [
        "Host",
        "X-Pomerium-Jwt-Assertion",
        "x-envoy-original-path",
        "Cookie",
        "Transfer-Encoding",
        "\":path\"",
    ] {
        let found = codes(&format!("{ROUTE}    set_request_headers: {{{name}: x}}\n"));
        let expected = if name.contains(':') {
            "header_name_invalid"
        } else {
            "header_reserved"
        };
        assert!(found.contains(&expected), "{name}: {found:?}");
    }
    assert!(codes(&format!("{ROUTE}    remove_request_headers: [Host]\n")).contains(&"header_reserved"));
    assert!(
        codes(&format!("{ROUTE}    remove_request_headers: [\"a b\"]\n")).contains(&"header_name_invalid")
    );
}

#[test]
fn nothing_is_printed_of_what_may_be_secret() {
    let text = "shared_secret: hunter2\ncookie_secret: hunter2\nsigning_key: hunter2\nidp_client_secret: [hunter2]\n\
                databroker_storage_type: file\ndatabroker_storage_connection_string: postgres://u:hunter2@h/d\n";
    let parsed = read(text);
    assert!(parsed.diagnostics.len() >= 5);
    for diagnostic in parsed.diagnostics {
        assert!(!diagnostic.to_string().contains("hunter2"), "{diagnostic}");
    }
}

#[test]
fn an_error_of_a_policy_stays_in_its_route() {
    for (lines, code) in [
        ("policy: {allow: {and: [emial: x]}}", "policy_criterion_unknown"),
        (
            "policy: {allow: {and: [pomerium_routes: x]}}",
            "policy_criterion_unsupported",
        ),
        (
            "policy: {allow: {and: [day_of_week: someday]}}",
            "policy_value_invalid",
        ),
        ("sub_policies: [{rego: 'allow := true'}]", "rego_unsupported"),
        ("sub_policies: [{source_ppl: 'allow'}]", "policy_document_type"),
        ("sub_policies: [{source_ppl: 'allow: {'}]", "yaml_syntax"),
        ("sub_policies: [{allowed_users: {a: b}}]", "wrong_type"),
        ("tls_downstream_client_ca: QQ==", "not_implemented_unsafe"),
    ] {
        let bad =
            "  - from: https://bad.example.com\n    to: http://b\n    allow_any_authenticated_user: true\n";
        let text = format!("{COMPLETE}{ROUTE}    allow_any_authenticated_user: true\n{bad}    {lines}\n");
        let error = only(&text, code);
        assert_eq!(
            (error.severity, error.route),
            (Severity::Error, Some(1)),
            "{lines}"
        );
        let routes = read(&text).config.unwrap().routes;
        assert!(matches!(routes[0].policy, RoutePolicy::Valid(_)) && routes[0].invalid.is_none());
        assert!(matches!(routes[1].policy, RoutePolicy::Invalid), "{lines}");
        assert!(
            routes[1]
                .invalid
                .as_deref()
                .is_some_and(|why| why.starts_with(code)),
            "{lines}"
        );
    }
}

/// What is asked of client certificates and cannot be.
#[test]
fn client_authorities_are_never_ignored() {
    for (key, code) in [
        ("ca: QQ==", "tls_ca_invalid"),
        ("ca: '!'", "wrong_value"),
        ("ca: QQ==, ca_file: a.pem", "exclusive_keys"),
        ("ca_file: a.pem, crl: QQ==, crl_file: b.pem", "exclusive_keys"),
        ("ca_file: a.pem, enforcement: always", "wrong_value"),
        ("ca_file: a.pem, max_verify_depth: 4294967296", "wrong_value"),
        ("ca_file: a.pem, match_subject_alt_names: {dns: a}", "wrong_type"),
        (
            "ca_file: a.pem, match_subject_alt_names: [{dns: a, uri: b}]",
            "wrong_type",
        ),
        ("ca_file: a.pem, match_subject_alt_names: [dns]", "wrong_type"),
        (
            "ca_file: a.pem, match_subject_alt_names: [{dns: [a]}]",
            "wrong_type",
        ),
        (
            "ca_file: a.pem, match_subject_alt_names: [{name: a}]",
            "wrong_value",
        ),
        (
            "ca_file: a.pem, match_subject_alt_names: [{dns: '('}]",
            "wrong_value",
        ),
    ] {
        let text = format!("{COMPLETE}downstream_mtls: {{{key}}}\n{ROUTE}");
        assert_eq!(only(&text, code).severity, Severity::Error, "{key}");
        assert!(read(&text).config.is_none(), "{key}");
    }
    for key in [
        "crl: QQ==",
        "match_subject_alt_names: [{dns: a}]",
        "max_verify_depth: 2",
    ] {
        let text = format!("{COMPLETE}downstream_mtls: {{{key}}}\n{ROUTE}");
        assert_eq!(only(&text, "no_effect").severity, Severity::Warning, "{key}");
    }
}
