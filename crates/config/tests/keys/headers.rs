use std::time::Duration;

use portcullis_config::{Route, RouteResponseHeaders};
use portcullis_model::HeaderName;

use crate::support::{ROUTE, any_route, codes, global, read, route};

const SIGNED_IN: &str = "    allow_any_authenticated_user: true\n";

fn headers(list: &[(HeaderName, String)]) -> Vec<(&str, &str)> {
    list.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn with(lines: &str) -> Route {
    route(&format!("{SIGNED_IN}{lines}"))
}

#[test]
fn route_key_set_request_headers() {
    let set = with(
        "    set_request_headers:\n      X-B: ${pomerium.jwt}\n      authorization: \" a\\tb \"\n      x-a: ~\n      n: 7\n",
    );
    assert_eq!(
        headers(&set.set_request_headers),
        [
            ("authorization", " a\tb "),
            ("n", "7"),
            ("x-a", ""),
            ("x-b", "${pomerium.jwt}")
        ]
    );
    let long = |length: usize| format!("    set_request_headers: {{A: {}}}\n", "x".repeat(length));
    with(&long(16_384));
    assert!(codes(&format!("{ROUTE}{}", long(16_385))).contains(&"header_value_invalid"));
    let claimed = format!("jwt_claims_headers: {{X-A: email}}\n{ROUTE}    set_request_headers: {{x-a: b}}\n");
    assert!(codes(&claimed).contains(&"header_reserved"));
    for name in [
        "Host",
        "cookie",
        "X-Pomerium-Claim-Email",
        "x-envoy-max-retries",
        "Expect",
    ] {
        let route = any_route(&format!("{SIGNED_IN}    set_request_headers: {{{name}: x}}\n"));
        assert!(route.invalid.unwrap().starts_with("header_reserved: "), "{name}");
    }
}

#[test]
fn route_key_remove_request_headers() {
    let names = |lines: &str| -> Vec<String> {
        let removed = with(lines).remove_request_headers;
        removed.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        names("    remove_request_headers: [X-B, x-a, X-b, Cookie]\n"),
        ["x-b", "x-a", "cookie"]
    );
    assert_eq!(names("    remove_request_headers: X-B,X-A\n"), ["x-b", "x-a"]);
    assert_eq!(names(""), [""; 0]);
    for name in ["host", "x-envoy-upstream-rq-timeout-ms", "x-portcullis-assertion"] {
        let route = any_route(&format!("    remove_request_headers: [{name}]\n"));
        assert!(route.invalid.unwrap().starts_with("header_reserved: "), "{name}");
    }
}

#[test]
fn route_key_set_response_headers() {
    let set = |lines: &str| with(lines).set_response_headers;
    assert_eq!(set(""), RouteResponseHeaders::Inherit(Vec::new()));
    assert_eq!(
        set("    set_response_headers: {}\n"),
        RouteResponseHeaders::Inherit(Vec::new())
    );
    match set("    set_response_headers: {X-B: 1, x-a: \"50%\"}\n") {
        RouteResponseHeaders::Inherit(list) => assert_eq!(headers(&list), [("x-a", "50%"), ("x-b", "1")]),
        RouteResponseHeaders::None => panic!("none"),
    }
    for value in ["true", "false", "~", "x"] {
        let lines = format!("    set_response_headers: {{X-B: 1, Disable: {value}}}\n");
        assert_eq!(set(&lines), RouteResponseHeaders::None, "{value}");
    }
    for name in ["Set-Cookie", "content-length", "Transfer-Encoding"] {
        let route = any_route(&format!("    set_response_headers: {{{name}: x}}\n"));
        assert!(route.invalid.unwrap().starts_with("header_reserved: "), "{name}");
    }
}

#[test]
fn key_set_response_headers() {
    assert_eq!(global("{}\n").set_response_headers, None);
    assert_eq!(global("set_response_headers: ~\n").set_response_headers, None);
    assert_eq!(
        global("set_response_headers: {}\n").set_response_headers,
        Some(Vec::new())
    );
    assert_eq!(
        global("set_response_headers: {disable: \"\", X-A: b}\n").set_response_headers,
        Some(Vec::new())
    );
    let set = global("set_response_headers: {X-B: 1, x-a: y}\n")
        .set_response_headers
        .unwrap();
    assert_eq!(headers(&set), [("x-a", "y"), ("x-b", "1")]);
    for bad in [
        "{\"a b\": c}",
        "{A: \"b\\r\\nc\"}",
        "{A: [b]}",
        "{set-cookie: a}",
        "[A]",
    ] {
        assert!(
            read(&format!("set_response_headers: {bad}\n")).config.is_none(),
            "{bad}"
        );
    }
}

#[test]
fn route_key_timeout() {
    let timeout = |text: &str| with(&format!("    timeout: {text}\n")).timeout;
    assert_eq!(with("").timeout, None);
    assert_eq!(timeout("1m"), Some(Duration::from_mins(1)));
    assert_eq!(timeout("0s"), Some(Duration::ZERO));
    assert_eq!(timeout("30"), Some(Duration::from_nanos(30)));
    for bad in ["-1s", "-1", "soon", "[1s]"] {
        assert!(
            any_route(&format!("    timeout: {bad}\n")).invalid.is_some(),
            "{bad}"
        );
    }
}

#[test]
fn route_key_idle_timeout() {
    let timeout = |text: &str| with(&format!("    idle_timeout: {text}\n")).idle_timeout;
    assert_eq!(with("").idle_timeout, None);
    assert_eq!(timeout("1h30m"), Some(Duration::from_mins(90)));
    assert_eq!(timeout("0"), Some(Duration::ZERO));
    assert!(any_route("    idle_timeout: -1ms\n").invalid.is_some());
}

#[test]
fn route_key_allow_websockets() {
    assert!(!with("").allow_websockets);
    assert!(with("    allow_websockets: true\n").allow_websockets);
}
