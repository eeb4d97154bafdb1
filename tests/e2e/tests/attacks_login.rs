//! Other sites that try to use a browser against its user: planted cookies,
//! foreign sign-outs, addresses passed on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, SharedSite, Site};
use url::Url;

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn signed_in(site: &Site, user: &str) -> Client {
    let mut client = site.client();
    let page = client.login(&site.url("app", "/"), user, PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    client
}

#[track_caller]
fn assert_alive(site: &Site, client: &mut Client) {
    assert_eq!(client.get(&site.url("app", "/")).status, 200, "signed out");
}

/// Another site of the domain sets our cookie's name for the whole domain. Each
/// turn of the circle would be a login at the provider and a new session.
#[test]
fn a_planted_cookie_sends_nobody_round_in_circles() {
    let site = SITE.get();
    let mut client = signed_in(&site, "admin@example.com");
    let page = client.get_with(
        &site.url("authenticate", "/.pomerium/"),
        &[("Cookie", "_pomerium_authenticate=planted")],
    );
    assert_eq!(page.status, 400, "{:?}", page.location());
    assert!(page.text().contains("ambiguous_cookies"), "{}", page.text());
    assert_alive(&site, &mut client);
}

#[test]
fn no_other_site_signs_anybody_out() {
    let site = SITE.get();
    let mut client = signed_in(&site, "admin@example.com");
    // Signed by us, for a browser without a session and for another user.
    let signed = |mut other: Client| {
        let answer = other.get(&site.url("app", "/.pomerium/sign_out"));
        answer
            .location()
            .expect("the way to the authenticate host")
            .to_string()
    };
    let addresses = [
        site.url("app", "/.pomerium/sign_out"),
        site.url("authenticate", "/.pomerium/sign_out"),
        signed(site.client()),
        signed(signed_in(&site, "user@example.com")),
    ];
    for address in &addresses {
        for fields in [
            [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
            [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "navigate")],
        ] {
            let answer = client.get_with(address, &fields);
            // A redirect to the question, or the question.
            assert!(matches!(answer.status, 200 | 302), "{address}: {}", answer.status);
            assert_eq!(answer.head.all("set-cookie").count(), 0, "{address}");
            assert_alive(&site, &mut client);
        }
        for fields in [
            [
                ("Sec-Fetch-Site", "cross-site"),
                ("Origin", "https://evil.example"),
            ],
            [("Origin", "https://evil.example"), ("Accept", "*/*")],
            [("Origin", "null"), ("Accept", "*/*")],
        ] {
            let url = Url::parse(address).unwrap();
            assert_eq!(client.send("POST", &url, &fields, b"").status, 403, "{address}");
            assert_alive(&site, &mut client);
        }
    }
}

/// Neither a login nor a sign-out leads to a place that is not ours.
#[test]
fn nobody_is_led_elsewhere() {
    let site = SITE.get();
    for path in [
        "//evil.example/",
        "/\\evil.example",
        "/@evil.example",
        "/?next=//evil.example/&pomerium_redirect_uri=https://evil.example/",
        "/%09/evil.example",
    ] {
        let mut client = site.client();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: app.example.test:{}\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n\r\n",
            site.port()
        );
        let first = client.raw(&site.url("app", "/"), request.as_bytes());
        let sign_in = first.location().expect("a redirect to the sign-in");
        assert_eq!(sign_in.host_str(), Some("authenticate.example.test"), "{path}");
        let (_, to) = sign_in
            .query_pairs()
            .find(|(name, _)| name == "pomerium_redirect_uri")
            .unwrap();
        let to = Url::parse(&to).unwrap();
        assert_eq!(to.host_str(), Some("app.example.test"), "{path}");
        assert_eq!((to.port(), to.username()), (Some(site.port()), ""), "{path}");
        // What we did not write is not signed.
        let changed = sign_in.as_str().replace("app.example.test", "evil.example");
        assert_eq!(client.get(&changed).status, 400, "{changed}");
    }
    let mut client = signed_in(&site, "admin@example.com");
    let query =
        "?redirect_uri=https://evil.example/&pomerium_redirect_uri=https://evil.example/&rd=//evil.example";
    let mut answer = client.get(&site.url("app", &format!("/.pomerium/sign_out{query}")));
    for _ in 0..5 {
        let Some(next) = answer.location() else { break };
        assert_ne!(next.host_str(), Some("evil.example"), "{next}");
        answer = client.get(next.as_str());
    }
    assert!(!answer.text().contains("evil.example"), "{}", answer.text());
}

/// The host of a page is that of the configuration, whatever the client says.
#[test]
fn no_document_names_a_host_of_the_clients() {
    let site = SITE.get();
    for path in [
        "/.well-known/pomerium",
        "/.well-known/pomerium/jwks.json",
        "/.pomerium/",
        "/.pomerium/user",
        "/.pomerium/sign_out",
        "/.pomerium/nothing",
    ] {
        for host in ["app.example.test:666", "app.example.test", "evil.example"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\nOrigin: https://evil.example\r\n\r\n"
            );
            let answer = site.client().raw(&site.url("app", "/"), request.as_bytes());
            let whole = format!("{:?} {}", answer.head.fields, answer.text());
            assert!(
                !whole.contains("evil.example") && !whole.contains(":666"),
                "{whole}"
            );
            let origin = answer.header("access-control-allow-origin");
            let open = path.starts_with("/.well-known/") && host != "evil.example";
            assert_eq!(origin, open.then_some("*"), "{path} on {host}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
}
