//! What a real browser makes of our cookies, set and taken back.

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::wait::until;
use portcullis_harness::{Browser, Site};
use serde_json::{Value, json};

use crate::support::{ADMIN, SITE, USER, callback, cookie, provider_answer};

const ROUTES: &str =
    "- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}";

#[test]
fn ck_08_the_session_cookie_is_small_and_locked_up() {
    let site = SITE.get();
    let mut client = site.client();
    let back = callback(&mut client, &site.url("app", "/"), ADMIN);
    assert_eq!(back.host_str(), Some("app.example.test"));
    let answer = client.get(back.as_str());
    let set = answer
        .head
        .all("set-cookie")
        .find(|set| set.starts_with("_pomerium="));
    let set = set.expect("a session cookie").to_owned();
    let value = cookie(&client, "app", "_pomerium").unwrap();
    assert!(value.len() <= 400, "{} bytes", value.len());
    let attributes = set.to_ascii_lowercase();
    for attribute in ["; secure", "; httponly", "; path=/"] {
        assert!(attributes.contains(attribute), "{set}");
    }
    assert!(!attributes.contains("domain="), "host only: {set}");
    assert!(!answer.text().contains(ADMIN) && !value.contains("admin"));
}

fn log_in(browser: &mut Browser, url: &str) {
    browser.open(url);
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", USER);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("hello from the upstream");
}

/// Our cookies on the page that is open, by name.
fn ours(browser: &mut Browser) -> Vec<(String, Value)> {
    let all = browser.cookies();
    let named = all
        .into_iter()
        .map(|cookie| (cookie["name"].as_str().unwrap_or_default().to_owned(), cookie));
    named.filter(|(name, _)| name.starts_with("_pomerium")).collect()
}

/// Chromium itself says what it keeps: with every set of attributes the session cookie
/// is there after the login as configured, and gone after the sign-out.
#[test]
fn ck_08_every_set_of_attributes_is_taken_back_by_a_sign_out() {
    const FIRST: &str = "cookie_same_site: lax\ncookie_http_only: true\n";
    let site = Site::start_with(FIRST, ROUTES);
    let mut before = FIRST.to_owned();
    for (domain, http_only, same_site) in [
        (None, true, "lax"),
        (Some("example.test"), true, "lax"),
        (None, true, "strict"),
        (None, false, "none"),
        (Some("example.test"), false, "strict"),
        (Some("example.test"), true, "none"),
    ] {
        let domain_line = domain
            .map(|domain| format!("cookie_domain: {domain}\n"))
            .unwrap_or_default();
        let now = format!("cookie_same_site: {same_site}\ncookie_http_only: {http_only}\n{domain_line}");
        if now != before {
            site.gateway.edit(&before, &now);
            before = now;
        }
        let attributes = format!("SameSite={}", same_site[..1].to_uppercase() + &same_site[1..]);
        until("the edit takes effect", || {
            let mut client = site.client();
            let answer = provider_answer(&mut client, &site.url("app", "/"), USER);
            // A strict cookie begins its way at a page.
            let taken = client.get(answer.as_str());
            let refresh = taken
                .header("refresh")
                .and_then(|refresh| refresh.split_once(";url="));
            let back = refresh.map_or_else(
                || taken.location().map(String::from),
                |(_, url)| Some(url.to_owned()),
            );
            let answer = client.get(&back.expect("the way to the callback"));
            // Beside one that takes back what another domain would have kept.
            let mut set = answer
                .head
                .all("set-cookie")
                .filter(|set| set.starts_with("_pomerium="));
            let set = set
                .find(|set| !set.starts_with("_pomerium=;"))
                .expect("a session cookie");
            set.contains(&attributes)
                && set.contains("HttpOnly") == http_only
                && set.contains("Domain=example.test") == domain.is_some()
        });
        let what = format!("{domain:?}, {http_only}, {same_site}");
        // A profile of its own each time.
        let mut browser = Browser::start(&site);
        log_in(&mut browser, &site.url("app", "/page"));
        let kept = ours(&mut browser);
        let session = kept.iter().find(|(name, _)| name == "_pomerium");
        let (_, session) = session.unwrap_or_else(|| panic!("{what}: {kept:?}"));
        assert_eq!(session["secure"], true, "{what}: {session}");
        assert_eq!(session["httpOnly"], http_only, "{what}: {session}");
        assert_eq!(session["path"], "/", "{what}: {session}");
        assert_eq!(
            session["sameSite"],
            json!(attributes.trim_start_matches("SameSite=")),
            "{what}"
        );
        let expected = domain.map_or("app.example.test".to_owned(), |domain| format!(".{domain}"));
        assert_eq!(session["domain"], json!(expected), "{what}");
        assert_eq!(
            browser.script_cookies().contains("_pomerium="),
            !http_only,
            "{what}"
        );
        assert!(!browser.script_cookies().contains("_pomerium_binding"), "{what}");
        assert_eq!(
            kept.iter().filter(|(name, _)| name == "_pomerium").count(),
            1,
            "{what}: {kept:?}"
        );

        browser.open(&site.url("app", "/.pomerium/sign_out"));
        browser.wait_for_text("igned out");
        for page in [
            site.url("app", "/.well-known/pomerium"),
            site.url("authenticate", "/.pomerium/signed_out"),
        ] {
            browser.open(&page);
            let left = ours(&mut browser);
            let sessions = ["_pomerium", "_pomerium_authenticate"];
            assert!(
                !left.iter().any(|(name, _)| sessions.contains(&name.as_str())),
                "{what}: {left:?}"
            );
        }
    }
}
