//! Requests that two readers could take for two things: what is decided is what
//! is served, or nothing is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, SharedSite, Site};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn raw(site: &Site, target: &str, fields: &str, body: &str) -> portcullis_harness::Response {
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: app.example.test:{}\r\n{fields}\r\n{body}",
        site.port()
    );
    site.client().raw(&site.url("app", "/"), request.as_bytes())
}

fn signed_in(site: &Site) -> Client {
    let mut client = site.client();
    let page = client.login(&site.url("app", "/"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    client
}

#[test]
fn no_spelling_of_a_path_gets_the_policy_of_another() {
    let site = SITE.get();
    for path in [
        "/pub/../secret-path",
        "/pub/./../secret-path",
        "/pub/%2e%2e/secret-path",
        "/pub/.%2E/secret-path",
        "/pub/..%2fsecret-path",
        "/pub/..%5csecret-path",
        "/pub/..\\secret-path",
        "/pub/..;/secret-path",
        "/pub/..;a=1/secret-path",
        "/pub/..%3b/secret-path",
        "/pub/%2e%2e%3Bx/secret-path",
        "/pub%2f..%2fsecret-path",
        "/pub#/../secret-path",
        "/pub/%00/../../secret-path",
        "/pub/%ff/secret-path",
        "/pub/%zz/secret-path",
        "//secret-path",
        "/pub/..//secret-path",
    ] {
        let answer = raw(&site, path, "Content-Length: 0\r\n", "");
        // 401: a POST that needs a login.
        assert!(matches!(answer.status, 400 | 401), "{path}: {}", answer.status);
    }
    assert!(!site.upstream.saw("secret-path"));
}

#[test]
fn no_second_request_hides_in_a_first() {
    let site = SITE.get();
    let hidden = "GET /pub/hidden HTTP/1.1\r\nHost: app\r\n\r\n";
    let chunked = format!("0\r\n\r\n{hidden}");
    for (fields, body) in [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            chunked.as_str(),
        ),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunked),
        ("Content-Length: 0\r\nContent-Length: 5\r\n", hidden),
        ("Content-Length: +0\r\n", hidden),
        ("Content-Length : 0\r\n", hidden),
        ("Transfer-Encoding : chunked\r\n", &chunked),
        ("Transfer-Encoding: chunked, identity\r\n", &chunked),
        ("Transfer-Encoding: xchunked\r\n", &chunked),
        (
            "Connection: upgrade\r\nUpgrade: other\r\nContent-Length: 0\r\n",
            hidden,
        ),
        (
            "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
            hidden,
        ),
    ] {
        for target in ["/pub/first", "/first"] {
            let answer = raw(&site, target, fields, body);
            assert!(matches!(answer.status, 400..=599), "{fields}: {}", answer.status);
        }
    }
    assert!(!site.upstream.saw("hidden") && !site.upstream.saw("first"));
    // The connections to the upstream are as good as before.
    let answer = site.client().get(&site.url("app", "/pub/afterwards"));
    assert_eq!(
        (answer.status, answer.text()),
        (200, "hello from the upstream\n".to_owned())
    );
}

/// Envoy alone would answer with an empty 500.
#[test]
fn headers_without_room_for_ours_are_refused_in_words() {
    let site = SITE.get();
    let refused = |fields: String| {
        let answer = raw(
            &site,
            "/pub/room",
            &format!("{fields}Accept: application/json\r\nContent-Length: 0\r\n"),
            "",
        );
        assert_eq!(answer.status, 431, "{}", answer.text());
        answer
    };
    let many: String = (0..989).map(|line| format!("x-h{line}: v\r\n")).collect();
    assert_eq!(refused(many).json()["code"], "headers_too_large");
    let large = format!("x-big: {}\r\n", "a".repeat(130_000));
    assert_eq!(refused(large).json()["code"], "headers_too_large");
    // Beyond the listener's own bound it is Envoy that says so.
    refused((0..1100).map(|line| format!("x-h{line}: v\r\n")).collect());
    assert!(!site.upstream.saw("room"));
}

#[test]
fn credentials_stay_outside_however_they_are_written() {
    let site = SITE.get();
    let mut client = signed_in(&site);
    for (mark, value) in [
        ("cred-a", "pOmErIuM\tforged-value"),
        ("cred-b", "Bearer   Pomerium-forged-value"),
        ("cred-c", "Basic YTpi, Pomerium forged-value"),
    ] {
        let answer = client.get_with(
            &site.url("app", &format!("/?mark={mark}")),
            &[("Authorization", value)],
        );
        assert_eq!(answer.status, 200, "{mark}");
        assert!(!site.upstream.one(mark).text().contains("forged-value"), "{mark}");
    }
    for (mark, query) in [
        ("query-a", "pomerium_session=forged-value"),
        ("query-b", "pomerium%5Fsession=forged-value"),
        (
            "query-c",
            "%70omerium_session=forged-value&%70omerium_session=forged-value",
        ),
    ] {
        let answer = client.get(&site.url("app", &format!("/?mark={mark}&{query}")));
        assert_eq!(answer.status, 200, "{mark}");
        let target = site.upstream.one(mark).target().to_owned();
        assert_eq!(target, format!("/?mark={mark}"));
    }
}
