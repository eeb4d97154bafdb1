//! Preflights, CORS, CSRF and headers, through Envoy.

use portcullis_harness::{Response, Site};
use url::Url;

use crate::support::{ADMIN, SITE, assert_refused, cookie, plus, signed_in, with};

/// Every page and document of ours that answers GET, by host.
const OURS: [(&str, &str); 17] = [
    ("app", "/.well-known/pomerium"),
    ("app", "/.well-known/pomerium/jwks.json"),
    ("app", "/.pomerium/"),
    ("app", "/.pomerium/user"),
    ("app", "/.pomerium/routes"),
    ("app", "/.pomerium/api/v1/routes"),
    ("app", "/.pomerium/jwt"),
    ("app", "/.pomerium/callback/"),
    ("app", "/.pomerium/depends_on"),
    ("app", "/.pomerium/sign_out"),
    ("app", "/.pomerium/nothing"),
    ("authenticate", "/.pomerium/"),
    ("authenticate", "/.pomerium/sign_in"),
    ("authenticate", "/.pomerium/sign_out"),
    ("authenticate", "/.pomerium/signed_out"),
    ("authenticate", "/oauth2/callback"),
    ("unknown", "/"),
];

fn is_open(path: &str) -> bool {
    path.starts_with("/.well-known/")
}

fn send(site: &Site, method: &str, host: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
    let url = Url::parse(&site.url(host, path)).unwrap();
    site.client().send(method, &url, fields, body)
}

#[test]
fn br_01_only_a_preflight_passes_and_only_where_it_may() {
    let site = SITE.get();
    let origin = ("Origin", "https://spa.example");
    let method = ("Access-Control-Request-Method", "PUT");
    let good = [origin, method];
    assert_eq!(
        send(&site, "OPTIONS", "cors", "/br-01-good", &good, b"").status,
        200
    );
    assert!(site.upstream.saw("br-01-good"));
    let seen = site.upstream.one("br-01-good");
    assert_eq!(seen.header("x-email"), Some(""), "a preflight is nobody");

    for (host, verb, fields) in [
        ("app", "OPTIONS", &good[..]),
        ("admin", "OPTIONS", &good),
        ("cors", "OPTIONS", &[]),
        ("cors", "OPTIONS", &[origin]),
        ("cors", "OPTIONS", &[method]),
        ("cors", "OPTIONS", &[("Origin", ""), method]),
        (
            "cors",
            "OPTIONS",
            &[origin, ("Access-Control-Request-Method", "")],
        ),
        (
            "cors",
            "OPTIONS",
            &[origin, ("Access-Control-Request-Headers", "x")],
        ),
        ("cors", "options", &good),
        ("cors", "GET", &good),
        ("cors", "POST", &good),
        ("cors", "PUT", &good),
        ("cors", "PROPFIND", &good),
        ("cors", "MKCOL", &good),
        ("cors", "SEARCH", &good),
    ] {
        let answer = send(&site, verb, host, "/br-01-bad", fields, b"");
        // What is no navigation is refused in place; Envoy refuses what is no method.
        assert!(
            matches!(answer.status, 302 | 400 | 401),
            "{verb} on {host} {fields:?}: {}",
            answer.status
        );
        assert!(
            verb == "GET" || answer.status != 302,
            "{verb} on {host} {fields:?}"
        );
    }
    assert!(!site.upstream.saw("br-01-bad"));
    let overridden = [origin, method, ("X-HTTP-Method-Override", "OPTIONS")];
    assert_eq!(
        send(&site, "DELETE", "cors", "/br-01-bad", &overridden, b"").status,
        401
    );
    assert!(!site.upstream.saw("br-01-bad"));
}

