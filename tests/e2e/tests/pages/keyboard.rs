//! Every page by keyboard alone.

use portcullis_harness::browser::{ENTER, TAB};
use portcullis_harness::provider::{LONG_EMAIL, PASSWORD};
use portcullis_harness::{Browser, Site};

use super::site::{USER, routes, signed_in};

const FOCUS: &str = include_str!("keyboard.js");

/// Presses Tab as often as there are controls, which are at least so many: each has the
/// focus in turn, in the order of the page, and that is seen.
#[track_caller]
fn walk(browser: &mut Browser, least: usize) {
    let before = browser.script(FOCUS);
    let controls = before
        .strip_prefix("-1 of ")
        .and_then(|rest| rest.split(',').next());
    let controls: usize = controls.and_then(|number| number.parse().ok()).expect(&before);
    assert!(controls >= least, "{controls} controls on\n{}", browser.text());
    for at in 0..controls {
        browser.press(TAB);
        let focus = browser.script(FOCUS);
        assert_eq!(focus, format!("{at} of {controls}"), "{}", browser.text());
    }
}

/// Goes with Tab to the control that says `text`, and presses Enter.
#[track_caller]
fn enter(browser: &mut Browser, text: &str) {
    for _ in 0..20 {
        browser.press(TAB);
        if browser.script("return document.activeElement.textContent.trim()") == text {
            browser.press(ENTER);
            return;
        }
    }
    panic!(
        "Tab does not lead to `{text}` on {}:\n{}",
        browser.url(),
        browser.text()
    );
}

#[test]
fn every_page_is_used_by_keyboard_alone() {
    let site = Site::start(&routes());
    let mut elsewhere = site.client();
    elsewhere.login(&site.url("app", "/"), USER, PASSWORD);
    let mut browser = signed_in(&site, USER);

    // Two links of the navigation, the other session, the sign-out.
    browser.open(&site.url("app", "/.pomerium/"));
    walk(&mut browser, 4);
    browser.open(&site.url("app", "/.pomerium/"));
    browser.leave(|browser| enter(browser, "End"));
    browser.wait_for_text("this browser");
    assert_eq!(elsewhere.get(&site.url("app", "/after")).status, 302);

    browser.open(&site.url("app", "/.pomerium/routes"));
    walk(&mut browser, 6);
    browser.open(&site.url("app", "/.pomerium/routes"));
    enter(&mut browser, "Mail");
    browser.wait_for_text("hello from the upstream");
    assert_eq!(browser.url(), site.url("mail", "/"));

    browser.open(&site.url("admin", "/"));
    walk(&mut browser, 1);
    browser.open(&site.url("admin", "/"));
    enter(&mut browser, "Your session");
    browser.wait_for_text("Your sessions");
    browser.open(&site.url("launch", "/"));
    walk(&mut browser, 1);

    let confirm = site.url("authenticate", "/.pomerium/sign_out");
    browser.open(&confirm);
    walk(&mut browser, 2);
    browser.press(ENTER);
    browser.wait_for_text("Your sessions");
    browser.open(&confirm);
    enter(&mut browser, "Sign out");
    browser.wait_for_text("You are signed out");
    assert_eq!(browser.script(FOCUS), "-1 of 0, unseen", "nothing to press");

    // And once more from the session page, on which lists are unfolded by the keyboard too.
    browser.open(&site.url("app", "/"));
    super::log_in(&mut browser, LONG_EMAIL);
    browser.wait_for_text("hello from the upstream");
    browser.open(&site.url("app", "/.pomerium/"));
    walk(&mut browser, 5);
    browser.open(&site.url("app", "/.pomerium/"));
    assert!(!browser.text().contains("region-13/"), "folded");
    enter(&mut browser, "58 more groups");
    browser.wait_for_text("region-13/");
    enter(&mut browser, "Sign out");
    browser.wait_for_text("You are signed out");
    let failed = site.url("authenticate", "/oauth2/callback?state=x&code=y");
    browser.open(&failed);
    walk(&mut browser, 1);
    browser.open(&failed);
    browser.leave(|browser| enter(browser, "Try again"));
    browser.wait_for_text("Sign in");
}
