//! What clients get: redirects, fixed answers, response headers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Response, SharedSite, Site};

const GLOBALS: &str = "
set_response_headers: {X-Global: '100%', X-Both: global}
";

const ROUTES: &str = "
- {from: 'https://plain.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
- from: https://own.example.test:{port}
  to: '{upstream}'
  set_response_headers: {X-Both: route, X-Own: '%START_TIME%', Content-Type: text/x-own}
  allow_public_unauthenticated_access: true
- {from: 'https://nobody.example.test:{port}', to: '{upstream}'}
- {from: 'https://members.example.test:{port}', to: '{upstream}', set_response_headers: {X-Both: route}}
- from: https://moved.example.test:{port}
  prefix: /old
  redirect: {host_redirect: plain.example.test, prefix_rewrite: /new, response_code: 307}
  allow_public_unauthenticated_access: true
- from: https://moved.example.test:{port}
  path: /away
  redirect: {https_redirect: true, host_redirect: away.test, port_redirect: 444, path_redirect: /there, strip_query: true}
  allow_public_unauthenticated_access: true
- from: https://moved.example.test:{port}
  path: /private
  redirect: {path_redirect: /seen}
  allow_any_authenticated_user: true
- from: https://fixed.example.test:{port}
  path: /public
  response: {status: 410, body: '{\"gone\": true}'}
  set_response_headers: {Content-Type: application/json, X-Both: fixed}
  allow_public_unauthenticated_access: true
- from: https://fixed.example.test:{port}
  path: /private
  response: {status: 200, body: for members}
  allow_any_authenticated_user: true
- from: https://fixed.example.test:{port}
  path: /nobody
  response: {status: 200, body: for nobody}
";

static SITE: SharedSite = SharedSite::with(GLOBALS, ROUTES);

fn header<'a>(page: &'a Response, name: &'a str) -> Vec<&'a str> {
    page.head.all(name).collect()
}

#[test]
fn global_headers_are_on_every_answer() {
    let site = SITE.get();
    let mut client = site.client();
    for (host, path, status) in [
        ("plain", "/", 200),
        ("plain", "/ping", 200),
        ("unknown", "/", 404),
        ("nobody", "/", 403),
        ("moved", "/old/x", 307),
        ("moved", "/elsewhere", 404),
        ("moved", "/private", 302),
        ("fixed", "/nobody", 403),
        ("fixed", "/private", 302),
    ] {
        let page = client.get(&site.url(host, path));
        assert_eq!(page.status, status, "{host}{path}");
        for (name, value) in [("x-global", "100%"), ("x-both", "global")] {
            assert_eq!(header(&page, name), [value], "{host}{path} {name}");
        }
        let stock = header(&page, "x-frame-options");
        assert_ne!(
            stock,
            ["SAMEORIGIN"],
            "the stock ones are replaced, but for our own pages"
        );
        assert!(header(&page, "x-xss-protection").is_empty(), "{host}{path}");
    }
}

#[test]
fn a_routes_own_headers_come_over_the_global_ones() {
    let site = SITE.get();
    let page = site.client().get(&site.url("own", "/"));
    assert_eq!(header(&page, "x-global"), ["100%"]);
    assert_eq!(header(&page, "x-both"), ["route"]);
    assert_eq!(header(&page, "x-own"), ["%START_TIME%"], "taken as it is");
    assert_eq!(
        header(&page, "content-type"),
        ["text/x-own"],
        "over the application's"
    );
    let denied = site.client().get(&site.url("members", "/"));
    assert_eq!(denied.status, 403);
    assert_eq!(header(&denied, "x-both"), ["route"], "also on a page that denies");
    assert_eq!(header(&denied, "x-global"), ["100%"]);
}

#[test]
fn a_route_can_set_no_headers_at_all() {
    let routes = "
- {from: 'https://bare.example.test:{port}', to: '{upstream}', set_response_headers: {disable: 'true'}, allow_public_unauthenticated_access: true}
- from: https://own.example.test:{port}
  to: '{upstream}'
  set_response_headers: {X-Both: route}
  allow_public_unauthenticated_access: true
- {from: 'https://plain.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}";
    let site = Site::start_with(GLOBALS, routes);
    let get = |host: &str, path: &str| site.client().get(&site.url(host, path));
    let bare = get("bare", "/");
    assert_eq!(bare.status, 200);
    for name in ["x-global", "x-both", "x-frame-options"] {
        assert!(header(&bare, name).is_empty(), "{name}");
    }
    // Pages of our own are no answers of the route.
    let both = |page: &Response| ["x-global", "x-both"].map(|name| page.header(name).unwrap().to_owned());
    assert_eq!(both(&get("own", "/")), ["100%", "route"]);
    for (host, path) in [("plain", "/"), ("bare", "/ping"), ("unknown", "/")] {
        assert_eq!(both(&get(host, path)), ["100%", "global"], "{host}{path}");
    }
}

#[test]
fn redirects_lead_where_they_say() {
    let site = SITE.get();
    let mut client = site.client();
    // Another host without a port means its usual one.
    let page = client.get(&site.url("moved", "/old/x?q=1"));
    assert_eq!(
        (page.status, page.header("location")),
        (307, Some("https://plain.example.test/new/x?q=1"))
    );
    let page = client.get(&site.url("moved", "/away?q=1"));
    assert_eq!(
        (page.status, page.header("location")),
        (301, Some("https://away.test:444/there"))
    );
}

#[test]
fn redirects_and_fixed_answers_ask_the_policy_first() {
    let site = SITE.get();
    let page = site.client().get(&site.url("fixed", "/public"));
    assert_eq!((page.status, page.text().as_str()), (410, "{\"gone\": true}"));
    assert_eq!(header(&page, "content-type"), ["application/json"]);
    assert_eq!(header(&page, "x-both"), ["fixed"]);

    let denied = site.client().get(&site.url("fixed", "/nobody"));
    assert!(denied.status == 403 && !denied.text().contains("for nobody"));
    for (host, path) in [("fixed", "/private"), ("moved", "/private")] {
        let page = site.client().get(&site.url(host, path));
        let login = page.location().unwrap();
        assert_eq!(login.host_str(), Some("authenticate.example.test"), "{host}");
        assert!(!page.text().contains("for members"));
    }
    let mut client = site.client();
    let page = client.login(&site.url("fixed", "/private"), "user@example.com", PASSWORD);
    assert_eq!((page.status, page.text().as_str()), (200, "for members"));
    let first = client.get(&site.url("moved", "/private"));
    let seen = client.follow_until(first, |url| url.path() == "/seen");
    assert_eq!(seen.as_str(), site.url("moved", "/seen"));
    assert!(!site.upstream.saw("/private"));
}
