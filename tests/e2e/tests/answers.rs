//! What a request that needs a login is told, by what kind of client it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::http2::{self, Http2Request};
use portcullis_harness::{Response, SharedSite, Site};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://public.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn ask(site: &Site, method: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let url = url::Url::parse(&site.url("app", path)).unwrap();
    let answer = site.client().send(method, &url, fields, b"");
    assert!(
        !site.upstream.saw(path),
        "an anonymous request reached the upstream"
    );
    answer
}

#[track_caller]
fn assert_redirected(site: &Site, method: &str, path: &str, fields: &[(&str, &str)]) {
    let answer = ask(site, method, path, fields);
    assert_eq!(answer.status, 302, "{method} {fields:?}: {}", answer.text());
    let target = answer.location().expect("a 302 leads somewhere");
    assert_eq!(target.host_str(), Some("authenticate.example.test"));
    assert_eq!(target.port(), Some(site.port()));
    assert!(
        target
            .query_pairs()
            .any(|(name, value)| name == "pomerium_signature" && !value.is_empty()),
        "{target}"
    );
}

#[track_caller]
fn assert_unauthorized(site: &Site, method: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let answer = ask(site, method, path, fields);
    assert_eq!(
        answer.status,
        401,
        "{method} {path} {fields:?}: {:?} {}",
        answer.location(),
        answer.text()
    );
    assert!(
        answer.header("www-authenticate").is_some(),
        "{method} {fields:?}: {:?}",
        answer.head
    );
    assert!(answer.header("location").is_none());
    assert_eq!(
        answer.head.all("set-cookie").count(),
        0,
        "{method} {fields:?}: {:?}",
        answer.head
    );
    answer
}

#[test]
fn browsers_and_plain_clients_are_redirected() {
    let site = SITE.get();
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    assert_redirected(&site, "GET", "/redirect", &[]);
    assert_redirected(&site, "HEAD", "/redirect", &[]);
    assert_redirected(
        &site,
        "GET",
        "/redirect",
        &[("Accept", "*/*"), ("User-Agent", "curl/8.5.0")],
    );
    assert_redirected(&site, "GET", "/redirect", &[("Accept", browser)]);
    assert_redirected(
        &site,
        "GET",
        "/redirect",
        &[("Accept", browser), ("Sec-Fetch-Mode", "navigate")],
    );
    assert_redirected(
        &site,
        "GET",
        "/redirect",
        &[("Authorization", "Bearer of-another-party")],
    );
}

#[test]
fn the_redirect_binds_the_browser_with_a_cookie() {
    let site = SITE.get();
    let answer = ask(&site, "GET", "/binding", &[]);
    let cookies: Vec<&str> = answer.head.all("set-cookie").collect();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let cookie = cookies[0].to_ascii_lowercase();
    assert!(
        cookie.contains("; secure") && cookie.contains("; httponly") && !cookie.contains("domain="),
        "{cookie}"
    );
    assert!(
        answer
            .header("cache-control")
            .is_some_and(|value| value.contains("no-store")),
        "{:?}",
        answer.head
    );
}

#[test]
fn scripts_and_machines_get_a_401() {
    let site = SITE.get();
    for fields in [
        &[("X-Requested-With", "XMLHttpRequest")][..],
        &[("X-Requested-With", "xmlhttprequest"), ("Accept", "text/html")],
        &[
            ("Accept", "application/json"),
            ("X-Requested-With", "XMLHttpRequest"),
        ],
        &[("Sec-Fetch-Mode", "cors")],
        &[("Sec-Fetch-Mode", "no-cors"), ("Accept", "text/html")],
        &[("Accept", "application/json")],
        &[("Accept", "image/avif,image/webp")],
        &[("Accept", "text/event-stream")],
    ] {
        assert_unauthorized(&site, "GET", "/machine", fields);
    }
    let body = assert_unauthorized(&site, "GET", "/machine", &[("Accept", "application/json")]).json();
    assert!(
        body["decision_id"].is_string() && body["request_id"].is_string() && body["error"].is_string(),
        "{body}"
    );
}