/// As Pomerium lets any origin read a signed address of the authenticate host, and we
/// those of our own routes alone, over https.
#[test]
fn br_02_only_our_own_origins_are_let_in_with_credentials_and_only_at_a_signed_address() {
    let site = SITE.get();
    let client = signed_in(&site, "app", ADMIN);
    for (host, path) in OURS {
        for origin in [
            "https://evil.example",
            "null",
            "https://app.example.test.evil.example",
        ] {
            let url = Url::parse(&site.url(host, path)).unwrap();
            let preflight = ("Access-Control-Request-Method", "GET");
            for (method, fields) in [
                ("GET", vec![("Origin", origin)]),
                ("OPTIONS", vec![("Origin", origin), preflight]),
            ] {
                let answer = client.clone().send(method, &url, &fields, b"");
                let what = format!("{method} {url} from {origin}: {:?}", answer.head.fields);
                assert_eq!(answer.header("access-control-allow-credentials"), None, "{what}");
                let allowed = answer.header("access-control-allow-origin");
                assert_eq!(allowed, is_open(path).then_some("*"), "{what}");
            }
        }
    }
    // An address that we have signed, and the same unsigned or altered.
    let own = site.origin("app");
    let signed = site
        .client()
        .get(&site.url("app", "/"))
        .location()
        .expect("the sign-in");
    let unsigned = with(&signed, "pomerium_signature", None);
    let changed = plus(&signed, "x", "y");
    let elsewhere = Url::parse(&site.url("app", "/.pomerium/")).unwrap();
    for (url, origin, reads) in [
        (&signed, own.as_str(), true),
        (&signed, "https://evil.example", false),
        (&signed, "null", false),
        (&signed, "https://app.example.test", false),
        (&signed, &own.replace("https", "http"), false),
        (&signed, &format!("{own}.evil.example"), false),
        (&unsigned, &own, false),
        (&changed, &own, false),
        (&elsewhere, &own, false),
    ] {
        let preflight = ("Access-Control-Request-Method", "GET");
        for method in ["GET", "OPTIONS"] {
            let answer = client
                .clone()
                .send(method, url, &[("Origin", origin), preflight], b"");
            let what = format!("{method} {url} from {origin}: {:?}", answer.head.fields);
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, reads.then_some(origin), "{what}");
            let credentials = answer.header("access-control-allow-credentials");
            assert_eq!(credentials, reads.then_some("true"), "{what}");
        }
    }
}

#[test]
fn br_03_no_other_site_changes_anything() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    let elsewhere = signed_in(&site, "app", ADMIN);
    let page = client.get(&site.url("app", "/.pomerium/")).text();
    let ends: Vec<&str> = page
        .split('"')
        .filter(|text| text.starts_with("/.pomerium/sessions/end?"))
        .collect();
    let ends = ends
        .first()
        .expect("another session of the same user")
        .replace("&amp;", "&");
    for (host, path) in [
        ("app", "/.pomerium/sign_out"),
        ("authenticate", "/.pomerium/sign_out"),
        ("app", &ends),
    ] {
        let own = site.origin(host);
        for fields in [
            &[("Sec-Fetch-Site", "cross-site")][..],
            &[("Sec-Fetch-Site", "same-site"), ("Origin", &site.origin("other"))],
            &[("Sec-Fetch-Site", "cross-site"), ("Origin", &own)],
            &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")],
            &[("Sec-Fetch-Site", "Same-Origin")],
            &[("Sec-Fetch-Site", "")],
            &[("Origin", "https://evil.example")],
            &[("Origin", "null")],
            &[("Origin", "")],
            &[("Origin", "https://app.example.test")],
            &[("Origin", &own), ("Origin", "https://evil.example")],
        ] {
            let url = Url::parse(&site.url(host, path)).unwrap();
            let answer = client.send("POST", &url, fields, b"");
            assert_eq!(
                answer.status,
                403,
                "{path} on {host} {fields:?}: {}",
                answer.text()
            );
            assert_refused(&answer, path);
            for (whose, client) in [("own", &client), ("other", &elsewhere)] {
                let status = client.clone().get(&site.url("app", "/")).status;
                assert_eq!(status, 200, "{whose} session after {fields:?}");
            }
        }
    }
    // The same request of our own page works, so that it was the origin.
    let url = Url::parse(&site.url("app", &ends)).unwrap();
    let own = [
        ("Origin", &*site.origin("app")),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    assert_eq!(client.send("POST", &url, &own, b"").status, 303);
    assert_eq!(elsewhere.clone().get(&site.url("app", "/")).status, 302);
}

