//! A session belongs to one browser and one host: stolen, copied and forged
//! cookies, callbacks and URLs are worth nothing.
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
fn the_session_cookie_is_small_and_locked_up() {
    let site = SITE.get();
    let mut client = site.client();
    let form = client.login_form(&site.url("app", "/"));
    let sent = client.fill_login(&form, "admin@example.com", PASSWORD);
    let callback = client.follow_until(sent, |url| url.path().starts_with("/.pomerium/callback"));
    assert_eq!(callback.host_str(), Some("app.example.test"));
    let answer = client.get(callback.as_str());
    let cookie = answer
        .head
        .all("set-cookie")
        .find(|c| c.starts_with("_pomerium="))
        .expect("a session cookie");
    let value = cookie
        .split(';')
        .next()
        .unwrap()
        .strip_prefix("_pomerium=")
        .unwrap();
    assert!(!value.is_empty() && value.len() <= 400, "{} bytes", value.len());
    let attributes = cookie.to_ascii_lowercase();
    for attribute in ["; secure", "; httponly", "; path=/"] {
        assert!(attributes.contains(attribute), "{cookie}");
    }
    assert!(!attributes.contains("domain="), "host only: {cookie}");
    assert!(!answer.text().contains("admin@example.com") && !value.contains("admin"));
}

#[test]
fn a_callback_in_another_browser_is_refused() {
    let site = SITE.get();
    let mut mine = site.client();
    let form = mine.login_form(&site.url("app", "/?mark=stolen"));
    let sent = mine.fill_login(&form, "admin@example.com", PASSWORD);
    let callback = mine.follow_until(sent, |url| url.path().starts_with("/.pomerium/callback"));

    let mut stranger = site.client();
    let refused = stranger.get(callback.as_str());
    assert!(
        (400..500).contains(&refused.status),
        "{}: {}",
        refused.status,
        refused.text()
    );
    assert!(!has_session(&stranger, "app"));
    assert_eq!(stranger.get(&site.url("app", "/?mark=stolen")).status, 302);

    // A browser in the middle of a login of its own is another browser too.
    let mut busy = site.client();
    busy.get(&site.url("app", "/"));
    assert!((400..500).contains(&busy.get(callback.as_str()).status));
    assert!(!has_session(&busy, "app"));

    // It is bound to its host as well.
    let elsewhere = callback.as_str().replacen("//app.", "//other.", 1);
    assert!((400..500).contains(&mine.get(&elsewhere).status));
    assert!(!has_session(&mine, "other"));

    // Whoever began the login can finish it.
    let page = mine.open(callback.as_str());
    assert_eq!(page.status, 200);
    assert!(has_session(&mine, "app"));
}

#[test]
fn a_providers_answer_in_another_browser_is_refused() {
    let site = SITE.get();
    let mut mine = site.client();
    let form = mine.login_form(&site.url("app", "/"));
    let sent = mine.fill_login(&form, "admin@example.com", PASSWORD);
    let answer = mine.follow_until(sent, |url| url.path() == "/oauth2/callback");

    let mut stranger = site.client();
    let refused = stranger.get(answer.as_str());
    assert!(
        (400..500).contains(&refused.status),
        "{}: {}",
        refused.status,
        refused.text()
    );
    assert!(!has_session(&stranger, "authenticate"));
    assert_eq!(
        refused
            .head
            .all("set-cookie")
            .filter(|c| c.starts_with("_pomerium_authenticate="))
            .count(),
        0
    );

    let mut changed = answer.clone();
    let pairs: Vec<(String, String)> = answer
        .query_pairs()
        .map(|(name, value)| {
            let value = if name == "state" {
                format!("{value}A")
            } else {
                value.into_owned()
            };
            (name.into_owned(), value)
        })
        .collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    assert!(
        (400..500).contains(&mine.get(changed.as_str()).status),
        "a changed state"
    );
}

#[test]
fn an_unsigned_sign_in_url_leads_nowhere() {
    let site = SITE.get();
    let mut client = site.client();
    client.login(&site.url("app", "/"), "admin@example.com", PASSWORD);
    for target in ["https%3A%2F%2Fevil.test%2F", "https%3A%2F%2Fapp.example.test%2F"] {
        let url = site.url(
            "authenticate",
            &format!("/.pomerium/sign_in?pomerium_redirect_uri={target}"),
        );
        let answer = client.get(&url);
        assert!(
            (400..500).contains(&answer.status),
            "{}: {:?}",
            answer.status,
            answer.location()
        );
    }
}

#[test]
fn a_forged_or_foreign_cookie_is_no_session() {
    let site = SITE.get();
    let mut client = site.client();
    client.login(&site.url("app", "/"), "admin@example.com", PASSWORD);
    let cookies = client.cookies("app.example.test");
    let session = cookies
        .iter()
        .find(|(name, _)| name == "_pomerium")
        .map(|(_, value)| value.clone())
        .unwrap();
    let ask = |host: &str, value: &str| {
        let cookie = format!("_pomerium={value}");
        site.client()
            .get_with(&site.url(host, "/?mark=forged"), &[("Cookie", &cookie)])
            .status
    };
    assert_eq!(ask("app", &session), 200, "the cookie is what makes the session");
    assert_eq!(ask("other", &session), 302, "a cookie is bound to its host");
    let mut changed = session.clone().into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    assert_eq!(ask("app", &String::from_utf8(changed).unwrap()), 302);
    for junk in ["", "x", "e30.e30.e30", &"A".repeat(6000)] {
        assert_eq!(ask("app", junk), 302, "{junk:.20}");
    }
    let twice = format!("_pomerium={session}; _pomerium=other");
    let answer = site
        .client()
        .get_with(&site.url("app", "/?mark=twice"), &[("Cookie", &twice)]);
    assert_eq!(answer.status, 302, "two cookies of that name are none");
}
