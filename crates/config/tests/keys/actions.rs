use portcullis_config::{
    Action, HostRewrite, Pem, Redirect, Respond, Severity, Upstream, UpstreamTls, file_references,
};

use crate::support::{ROUTE, any_route, codes, config, only, read, route};

const SIGNED_IN: &str = "    allow_any_authenticated_user: true\n";
const CA: &str = include_str!("../../src/value/authorities/ca.pem");

/// The upstream of a good route with these lines.
fn upstream(lines: &str) -> Upstream {
    match route(&format!("{SIGNED_IN}{lines}")).action {
        Some(Action::Upstream(upstream)) => upstream,
        other => panic!("{other:?}"),
    }
}

/// The same, with an `https` URL.
fn tls(lines: &str) -> UpstreamTls {
    let text = format!("{ROUTE}{SIGNED_IN}{lines}").replace("http://app", "https://app");
    match config(&text).routes.remove(0).action {
        Some(Action::Upstream(upstream)) => upstream.tls,
        other => panic!("{other:?}"),
    }
}

/// What becomes of a route without a `to`, and the first of its errors.
fn action(lines: &str) -> (Option<Action>, Option<String>) {
    let text = format!("routes:\n  - from: https://a.example\n{SIGNED_IN}{lines}");
    let mut routes = read(&text).config.unwrap().routes;
    let route = routes.remove(0);
    (route.action, route.invalid)
}

fn redirect(fields: &str) -> Redirect {
    match action(&format!("    redirect: {{{fields}}}\n")) {
        (Some(Action::Redirect(redirect)), None) => redirect,
        other => panic!("{other:?}"),
    }
}

