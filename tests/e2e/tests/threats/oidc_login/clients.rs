//! What a request without a session is told, by what kind of client it is.

use portcullis_harness::Site;
use portcullis_harness::http2::{self, Http2Request};
use url::Url;

use crate::support::SITE;

/// Refused with 401 in place, nothing set, and nothing reached the upstream.
#[track_caller]
fn assert_unauthorized(site: &Site, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) {
    let url = Url::parse(&site.url("app", path)).unwrap();
    let answer = site.client().send(method, &url, fields, body);
    let what = format!("{method} {fields:?}: {:?}", answer.head.fields);
    assert_eq!(answer.status, 401, "{what}");
    assert!(answer.header("www-authenticate").is_some(), "{what}");
    assert!(
        answer.header("location").is_none() && answer.header("set-cookie").is_none(),
        "{what}"
    );
    assert!(!site.upstream.saw(path), "{what}");
}

#[test]
fn oi_14_only_a_navigation_is_led_to_the_login() {
    let site = SITE.get();
    for fields in [
        &[][..],
        &[
            ("Accept", "text/html,*/*;q=0.8"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
        ],
    ] {
        let answer = site.client().get_with(&site.url("app", "/oi-14-page"), fields);
        assert_eq!(answer.status, 302, "{fields:?}");
    }
    for fields in [
        &[("X-Requested-With", "XMLHttpRequest")][..],
        &[("Sec-Fetch-Mode", "cors"), ("Accept", "text/html")],
        &[("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
        &[("Accept", "application/json")],
        &[("Accept", "text/event-stream")],
    ] {
        assert_unauthorized(&site, "GET", "/oi-14-script", fields, b"");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let fields = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
        assert_unauthorized(&site, method, "/oi-14-form", &fields, b"transfer=1000");
    }
    let answer = site.client().websocket(&site.url("app", "/oi-14-socket"));
    let answer = answer.err().expect("no websocket for nobody");
    assert_eq!(answer.status, 401);
    assert!(!site.upstream.saw("oi-14-socket"));
}

#[test]
fn oi_14_grpc_has_an_answer_of_its_own() {
    let site = SITE.get();
    let url = site.url("app", "/pkg.Oi14/Method");
    let fields = [("content-type", "application/grpc"), ("te", "trailers")];
    let request = Http2Request {
        method: "POST",
        url: &url,
        fields: &fields,
        body: b"\0\0\0\0\0",
        trailers: &[],
    };
    let answer = http2::send(site.authority(), &request).expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["grpc-status"]),
        (200, &"16".parse().unwrap())
    );
    assert!(!answer.headers().contains_key("location") && !site.upstream.saw("pkg.Oi14"));
}

/// The body of a form that came too late is nowhere: not in the login, and not at the
/// application after it.
#[test]
fn oi_14_a_body_is_never_sent_again() {
    let site = SITE.get();
    let mut client = site.client();
    let url = Url::parse(&site.url("app", "/oi-14-late")).unwrap();
    let refused = client.send("POST", &url, &[("Accept", "text/html")], b"secret-of-a-form");
    assert_eq!(refused.status, 401);
    assert!(!refused.text().contains("secret-of-a-form"));
    let page = client.login(
        url.as_str(),
        crate::support::USER,
        portcullis_harness::provider::PASSWORD,
    );
    assert_eq!(page.status, 200);
    let came = site.upstream.one("oi-14-late");
    assert!(came.head.start.starts_with("GET ") && came.body.is_empty());
    let visited = page.history.iter().map(Url::as_str).collect::<String>();
    assert!(!visited.contains("secret-of-a-form"));
    assert!(!site.gateway.log().contains("secret-of-a-form"));
}
