//! A person with a browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Site};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- from: https://admin.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {or: [{claim/groups: admins}]}}]
";

/// Screenshots of each page are kept under `target/screenshots/`.
#[test]
fn a_person_logs_in_is_refused_elsewhere_and_signs_out() {
    let site = Site::start(ROUTES);
    let mut browser = Browser::start(&site);

    browser.open(&site.url("app", "/welcome?from=browser"));
    browser.wait_for_text("Sign in");
    browser.screenshot("1-login");
    browser.type_into("input[name=login]", "user@example.com");
    browser.type_into("input[name=password]", "not-the-password");
    browser.click("button[type=submit]");
    browser.wait_for_text("Wrong e-mail address or password");
    browser.screenshot("2-wrong-password");
    assert!(!site.upstream.saw("from=browser"));

    browser.type_into("input[name=login]", "user@example.com");
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("hello from the upstream");
    assert_eq!(browser.url(), site.url("app", "/welcome?from=browser"));
    browser.screenshot("3-application");
    assert_eq!(site.assertion("app", "from=browser")["email"], "user@example.com");
    assert!(
        !browser.script_cookies().contains("_pomerium"),
        "script can read a cookie of ours"
    );

    browser.open(&site.url("app", "/.pomerium/"));
    browser.wait_for_text("user@example.com");
    browser.wait_for_text("id-of-user");
    browser.screenshot("4-user-page");

    browser.open(&site.url("admin", "/secret?from=browser"));
    browser.wait_for_text("403");
    browser.screenshot("5-refused");
    assert!(!site.upstream.saw("/secret"));

    browser.open(&site.url("unknown", "/"));
    browser.wait_for_text("404");
    browser.screenshot("6-unknown-host");

    browser.open(&site.url("app", "/.pomerium/sign_out"));
    browser.wait_for_text("igned out");
    browser.screenshot("7-signed-out");
    browser.open(&site.url("app", "/after?from=browser"));
    browser.wait_for_text("Sign in");
    assert!(site.provider.owns(&url::Url::parse(&browser.url()).unwrap()));
    assert!(!site.upstream.saw("/after"));
}
