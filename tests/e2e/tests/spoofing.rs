//! Nobody can speak as us: what a client makes up never reaches the upstream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::http2::{self, Http2Request};
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, SharedSite, Site};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://public.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://plain.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, pass_identity_headers: false}
";

/// What every made-up value contains.
const FORGED: &str = "forged-value";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn signed_in(site: &Site, host: &str) -> Client {
    let mut client = site.client();
    let page = client.login(&site.url(host, "/"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    client
}

#[track_caller]
fn assert_clean(site: &Site, mark: &str) {
    let text = site.upstream.one(mark).text();
    let lower = text.to_ascii_lowercase();
    assert!(
        !lower.contains(FORGED),
        "a made-up value reached the upstream:\n{text}"
    );
    assert!(
        !lower.contains("_pomerium"),
        "a cookie of ours reached the upstream:\n{text}"
    );
    assert!(
        !lower.contains("x-portcullis"),
        "an internal header reached the upstream:\n{text}"
    );
    let ours = ["x-pomerium-jwt-assertion"];
    for line in lower.lines().filter(|line| line.starts_with("x-pomerium-")) {
        let name = line.split(':').next().unwrap();
        assert!(ours.contains(&name), "`{line}` reached the upstream");
    }
}

#[test]
fn identity_headers_of_the_client_are_replaced() {
    let site = SITE.get();
    let fields = [
        ("x-pomerium-jwt-assertion", FORGED),
        ("X-POMERIUM-JWT-ASSERTION", FORGED),
        ("X-Pomerium-Jwt-Assertion-For", FORGED),
        ("X-Pomerium-Claim-Email", FORGED),
        ("x-pomerium-made-up", FORGED),
        ("x-pomerium-authorization-made-up", FORGED),
        ("X-Email", FORGED),
        ("x-email", FORGED),
        ("X-Department", FORGED),
        ("x-portcullis-assertion", FORGED),
        ("x-envoy-original-path", FORGED),
        ("x-envoy-made-up", FORGED),
        ("X-Ordinary", "stays"),
    ];
    let public = site
        .client()
        .get_with(&site.url("public", "/?mark=headers-public"), &fields);
    assert_eq!(public.status, 200);
    assert_clean(&site, "mark=headers-public");
    let seen = site.upstream.one("mark=headers-public");
    assert_eq!(seen.header("x-email"), Some(""));
    assert_eq!(seen.header("x-ordinary"), Some("stays"));
    assert_eq!(site.assertion("public", "mark=headers-public")["email"], "");

    let mut client = signed_in(&site, "app");
    assert_eq!(
        client
            .get_with(&site.url("app", "/?mark=headers-app"), &fields)
            .status,
        200
    );
    assert_clean(&site, "mark=headers-app");
    let seen = site.upstream.one("mark=headers-app");
    assert_eq!(seen.header("x-email"), Some("admin@example.com"));
    assert_eq!(seen.header("x-department"), Some("engineering"));
    assert_eq!(
        site.assertion("app", "mark=headers-app")["email"],
        "admin@example.com"
    );
}

#[test]
fn headers_with_underscores_are_refused() {
    let site = SITE.get();
    for name in [
        "X_Email",
        "x_pomerium_jwt_assertion",
        "x-pomerium_jwt-assertion",
        "X-Pomerium-Jwt_Assertion",
    ] {
        let answer = site
            .client()
            .get_with(&site.url("public", "/?mark=underscore"), &[(name, FORGED)]);
        assert_eq!(answer.status, 400, "{name}");
    }
    assert!(!site.upstream.saw("mark=underscore"));
}

#[test]
fn the_connection_header_removes_nothing_of_ours() {
    let site = SITE.get();
    let client = signed_in(&site, "app");
    let cookie: Vec<String> = client
        .cookies("app.example.test")
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    for (mark, line) in [
        (
            "connection-a",
            "Connection: close, x-pomerium-jwt-assertion, x-email",
        ),
        ("connection-b", "Connection: x-pomerium-jwt-assertion, x-email"),
        (
            "connection-c",
            "Proxy-Connection: x-pomerium-jwt-assertion, x-email",
        ),
        ("connection-d", "Keep-Alive: x-pomerium-jwt-assertion, x-email"),
        ("connection-e", "TE: trailers, x-pomerium-jwt-assertion, x-email"),
    ] {
        let request = format!(
            "GET /?mark={mark} HTTP/1.1\r\nHost: app.example.test:{}\r\nCookie: {}\r\n{line}\r\n\r\n",
            site.port(),
            cookie.join("; ")
        );
        let answer = client.raw(&site.url("app", "/"), request.as_bytes());
        assert_eq!(answer.status, 200, "{line}");
        assert_clean(&site, &format!("mark={mark}"));
        assert_eq!(
            site.upstream.one(&format!("mark={mark}")).header("x-email"),
            Some("admin@example.com"),
            "{line}"
        );
        assert_eq!(
            site.assertion("app", &format!("mark={mark}"))["email"],
            "admin@example.com",
            "{line}"
        );
    }
}

#[test]
fn credentials_of_ours_stay_outside_and_others_pass() {
    let site = SITE.get();
    for (mark, name, value, passes) in [
        ("auth-a", "Authorization", "Pomerium forged-value", false),
        ("auth-b", "Authorization", "Bearer Pomerium-forged-value", false),
        ("auth-c", "X-Pomerium-Authorization", "forged-value", false),
        ("auth-d", "Authorization", "Basic dTpw", true),
        ("auth-e", "Authorization", "Bearer of-another-party", true),
    ] {
        let answer = site
            .client()
            .get_with(&site.url("public", &format!("/?mark={mark}")), &[(name, value)]);
        assert_eq!(answer.status, 200, "{mark}: {}", answer.text());
        assert_clean(&site, &format!("mark={mark}"));
        let seen = site.upstream.one(&format!("mark={mark}"));
        assert_eq!(seen.header("authorization"), passes.then_some(value), "{mark}");
    }
}

#[test]
fn trailers_cannot_smuggle_identity() {
    let site = SITE.get();
    let names = [
        "x-pomerium-jwt-assertion",
        "X-Pomerium-Made-Up",
        "x-email",
        "X_Email",
        "x_pomerium_jwt_assertion",
    ];
    let trailers: String = names.iter().map(|name| format!("{name}: {FORGED}\r\n")).collect();
    let request = format!(
        "POST /?mark=trailers-h1 HTTP/1.1\r\nHost: public.example.test:{}\r\nTE: trailers\r\nTrailer: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n",
        site.port(),
        names.join(", ")
    );
    let answer = site.client().raw(&site.url("public", "/"), request.as_bytes());
    // Refusing such a request is as good as dropping its trailers.
    if answer.status == 200 {
        let seen = site.upstream.one("mark=trailers-h1");
        assert!(!seen.text().contains(FORGED), "{}", seen.text());
        assert_eq!(seen.body, b"hello");
        assert!(seen.trailers.is_empty(), "{:?}", seen.trailers);
    } else {
        assert_eq!(answer.status, 400);
        assert!(!site.upstream.saw("mark=trailers-h1"));
    }

    let url = site.url("public", "/?mark=trailers-h2");
    let trailers = [("x-pomerium-jwt-assertion", FORGED), ("x-email", FORGED)];
    let fields = [("te", "trailers")];
    let request = Http2Request {
        method: "POST",
        url: &url,
        fields: &fields,
        body: b"hello",
        trailers: &trailers,
    };
    let answer = http2::send(site.authority(), &request).expect("an answer");
    assert_eq!(answer.status(), 200);
    let seen = site.upstream.one("mark=trailers-h2");
    assert_eq!(seen.body, b"hello");
    assert!(
        !seen.text().contains(FORGED) && seen.trailers.is_empty(),
        "{}",
        seen.text()
    );
}

#[test]
fn a_route_that_passes_no_identity_passes_none() {
    let site = SITE.get();
    let mut client = signed_in(&site, "plain");
    let fields = [("x-pomerium-jwt-assertion", FORGED), ("x-email", FORGED)];
    assert_eq!(
        client
            .get_with(&site.url("plain", "/?mark=plain-route"), &fields)
            .status,
        200
    );
    assert_clean(&site, "mark=plain-route");
    let seen = site.upstream.one("mark=plain-route");
    assert_eq!(seen.header("x-pomerium-jwt-assertion"), None);
    assert_eq!(seen.header("x-email"), None);
    assert!(!seen.text().contains("admin@example.com"));
}

#[test]
fn the_applications_own_cookie_reaches_the_browser() {
    let site = SITE.get();
    let answer = site.client().get(&site.url("public", "/"));
    assert_eq!(
        answer.head.all("set-cookie").collect::<Vec<_>>(),
        ["app=1; Path=/"]
    );
}
