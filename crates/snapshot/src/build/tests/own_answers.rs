//! What routes answer themselves, as the authz-servers are told.

use super::fixture::materials;
use super::*;
use portcullis_bundle::{Content, PathRedirect, Redirect, SchemeRedirect};
use portcullis_config::{Source, parse};

/// The bundle's side of a route with these options, under these global ones.
fn route_of(globals: &str, options: &str) -> Arc<portcullis_bundle::Route> {
    let text = format!(
        "{globals}\nroutes:\n- from: https://a.test\n  allow_any_authenticated_user: true\n  {options}\n"
    );
    let parsed = parse(&[Source {
        name: "config.yaml".into(),
        text,
    }]);
    let bundle = build(&parsed.config.unwrap(), &materials()).bundle.unwrap();
    Arc::clone(bundle.routes.values().next().unwrap())
}

fn headers(globals: &str, options: &str) -> Vec<(String, String)> {
    let route = route_of(globals, &format!("response: {{status: 200}}\n  {options}"));
    let headers = &route.answer.as_ref().unwrap().headers;
    let header = |(name, value): &(HeaderName, String)| (name.as_str().to_owned(), value.clone());
    headers.iter().map(header).collect()
}

#[test]
fn a_route_that_leads_to_no_upstream_says_what_it_answers() {
    assert_eq!(route_of("", "to: http://u.test").answer, None);
    let content = |options: &str| route_of("", options).answer.as_ref().unwrap().content.clone();
    assert_eq!(
        content("response: {status: 410, body: gone}"),
        Content::Respond {
            status: 410,
            body: "gone".to_owned()
        }
    );
    let all = "redirect: {https_redirect: true, scheme_redirect: http, host_redirect: b.test, port_redirect: 1, prefix_rewrite: /b, response_code: 308, strip_query: true}";
    assert_eq!(
        content(all),
        Content::Redirect(Redirect {
            scheme: Some(SchemeRedirect::Https(true)),
            host: Some("b.test".to_owned()),
            port: Some(1),
            path: Some(PathRedirect::Prefix("/b".to_owned())),
            status: 308,
            strip_query: true,
        })
    );
}

#[test]
fn a_route_that_cannot_be_used_answers_nothing() {
    let route = route_of("", "response: {status: 200}\n  timeout: never");
    assert!(matches!(route.policy, RoutePolicy::Invalid { .. }));
    assert_eq!(route.answer, None);
}

#[test]
fn an_answer_has_the_headers_of_all_and_over_them_those_of_its_route() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let stock = [
        pair("x-frame-options", "SAMEORIGIN"),
        pair("x-xss-protection", "1; mode=block"),
    ];
    assert_eq!(headers("", ""), stock);
    let globals = "set_response_headers: {X-A: all, X-B: all}";
    assert_eq!(headers(globals, ""), [pair("x-a", "all"), pair("x-b", "all")]);
    assert_eq!(
        headers(globals, "set_response_headers: {x-b: own, X-C: own}"),
        [pair("x-a", "all"), pair("x-b", "own"), pair("x-c", "own")]
    );
    assert_eq!(
        headers(globals, "set_response_headers: {x-b: ''}"),
        [pair("x-a", "all")]
    );
    assert_eq!(headers(globals, "set_response_headers: {disable: true}"), []);
}
