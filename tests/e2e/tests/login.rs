//! The login, from the first anonymous request to the sign-out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, SharedSite};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn has_session(client: &Client, host: &str) -> bool {
    client
        .cookies(&format!("{host}.example.test"))
        .iter()
        .any(|(name, value)| name == "_pomerium" && !value.is_empty())
}

#[test]
fn anonymous_logs_in_and_the_upstream_gets_a_verified_assertion() {
    let site = SITE.get();
    let mut client = site.client();
    let first = client.get(&site.url("app", "/first?x=1"));
    assert_eq!(first.status, 302);
    assert!(
        !site.upstream.saw("/first"),
        "nothing reaches the upstream before the login"
    );

    let page = client.login(
        &site.url("app", "/wanted?mark=login&x=%2F"),
        "admin@example.com",
        PASSWORD,
    );
    assert_eq!(
        (page.status, page.text().as_str()),
        (200, "hello from the upstream\n")
    );
    assert_eq!(
        page.url.as_str(),
        site.url("app", "/wanted?mark=login&x=%2F"),
        "back where it began"
    );

    let claims = site.assertion("app", "mark=login");
    assert_eq!(claims["email"], "admin@example.com");
    assert_eq!(claims["sub"], "id-of-admin");
    assert_eq!(claims["user"], "id-of-admin");
    assert_eq!(claims["name"], "Ada Admin");
    assert_eq!(claims["groups"], serde_json::json!(["admins", "staff"]));
    assert_eq!(
        claims["department"], "engineering",
        "a claim that a header asks for"
    );
    assert!(claims["sid"].as_str().is_some_and(|sid| sid.len() == 36));
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    let request = site.upstream.one("mark=login");
    assert_eq!(request.header("x-email"), Some("admin@example.com"));
    assert_eq!(request.header("x-department"), Some("engineering"));
}

#[test]
fn a_wrong_password_makes_no_session() {
    let site = SITE.get();
    let mut client = site.client();
    let url = site.url("app", "/?mark=wrong-password");
    let form = client.login_form(&url);
    let refused = client.fill_login(&form, "admin@example.com", "not-the-password");
    let refused = client.follow(refused);
    assert!(
        refused.text().contains("Wrong e-mail address or password"),
        "{}",
        refused.text()
    );
    assert!(site.provider.owns(&refused.url));
    assert!(!has_session(&client, "app"));
    assert_eq!(client.get(&url).status, 302);
    assert!(!site.upstream.saw("mark=wrong-password"));
    // The same form takes the right one.
    let sent = client.fill_login(&refused, "admin@example.com", PASSWORD);
    let page = client.follow(sent);
    assert_eq!(page.status, 200);
    assert!(has_session(&client, "app"));
}

#[test]
fn an_unknown_user_makes_no_session() {
    let site = SITE.get();
    let mut client = site.client();
    let page = client.login(&site.url("app", "/?mark=unknown"), "nobody@example.com", PASSWORD);
    assert!(page.text().contains("Wrong e-mail address or password"));
    assert!(!has_session(&client, "app"));
    assert!(!site.upstream.saw("mark=unknown"));
}

#[test]
fn the_second_host_needs_no_second_login() {
    let site = SITE.get();
    let mut client = site.client();
    client.login(&site.url("app", "/"), "user@example.com", PASSWORD);
    let page = client.open(&site.url("other", "/?mark=second-host"));
    assert_eq!(page.status, 200);
    assert!(
        !page.history.iter().any(|url| site.provider.owns(url)),
        "{:?}",
        page.history
    );
    assert_eq!(
        site.assertion("other", "mark=second-host")["email"],
        "user@example.com"
    );
}

#[test]
fn the_user_page_shows_who_one_is() {
    let site = SITE.get();
    let mut client = site.client();
    client.login(&site.url("app", "/"), "admin@example.com", PASSWORD);
    for host in ["app", "authenticate"] {
        let page = client.open(&site.url(host, "/.pomerium/"));
        assert_eq!(page.status, 200, "{host}");
        let text = page.text();
        for fact in [
            "sub",
            "id-of-admin",
            "admin@example.com",
            "admins",
            "staff",
            "engineering",
        ] {
            assert!(text.contains(fact), "no `{fact}` on {}: {text}", page.url);
        }
        assert!(
            page.header("content-security-policy")
                .is_some_and(|csp| csp.contains("default-src 'none'"))
        );
        for token in ["eyJ", "access_token", "refresh_token", "id_token"] {
            assert!(!text.contains(token), "`{token}` is on the user page");
        }
    }
    let user = client.get(&site.url("app", "/.pomerium/user")).json();
    assert_eq!(
        (&user["sub"], &user["email"]),
        (&"id-of-admin".into(), &"admin@example.com".into())
    );
    for technical in ["iss", "aud", "exp", "iat", "jti"] {
        assert!(user.get(technical).is_none(), "{user}");
    }
    let anonymous = site.client().get_with(
        &site.url("app", "/.pomerium/user"),
        &[("Accept", "application/json")],
    );
    assert_eq!(anonymous.status, 401);
}

#[test]
fn the_well_known_document_names_the_keys() {
    let site = SITE.get();
    let answer = site.client().get(&site.url("app", "/.well-known/pomerium"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let document = answer.json();
    for (key, end) in [
        ("issuer", "/"),
        ("jwks_uri", "/.well-known/pomerium/jwks.json"),
        ("frontchannel_logout_uri", "/.pomerium/sign_out"),
    ] {
        let value = document[key]
            .as_str()
            .unwrap_or_else(|| panic!("no `{key}` in {document}"));
        assert!(
            value.starts_with("https://app.example.test") && value.ends_with(end),
            "{key}: {value}"
        );
    }
    assert!(
        document["authentication_callback_endpoint"].is_string(),
        "{document}"
    );
}