#[test]
fn websockets_get_a_401() {
    let fields = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let site = SITE.get();
    let lines: String = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: app.example.test:{}\r\n{lines}\r\n",
        site.port()
    );
    let answer = site.client().raw(&site.url("app", "/socket"), request.as_bytes());
    assert_eq!(answer.status, 401, "{:?}", answer.head);
    assert!(answer.header("www-authenticate").is_some() && answer.header("set-cookie").is_none());
    assert!(!site.upstream.saw("/socket"));
}

#[test]
fn a_credential_of_ours_that_is_no_good_gets_a_401() {
    let site = SITE.get();
    for fields in [
        ("Authorization", "Pomerium nonsense"),
        ("Authorization", "Bearer Pomerium-nonsense"),
        ("X-Pomerium-Authorization", "nonsense"),
    ] {
        assert_unauthorized(&site, "GET", "/credential", &[fields, ("Accept", "text/html")]);
    }
    assert_unauthorized(
        &site,
        "GET",
        "/credential?pomerium_session=nonsense",
        &[("Accept", "text/html")],
    );
}

#[test]
fn kubectl_gets_a_status_object() {
    let site = SITE.get();
    let agent = ("User-Agent", "kubectl/v1.32.4 (linux/amd64) kubernetes/59526cd");
    let body = assert_unauthorized(&site, "GET", "/api", &[agent]).json();
    assert_eq!(
        (&body["kind"], &body["apiVersion"]),
        (&"Status".into(), &"v1".into()),
        "{body}"
    );
    assert_eq!(
        (&body["code"], &body["reason"]),
        (&401.into(), &"Unauthorized".into()),
        "{body}"
    );
}

#[test]
fn a_post_gets_a_page_that_says_how_to_go_on() {
    let site = SITE.get();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_unauthorized(&site, method, "/form", &[("Accept", "text/html")]);
    }
    let page = assert_unauthorized(&site, "POST", "/form", &[("Accept", "text/html")]);
    assert!(
        page.header("content-type")
            .is_some_and(|t| t.starts_with("text/html")),
        "{:?}",
        page.head
    );
    assert!(
        page.text().contains("sign in") || page.text().contains("Sign in"),
        "{}",
        page.text()
    );
}

#[test]
fn grpc_gets_its_own_status_and_never_a_redirect() {
    let site = SITE.get();
    let url = site.url("app", "/pkg.Service/Method");
    let call = |kind: &str| {
        let fields = [("content-type", kind), ("te", "trailers")];
        let request = Http2Request {
            method: "POST",
            url: &url,
            fields: &fields,
            body: b"\0\0\0\0\0",
            trailers: &[],
        };
        http2::send(site.authority(), &request).expect("an answer")
    };
    for kind in ["application/grpc", "application/grpc+proto"] {
        let answer = call(kind);
        assert_eq!(answer.status(), 200, "{kind}");
        assert_eq!(
            answer.headers()["grpc-status"],
            "16",
            "{kind}: {:?}",
            answer.headers()
        );
        assert!(!answer.headers().contains_key("set-cookie"));
    }
    for kind in [
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
    ] {
        let answer = call(kind);
        assert_eq!(answer.status(), 401, "{kind}: {:?}", answer.headers());
        assert!(!answer.headers().contains_key("location") && !answer.headers().contains_key("set-cookie"));
    }
    assert!(!site.upstream.saw("pkg.Service"));
}

#[test]
fn a_websocket_is_not_opened_even_where_everybody_may() {
    let site = SITE.get();
    let request = format!(
        "GET /public-socket HTTP/1.1\r\nHost: public.example.test:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        site.port()
    );
    let answer = site
        .client()
        .raw(&site.url("public", "/public-socket"), request.as_bytes());
    assert_eq!(answer.status, 403, "{:?}", answer.head);
    assert!(!site.upstream.saw("/public-socket"));
}