#[test]
fn br_04_every_page_of_ours_is_hardened() {
    let site = SITE.get();
    let client = signed_in(&site, "app", ADMIN);
    for (host, path) in OURS {
        for (who, mut client) in [("somebody", client.clone()), ("nobody", site.client())] {
            let answer = client.get(&site.url(host, path));
            let what = format!(
                "{path} on {host} for {who}: {} {:?}",
                answer.status, answer.head.fields
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
            assert!(
                matches!(answer.header("x-frame-options"), Some("DENY" | "SAMEORIGIN")),
                "{what}"
            );
            assert!(
                answer
                    .header("strict-transport-security")
                    .is_some_and(|value| value.contains("max-age=")),
                "{what}"
            );
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{what}"
            );
            assert!(!policy.contains("unsafe"), "{what}");
            assert!(
                answer.header("server").is_none_or(|server| !server.contains('/')),
                "{what}"
            );
        }
    }
    for answer in refusals(&site) {
        let what = format!("{}: {} {:?}", answer.url, answer.status, answer.head.fields);
        let bare = answer.body.is_empty();
        assert!(
            bare || answer.header("x-content-type-options") == Some("nosniff"),
            "{what}"
        );
        assert!(answer.header("strict-transport-security").is_some(), "{what}");
        assert!(answer.header("x-frame-options").is_some(), "{what}");
    }
}

/// What the check answers itself: a redirect, 401, 403, 404 and a bad request.
fn refusals(site: &Site) -> Vec<Response> {
    let mut guest = signed_in(site, "app", crate::support::USER);
    let mut answers = vec![
        site.client().get(&site.url("app", "/")),
        site.client()
            .get_with(&site.url("app", "/"), &[("X-Requested-With", "XMLHttpRequest")]),
        site.client().get(&site.url("unknown", "/")),
        site.client().get(&site.url("app", "/%zz")),
    ];
    let first = guest.get(&site.url("admin", "/"));
    answers.push(guest.follow(first));
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [302, 401, 404, 400, 403]);
    answers
}

#[test]
fn br_05_nothing_of_ours_stays_in_a_shared_cache() {
    let site = SITE.get();
    let client = signed_in(&site, "app", ADMIN);
    let mut answers = refusals(&site);
    for (host, path) in OURS {
        if !is_open(path) {
            answers.push(client.clone().get(&site.url(host, path)));
            answers.push(site.client().get(&site.url(host, path)));
        }
    }
    let mut login = site.client();
    let back = crate::support::callback(&mut login, &site.url("app", "/"), ADMIN);
    answers.push(login.get(back.as_str()));
    assert!(cookie(&login, "app", "_pomerium").is_some());
    for answer in answers {
        let what = format!("{}: {} {:?}", answer.url, answer.status, answer.head.fields);
        let cache = answer.header("cache-control").unwrap_or_default();
        assert!(cache.contains("no-store"), "{what}");
        assert!(
            !cache.contains("public") && answer.header("etag").is_none(),
            "{what}"
        );
    }
    // What is for everybody is the same for everybody.
    for path in ["/.well-known/pomerium", "/.well-known/pomerium/jwks.json"] {
        let url = site.url("app", path);
        let (one, other) = (client.clone().get(&url), site.client().get(&url));
        assert_eq!(one.body, other.body);
        assert!(one.header("set-cookie").is_none() && other.header("set-cookie").is_none());
    }
}
