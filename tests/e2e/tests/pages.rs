//! Our own pages in a browser: many tabs at once, and how they look.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Site};

const LOGO: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0MCA0MCI+PHBhdGggZmlsbD0iIzJmNWZkMCIgZD0iTTQgOGgzMnYyNEg0eiIvPjxwYXRoIGZpbGw9IiNmZmYiIGQ9Ik0xMCAxNGgyMHYzSDEwem0wIDZoMjB2M0gxMHptMCA2aDEydjNIMTB6Ii8+PC9zdmc+";

fn routes() -> String {
    format!(
        "
- from: https://app.example.test:{{port}}
  to: '{{upstream}}'
  name: Wiki
  description: What everybody should know, and where it is written down.
  logo_url: '{LOGO}'
  allow_any_authenticated_user: true
- {{from: 'https://mail.example.test:{{port}}', to: '{{upstream}}', name: Mail, allow_any_authenticated_user: true}}
- from: https://reports.example.test:{{port}}
  to: '{{upstream}}'
  name: Quarterly reports
  description: Sales of each quarter.
  policy: [{{allow: {{or: [{{claim/groups: staff}}]}}}}]
- from: https://admin.example.test:{{port}}
  to: '{{upstream}}'
  name: Administration
  policy: [{{allow: {{or: [{{claim/groups: admins}}]}}}}]
"
    )
}

fn log_in(browser: &mut Browser) {
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", "user@example.com");
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
}

/// OI-13: no tab ends on an error, and none goes round in circles.
#[test]
fn twenty_tabs_opened_at_once_on_a_cold_browser_all_end_logged_in() {
    const TABS: usize = 20;
    let site = Site::start(&routes());
    let mut browser = Browser::start(&site);
    let tabs = browser.open_in_tabs(&site.url("app", "/page?from=tabs"), TABS);
    assert_eq!(tabs.len(), TABS);
    for (number, tab) in tabs.iter().enumerate() {
        browser.switch_to(tab);
        let patience = Instant::now() + Duration::from_secs(40);
        loop {
            if browser.text().contains("hello from the upstream") {
                break;
            }
            if browser.has("input[name=password]") {
                log_in(&mut browser);
            }
            let (url, text) = (browser.url(), browser.text());
            assert!(Instant::now() < patience, "tab {number} is at {url}:\n{text}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(browser.url(), site.url("app", "/page?from=tabs"));
    }
}

/// The screenshots of the documentation, under `target/screenshots/`.
#[test]
fn our_pages_are_seen_in_every_light_and_on_every_screen() {
    let site = Site::start(&routes());
    let mut elsewhere = site.client();
    elsewhere.login(&site.url("app", "/"), "user@example.com", PASSWORD);
    let mut browser = Browser::start(&site);
    browser.open(&site.url("app", "/"));
    log_in(&mut browser);
    browser.wait_for_text("hello from the upstream");
    let authenticate = |path: &str| site.url("authenticate", path);
    let pages = [
        ("session", site.url("app", "/.pomerium/"), "Your sessions"),
        (
            "applications",
            site.url("app", "/.pomerium/routes"),
            "Quarterly reports",
        ),
        ("sign-out", authenticate("/.pomerium/sign_out"), "Stay signed in"),
        (
            "signed-out",
            authenticate("/.pomerium/signed_out"),
            "You are signed out",
        ),
        (
            "sign-in-failed",
            authenticate("/oauth2/callback?state=x&code=y"),
            "cannot be finished",
        ),
    ];
    for (name, url, text) in pages {
        for (screen, width, height) in [("phone", 390, 844), ("desktop", 1280, 800)] {
            for (mode, dark) in [("light", false), ("dark", true)] {
                browser.emulate(width, height, dark);
                browser.open(&url);
                browser.wait_for_text(text);
                assert!(
                    !browser.text().contains("Administration"),
                    "not open to this user"
                );
                let overflow = browser.script(
                    "return String(document.documentElement.scrollWidth > document.documentElement.clientWidth)",
                );
                assert_eq!(overflow, "false", "{name} is wider than a {screen}");
                browser.screenshot(&format!("page-{name}-{screen}-{mode}"));
            }
        }
    }
    // The form's own policy and origin let it through, and it ends the other session.
    assert_eq!(elsewhere.get(&site.url("app", "/before")).status, 200);
    browser.open(&site.url("app", "/.pomerium/"));
    browser.click("#sessions button");
    browser.wait_for_text("this browser");
    assert!(!browser.has("#sessions button"));
    assert_eq!(elsewhere.get(&site.url("app", "/after")).status, 302);
}
