//! What is warned of beside an Envoy of others, and nowhere else.

use super::fixture::materials;
use super::*;
use portcullis_config::{Source, parse};

/// Code and line of what is found in these routes.
fn found(routes: &str, any_envoy: bool) -> Vec<(&'static str, u32)> {
    let parsed = parse(&[Source {
        name: "config.yaml".into(),
        text: format!("routes:\n{routes}"),
    }]);
    let materials = Materials {
        each_host_logs_in: any_envoy,
        ..materials()
    };
    let built = build(&parsed.config.unwrap(), &materials);
    assert!(built.bundle.is_some(), "warnings forbid nothing");
    let diagnostics = built.diagnostics.iter();
    diagnostics.map(|found| (found.code, found.span.line)).collect()
}

#[test]
fn each_option_that_another_envoy_does_not_know_is_named_once() {
    let route = "- from: https://a.test
  to: https://u.test
  prefix: /a
  prefix_rewrite: /b
  preserve_host_header: true
  timeout: 1s
  idle_timeout: 1s
  tls_skip_verify: true
  tls_server_name: u.test
  set_response_headers: {X-A: b}
  set_request_headers: {X-A: b}
  remove_request_headers: [X-B]
  pass_identity_headers: true
  allow_websockets: true
  allow_any_authenticated_user: true
";
    let wanted: Vec<_> = (5..=11).map(|line| ("no_effect", line)).collect();
    assert_eq!(found(route, true), wanted);
    assert_eq!(found(route, false), []);
    // What is answered by the check has these headers.
    let answer = "- from: https://a.test
  response: {status: 200}
  set_response_headers: {X-A: b}
  allow_any_authenticated_user: true
";
    assert_eq!(found(answer, true), []);
}

#[test]
fn routes_for_different_ports_want_names() {
    let route = |from: &str, name: &str| {
        format!(
            "- {{from: 'https://{from}', to: 'http://u.test', allow_any_authenticated_user: true{name}}}\n"
        )
    };
    let unnamed = |from: &str| route(from, "");
    let named = |from: &str, name: &str| route(from, &format!(", name: {name}"));
    for (routes, wanted) in [
        ([unnamed("a.test:1"), unnamed("a.test:2")].concat(), vec![2]),
        ([named("a.test:1", "one"), unnamed("a.test")].concat(), vec![3]),
        (
            [unnamed("a.test:1"), unnamed("a.test:2"), unnamed("a.test:3")].concat(),
            vec![2],
        ),
        ([unnamed("*.a.test"), unnamed("*.a.test:2")].concat(), vec![2]),
        (
            [named("a.test:1", "one"), named("a.test:2", "two")].concat(),
            vec![],
        ),
        ([unnamed("a.test:1"), unnamed("b.test:2")].concat(), vec![]),
        ([unnamed("a.test:443"), unnamed("a.test")].concat(), vec![]),
    ] {
        let wanted: Vec<_> = wanted.into_iter().map(|line| ("two_ports", line)).collect();
        let of_ports = |any_envoy| {
            let mut found = found(&routes, any_envoy);
            found.retain(|(code, _)| *code == "two_ports");
            found
        };
        assert_eq!(of_ports(true), wanted, "{routes}");
        assert_eq!(of_ports(false), []);
    }
}
