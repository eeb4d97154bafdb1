//! Hosts, paths and methods at the edges of what is routed.
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
- {from: 'https://public.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://base.example.test:{port}', to: '{upstream}/base/', allow_public_unauthenticated_access: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

/// A request with any host, over a connection to the public host.
fn with_host(site: &Site, start: &str, host: &str) -> Response {
    let request = format!("{start} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    site.client().raw(&site.url("public", "/"), request.as_bytes())
}

#[test]
fn an_unknown_host_is_404_with_a_decision() {
    let site = SITE.get();
    for host in [
        "unknown.example.test",
        "example.test",
        "public.example.test.evil.test",
        "127.0.0.1",
        "[::1]",
    ] {
        for host in [host.to_owned(), format!("{host}:{}", site.port())] {
            let answer = with_host(&site, "GET /?mark=unknown", &host);
            assert_eq!(answer.status, 404, "{host}: {}", answer.text());
            assert!(
                answer.json()["decision_id"].is_string(),
                "{host}: {}",
                answer.text()
            );
        }
    }
    assert!(!site.upstream.saw("mark=unknown"));
}

#[test]
fn a_host_is_the_same_however_it_is_written() {
    let site = SITE.get();
    for host in [
        "public.example.test",
        "PUBLIC.Example.Test",
        "public.example.test.",
    ] {
        let host = format!("{host}:{}", site.port());
        assert_eq!(with_host(&site, "GET /", &host).status, 200, "{host}");
    }
}

#[test]
fn a_doubtful_host_is_refused() {
    let site = SITE.get();
    let port = site.port();
    for host in [
        format!("public.example.test:{port}:{port}"),
        "user@public.example.test".to_owned(),
        "public.example.test/x".to_owned(),
        "public.example.test, app.example.test".to_owned(),
    ] {
        let answer = with_host(&site, "GET /?mark=doubtful", &host);
        assert!((400..500).contains(&answer.status), "{host}: {}", answer.status);
    }
    assert!(!site.upstream.saw("mark=doubtful"));
}

#[test]
fn the_absolute_form_decides_over_the_host_line() {
    let site = SITE.get();
    let start = format!("GET https://app.example.test:{}/?mark=absolute", site.port());
    let answer = with_host(&site, &start, &format!("public.example.test:{}", site.port()));
    assert_eq!(
        answer.status,
        401,
        "the protected host was asked for: {}",
        answer.text()
    );
    assert!(!site.upstream.saw("mark=absolute"));
}

#[test]
fn a_tunnel_is_never_opened() {
    let site = SITE.get();
    for target in [
        "public.example.test:443",
        "app.example.test:443",
        "unknown.example.test:443",
        "127.0.0.1:22",
    ] {
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let answer = site.client().raw(&site.url("public", "/"), request.as_bytes());
        assert!((400..500).contains(&answer.status), "{target}: {}", answer.status);
    }
}

#[test]
fn smuggling_attempts_reach_nobody() {
    let site = SITE.get();
    let host = format!("Host: public.example.test:{}", site.port());
    for (what, head) in [
        ("both lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6"),
        ("an odd coding", "Transfer-Encoding: xchunked"),
        ("a space before the colon", "X-Pomerium-Jwt-Assertion : x"),
        ("a NUL", "X-A: a\0b"),
    ] {
        let request = format!("POST /?mark=smuggled HTTP/1.1\r\n{host}\r\n{head}\r\n\r\n0\r\n\r\n");
        let answer = site.client().raw(&site.url("public", "/"), request.as_bytes());
        assert!((400..=501).contains(&answer.status), "{what}: {}", answer.status);
    }
    assert!(!site.upstream.saw("mark=smuggled"));
}

#[test]
fn http2_serves_the_same() {
    let site = SITE.get();
    for (host, status) in [("public", 200), ("app", 302), ("unknown", 404)] {
        let url = site.url(host, "/?mark=h2");
        let request = Http2Request {
            method: "GET",
            url: &url,
            fields: &[],
            body: b"",
            trailers: &[],
        };
        let answer = http2::send(site.authority(), &request).expect("an answer");
        assert_eq!(answer.status(), status, "{host}");
    }
}

#[test]
fn internal_paths_are_on_every_host_and_robots_are_sent_away() {
    let site = SITE.get();
    for host in ["public", "app", "authenticate"] {
        assert_eq!(site.client().get(&site.url(host, "/ping")).status, 200, "{host}");
        assert_eq!(
            site.client().get(&site.url(host, "/healthz")).status,
            200,
            "{host}"
        );
        assert_eq!(
            site.client()
                .get(&site.url(host, "/.well-known/pomerium/jwks.json"))
                .status,
            200,
            "{host}"
        );
    }
    let robots = site.client().get(&site.url("authenticate", "/robots.txt"));
    assert_eq!(
        (robots.status, robots.text().contains("Disallow: /")),
        (200, true)
    );
    for path in ["/.pomerium/nonsense", "/.well-known/pomerium/nonsense"] {
        assert_eq!(site.client().get(&site.url("app", path)).status, 404, "{path}");
    }
    assert!(!site.upstream.saw(".pomerium") && !site.upstream.saw("/ping"));
}

#[test]
fn a_path_in_the_destination_comes_before_the_requests() {
    let site = SITE.get();
    assert_eq!(site.client().get(&site.url("base", "/x/y?mark=base")).status, 200);
    assert_eq!(site.upstream.one("mark=base").target(), "/base/x/y?mark=base");
}
