//! Our pages in a real browser: nothing runs in them, and nothing leaves them.

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Site};

use crate::support::{SITE, USER, provider_answer};

const ROUTES: &str =
    "- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- from: https://admin.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {or: [{claim/groups: admins}]}}]
";

#[test]
fn br_06_no_text_of_an_address_runs_in_a_page_of_ours() {
    let site = Site::start(ROUTES);
    let mut browser = Browser::start(&site);
    browser.open(&site.url("app", "/"));
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", USER);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("hello from the upstream");
    let evil = "\"'><img src=x onerror=window.pwned=1><script>window.pwned=1</script><svg onload=window.pwned=1>{{7919*7907}}";
    let encoded: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
    let path: String = evil
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect::<String>()
        .replace("%2F", "");
    for (host, path) in [
        ("unknown", format!("/{path}?{encoded}")),
        ("admin", format!("/{path}?q={encoded}#{evil}")),
        ("app", format!("/.pomerium/{path}?{encoded}={encoded}")),
        (
            "app",
            format!("/.pomerium/callback/?portcullis_callback={encoded}"),
        ),
        (
            "authenticate",
            format!("/oauth2/callback?error={encoded}&error_description={encoded}&state={encoded}"),
        ),
        (
            "authenticate",
            format!("/oauth2/callback?code={encoded}&state={encoded}"),
        ),
        (
            "authenticate",
            format!("/.pomerium/sign_in?pomerium_redirect_uri={encoded}"),
        ),
        (
            "authenticate",
            format!("/.pomerium/sign_out?pomerium_redirect_uri={encoded}&portcullis_session={encoded}"),
        ),
        ("authenticate", format!("/.pomerium/signed_out?{encoded}")),
        ("app", format!("/.pomerium/?error={encoded}")),
        (
            "app",
            "/.pomerium/callback/?portcullis_callback=javascript:window.pwned=1".to_owned(),
        ),
    ] {
        let url = site.url(host, &path);
        browser.open(&url);
        let what = format!("{host}{path:.80}");
        assert_eq!(
            browser.script("return String(window.pwned)"),
            "undefined",
            "{what}"
        );
        let made =
            "return String(document.querySelectorAll('img[src=x], script, svg[onload], [onerror]').length)";
        assert_eq!(browser.script(made), "0", "{what}");
        assert!(!browser.text().contains("62615533"), "{what}: a template ran");
        let links =
            "return [...document.querySelectorAll('a[href], form')].map(e => e.href || e.action).join(' ')";
        let links = browser.script(links);
        assert!(!links.contains("javascript:"), "{what}: {links}");
    }
}

#[test]
fn br_07_codes_and_states_are_in_no_referrer() {
    let site = SITE.get();
    let mut client = site.client();
    // The headers of every step: the answer of the provider, the callback, the pages.
    let answer = provider_answer(&mut client, &site.url("app", "/?mark=br-07"), USER);
    let mut step = client.get(answer.as_str());
    for _ in 0..6 {
        if !site.provider.owns(&step.url) && step.url.path() != "/" {
            assert_eq!(
                step.header("referrer-policy"),
                Some("no-referrer"),
                "{}",
                step.url
            );
        }
        let Some(next) = step.location() else { break };
        step = client.get(next.as_str());
    }
    assert_eq!(step.status, 200);
    for (host, path) in [
        ("authenticate", "/oauth2/callback?code=the-code&state=the-state"),
        ("app", "/.pomerium/callback/?portcullis_callback=the-token"),
        ("app", "/"),
    ] {
        let refused = site.client().get(&site.url(host, path));
        assert_eq!(refused.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
}

/// What the application behind a login is told by the browser itself.
#[test]
fn br_07_the_application_learns_nothing_of_the_login() {
    let site = Site::start(ROUTES);
    let mut browser = Browser::start(&site);
    browser.open(&site.url("app", "/?mark=br-07-first"));
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", USER);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("hello from the upstream");
    let referrer = browser.script("return document.referrer");
    for secret in ["code=", "state=", "portcullis_callback", "pomerium_signature"] {
        assert!(!referrer.contains(secret), "{referrer}");
        for seen in site.upstream.recorded() {
            let told = seen.header("referer").unwrap_or_default().to_owned();
            assert!(!told.contains(secret), "{told}");
            assert!(!seen.target().contains(secret), "{}", seen.target());
        }
    }
    // From a callback that failed to the application, by the link on its page.
    browser.open(&site.url("app", "/.pomerium/callback/?portcullis_callback=the-token"));
    browser.script(
        "const a = document.createElement('a'); a.href = '/?mark=br-07-link'; document.body.append(a); a.click(); return ''",
    );
    browser.wait_for_text("hello from the upstream");
    let seen = site.upstream.one("br-07-link");
    assert_eq!(seen.header("referer"), None, "{}", seen.text());
}