fn refused(lines: &str, code: &str) {
    let (_, invalid) = action(lines);
    let invalid = invalid.unwrap_or_else(|| panic!("{lines} is good"));
    assert!(invalid.starts_with(&format!("{code}: ")), "{invalid}");
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn route_key_prefix_rewrite() {
    assert_eq!(upstream("").prefix_rewrite, None);
    let rewritten = |text: &str| upstream(&format!("    prefix_rewrite: \"{text}\"\n")).prefix_rewrite;
    assert_eq!(rewritten("/v2/").as_deref(), Some("/v2/"));
    assert_eq!(rewritten("/a%20b?c=d").as_deref(), Some("/a%20b?c=d"));
    assert_eq!(rewritten(""), None);
    for bad in ["v2", "http://evil", "/a b", "/a\\r\\nX: y", "/\u{fc}", "/a#b"] {
        let route = any_route(&format!("{SIGNED_IN}    prefix_rewrite: \"{bad}\"\n"));
        assert!(route.invalid.unwrap().starts_with("path_invalid: "), "{bad}");
    }
    let both = any_route("    prefix_rewrite: /a\n    regex_rewrite_pattern: b\n");
    assert!(both.invalid.is_some());
}

#[test]
fn route_key_preserve_host_header() {
    let host = |lines: &str| upstream(lines).host_rewrite;
    assert_eq!(host(""), HostRewrite::Upstream);
    assert_eq!(host("    preserve_host_header: false\n"), HostRewrite::Upstream);
    assert_eq!(host("    preserve_host_header: true\n"), HostRewrite::Preserve);
}

#[test]
fn route_key_host_rewrite() {
    let host = |lines: &str| upstream(lines).host_rewrite;
    let literal = HostRewrite::Literal("b.test:8080".into());
    assert_eq!(host("    host_rewrite: b.test:8080\n"), literal);
    let all =
        "    preserve_host_header: true\n    host_rewrite_header: x-host\n    host_rewrite: b.test:8080\n";
    assert_eq!(host(all), literal);
    for bad in [
        "b.test/x",
        "u@b.test",
        "b.test:x",
        "b.test:",
        "b test",
        "*.test",
        "b.test\\r\\nX: y",
    ] {
        let route = any_route(&format!("{SIGNED_IN}    host_rewrite: \"{bad}\"\n"));
        assert!(route.invalid.unwrap().starts_with("host_invalid: "), "{bad}");
    }
}

#[test]
fn route_key_host_rewrite_header() {
    let found = upstream("    preserve_host_header: true\n    host_rewrite_header: X-Host\n").host_rewrite;
    assert!(matches!(found, HostRewrite::Header(name) if name.as_str() == "x-host"));
    for (bad, code) in [
        ("\":authority\"", "header_name_invalid: "),
        ("cookie", "header_reserved: "),
        ("x-pomerium-jwt-assertion", "header_reserved: "),
    ] {
        let route = any_route(&format!("{SIGNED_IN}    host_rewrite_header: {bad}\n"));
        assert!(route.invalid.unwrap().starts_with(code), "{bad}");
    }
}

#[test]
fn route_key_tls_skip_verify() {
    assert!(!tls("").skip_verify);
    assert!(tls("    tls_skip_verify: true\n").skip_verify);
    let text = format!("{ROUTE}    tls_skip_verify: true\n").replace("http://app", "https://app");
    assert_eq!(only(&text, "tls_skip_verify").severity, Severity::Warning);
    let plain = codes(&format!("{ROUTE}    tls_skip_verify: true\n"));
    assert!(plain.contains(&"no_effect") && !plain.contains(&"tls_skip_verify"));
}

#[test]
fn route_key_tls_custom_ca() {
    assert_eq!(tls("").ca, None);
    match tls(&format!("    tls_custom_ca: {}\n", base64(CA))).ca {
        Some(Pem::Inline(pem)) => {
            assert_eq!(pem.value, CA.as_bytes());
            assert_eq!(pem.span.to_string(), "5:20");
        }
        other => panic!("{other:?}"),
    }
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for bad in ["", "hello", key, &format!("{CA}{key}")] {
        let route = any_route(&format!("{SIGNED_IN}    tls_custom_ca: \"{}\"\n", base64(bad)));
        // An empty text counts as not set.
        assert_eq!(route.invalid.is_some(), !bad.is_empty(), "{bad}");
    }
}

#[test]
fn route_key_tls_custom_ca_file() {
    let lines = format!(
        "    tls_custom_ca_file: ca.pem\n    tls_custom_ca: {}\n",
        base64(CA)
    );
    assert!(matches!(tls(&lines).ca, Some(Pem::File(file)) if file.value.to_str() == Some("ca.pem")));
    let text = format!("{ROUTE}{SIGNED_IN}{lines}");
    let files = file_references(&config(&text));
    assert_eq!(files.len(), 1);
    assert_eq!(
        (files[0].key, files[0].span.to_string()),
        ("tls_custom_ca_file", "5:25".into())
    );
    assert!(codes(&text).contains(&"shadowed_key"));
}

#[test]
fn route_key_tls_upstream_server_name() {
    let name = |lines: &str| tls(lines).server_name;
    assert_eq!(name(""), None);
    assert_eq!(
        name("    tls_upstream_server_name: B.Internal\n").as_deref(),
        Some("b.internal")
    );
    assert_eq!(
        name("    tls_upstream_server_name: 10.0.0.1\n").as_deref(),
        Some("10.0.0.1")
    );
    assert_eq!(
        name("    tls_upstream_server_name: \"::1\"\n").as_deref(),
        Some("::1")
    );
    for bad in ["*.internal", "b:443", "b/x", "[::1]"] {
        let route = any_route(&format!("    tls_upstream_server_name: \"{bad}\"\n"));
        assert!(route.invalid.unwrap().starts_with("host_invalid: "), "{bad}");
    }
}

#[test]
fn route_key_tls_server_name() {
    let name = |lines: &str| tls(lines).server_name;
    assert_eq!(
        name("    tls_server_name: a.internal\n").as_deref(),
        Some("a.internal")
    );
    assert_eq!(
        name("    tls_server_name: a.internal\n    tls_upstream_server_name: b.internal\n").as_deref(),
        Some("b.internal")
    );
}

#[test]
fn route_key_redirect() {
    // Envoy would answer with a redirect to the same URL.
    assert_eq!(redirect(""), Redirect::default());
    let text = "routes:\n  - from: https://a.example\n    redirect: {}\n";
    assert!(codes(text).contains(&"redirect_loop"));
    let over = route(&format!(
        "{SIGNED_IN}    response: {{status: 200}}\n    redirect: {{host_redirect: b}}\n"
    ));
    assert!(matches!(over.action, Some(Action::Redirect(_))));
    refused("    redirect: there\n", "wrong_type");
}

#[test]
fn route_key_redirect_host_redirect() {
    assert_eq!(
        redirect("host_redirect: \"B.test:1\"").host_redirect.as_deref(),
        Some("B.test:1")
    );
    for bad in ["evil.test/x", "a@evil.test", "b.test\\r\\n", "//b", "b.test#"] {
        refused(
            &format!("    redirect: {{host_redirect: \"{bad}\"}}\n"),
            "host_invalid",
        );
    }
}

#[test]
fn route_key_redirect_https_redirect() {
    assert_eq!(redirect("https_redirect: true").https_redirect, Some(true));
    assert_eq!(redirect("https_redirect: false").https_redirect, Some(false));
    assert_eq!(redirect("host_redirect: b").https_redirect, None);
}

#[test]
fn route_key_redirect_path_redirect() {
    let path = "/a?b=c#d";
    assert_eq!(
        redirect(&format!("path_redirect: \"{path}\""))
            .path_redirect
            .as_deref(),
        Some(path)
    );
    for bad in ["a", "@evil.test", "/a b", "/a\\r\\n", "/\u{fc}"] {
        refused(
            &format!("    redirect: {{path_redirect: \"{bad}\"}}\n"),
            "path_invalid",
        );
    }
}

#[test]
fn route_key_redirect_port_redirect() {
    assert_eq!(redirect("port_redirect: 8443").port_redirect, Some(8443));
    refused("    redirect: {port_redirect: 65536}\n", "redirect_invalid");
    refused("    redirect: {port_redirect: 4294967296}\n", "redirect_invalid");
    refused("    redirect: {port_redirect: -1}\n", "wrong_value");
    // Envoy would write both, one behind the other.
    refused(
        "    redirect: {host_redirect: \"b.example:8443\", port_redirect: 81}\n",
        "redirect_invalid",
    );
    redirect("host_redirect: \"b.example:8443\", port_redirect: 0");
}

#[test]
fn route_key_redirect_prefix_rewrite() {
    assert_eq!(
        redirect("prefix_rewrite: /b").prefix_rewrite.as_deref(),
        Some("/b")
    );
    refused("    redirect: {prefix_rewrite: b}\n", "path_invalid");
    refused("    redirect: {prefix_rewrite: \"/b#c\"}\n", "path_invalid");
}

#[test]
fn route_key_redirect_response_code() {
    assert_eq!(redirect("response_code: 307").response_code, Some(307));
    assert_eq!(redirect("response_code: 0").response_code, Some(0));
    refused("    redirect: {response_code: 304}\n", "wrong_value");
}

#[test]
fn route_key_redirect_scheme_redirect() {
    assert_eq!(
        redirect("scheme_redirect: http").scheme_redirect.as_deref(),
        Some("http")
    );
    for bad in ["javascript", "data", "https:", "h ttp"] {
        refused(
            &format!("    redirect: {{scheme_redirect: \"{bad}\"}}\n"),
            "redirect_invalid",
        );
    }
}

#[test]
fn route_key_redirect_strip_query() {
    assert_eq!(redirect("strip_query: true").strip_query, Some(true));
    assert_eq!(redirect("strip_query: ~").strip_query, None);
}

fn response(fields: &str) -> Respond {
    match action(&format!("    response: {{{fields}}}\n")) {
        (Some(Action::Respond(respond)), None) => respond,
        other => panic!("{other:?}"),
    }
}

#[test]
fn route_key_response() {
    let respond = response("status: 200, body: \"a\\n\"");
    assert_eq!((respond.status, respond.body.as_str()), (200, "a\n"));
    let over = route(&format!("{SIGNED_IN}    response: {{status: 200}}\n"));
    assert!(matches!(over.action, Some(Action::Respond(_))));
    refused("    response: {}\n", "response_invalid");
    refused("    response: []\n", "wrong_type");
}

#[test]
fn route_key_response_status() {
    assert_eq!(response("status: \"599\"").status, 599);
    for bad in ["199", "600", "0", "-1", "4294967496"] {
        refused(&format!("    response: {{status: {bad}}}\n"), "response_invalid");
    }
}

#[test]
fn route_key_response_body() {
    let of = |length: usize| format!("    response: {{status: 200, body: {}}}\n", "x".repeat(length));
    assert!(action(&of(4_096)).1.is_none());
    refused(&of(4_097), "response_invalid");
    refused("    response: {status: 204, body: x}\n", "response_invalid");
}
