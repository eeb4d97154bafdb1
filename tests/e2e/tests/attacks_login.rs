//! Other sites that try to use a browser against its user: foreign sign-outs, hosts
//! that only the client says. More stands in `threats`.
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

#[test]
fn no_other_site_signs_anybody_out() {
    let site = SITE.get();
    let mut client = signed_in(&site, "admin@example.com");
    // Signed by us, for a browser without a session and for another user.
    let signed = |mut other: Client| {
        let answer = other.type_in(&site.url("app", "/.pomerium/sign_out"));
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
        for (initiator, mode, wanted) in [
            // An image, and a script of ours or of others.
            ("cross-site", "no-cors", [403, 403]),
            ("same-origin", "cors", [403, 403]),
            // A redirect to the question, or the question.
            ("same-site", "navigate", [200, 302]),
            ("cross-site", "navigate", [200, 302]),
        ] {
            let fields = [("Sec-Fetch-Site", initiator), ("Sec-Fetch-Mode", mode)];
            let answer = client.get_with(address, &fields);
            assert!(wanted.contains(&answer.status), "{address}: {}", answer.status);
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
