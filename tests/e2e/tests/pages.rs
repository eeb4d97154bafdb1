//! Our own pages in a browser: how they look, to a screen reader and to the keyboard too.
//!
//! Every picture is of the running product behind a real Envoy. The pages for people and
//! the refusals that a person meets are opened in Chromium itself; other refusals are
//! provoked by a client and shown on the sheets of `refusals`; the few that cannot be
//! provoked from outside are named there. `docs/images/update.py` takes the pictures
//! from `target/screenshots/` into `docs/images/`, for `docs/pages.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "pages/eyes.rs"]
mod eyes;
#[path = "pages/keyboard.rs"]
mod keyboard;
#[path = "pages/met.rs"]
mod met;
#[path = "pages/refusals.rs"]
mod refusals;
#[path = "pages/sheets.rs"]
mod sheets;
#[path = "pages/site.rs"]
mod site;

use eyes::{asked_nobody_else, look, sees_harm};
use portcullis_harness::provider::{LONG_EMAIL, PASSWORD};
use portcullis_harness::{Browser, Site};
use site::{USER, branding, forget, log_in, routes, signed_in};

const HOSTS: [&str; 2] = ["app", "authenticate"];

#[test]
fn our_pages_are_seen_in_every_light_and_on_every_screen() {
    let site = Site::start(&routes());
    let mut elsewhere = site.client();
    elsewhere.login(&site.url("app", "/"), USER, PASSWORD);
    let mut browser = signed_in(&site, USER);
    browser.open(&site.url("app", "/.pomerium/"));
    browser.wait_for_text("Your sessions");
    look(&mut browser, "session");
    browser.open(&site.url("app", "/.pomerium/routes"));
    browser.wait_for_text("Quarterly reports");
    assert!(
        !browser.text().contains("Administration"),
        "not open to this user"
    );
    look(&mut browser, "applications");

    // The session page of the authenticate host knows the way back.
    browser.open(&site.url("authenticate", "/.pomerium/"));
    let way = site
        .url("app", "/reports?of=2026")
        .replace(':', "%3A")
        .replace('/', "%2F");
    browser.script(&format!(
        "document.cookie = 'pomerium_redirect_uri={way}; path=/; secure'"
    ));
    browser.open(&site.url("authenticate", "/.pomerium/"));
    browser.wait_for_text("Back to app.example.test");
    look(&mut browser, "session-way-back");
    browser.open(&site.url("authenticate", "/.pomerium/sign_out"));
    browser.wait_for_text("Stay signed in");
    look(&mut browser, "sign-out");

    // An address for a program, to which a page of another origin leads.
    let login = "/.pomerium/api/v1/login?pomerium_redirect_uri=http%3A%2F%2F127.0.0.1%3A8401%2F";
    let address = site.client().get(&site.url("app", login)).text();
    browser.open(&site.url("app", "/.pomerium/routes"));
    browser.script(&format!("location.href = '{address}'"));
    browser.wait_for_text("Let a program in?");
    look(&mut browser, "program");

    // The form's own policy and origin let it through, and it ends the other session.
    assert_eq!(elsewhere.get(&site.url("app", "/before")).status, 200);
    browser.open(&site.url("app", "/.pomerium/"));
    browser.leave(|browser| browser.click("#sessions button"));
    browser.wait_for_text("this browser");
    assert!(!browser.has("#sessions button"));
    assert_eq!(elsewhere.get(&site.url("app", "/after")).status, 302);

    browser.open(&site.url("authenticate", "/.pomerium/signed_out"));
    browser.wait_for_text("You are signed out");
    look(&mut browser, "signed-out");
    asked_nobody_else(&mut browser, &site, &HOSTS, 200);
}

#[test]
fn much_and_little_to_say_looks_well_too() {
    let site = Site::start(&routes());
    let mut browser = signed_in(&site, LONG_EMAIL);
    browser.open(&site.url("app", "/.pomerium/"));
    browser.wait_for_text("58 more groups");
    look(&mut browser, "session-long");
    browser.open(&site.url("app", "/.pomerium/routes"));
    browser.wait_for_text("Donau");
    look(&mut browser, "applications-long");
    browser.open(&site.url("authenticate", "/.pomerium/sign_out"));
    browser.wait_for_text("Stay signed in");
    look(&mut browser, "sign-out-long");
    asked_nobody_else(&mut browser, &site, &HOSTS, 200);

    // Somebody who may open the front page, which nobody signs in for, and nothing else.
    let mut browser = Browser::watched(&site);
    browser.open(&site.url("app", "/"));
    log_in(&mut browser, "guest@elsewhere.test");
    browser.wait_for_text("Access denied");
    forget(&mut browser);
    browser.open(&site.url("app", "/.pomerium/routes"));
    browser.wait_for_text("Front page");
    site.gateway.edit(
        "allow_public_unauthenticated_access: true",
        "allowed_domains: [example.com]",
    );
    portcullis_harness::wait::until("the front page is closed", || {
        browser.open(&site.url("app", "/.pomerium/routes"));
        browser.text().contains("There is nothing here")
    });
    look(&mut browser, "applications-empty");
    asked_nobody_else(&mut browser, &site, &HOSTS, 200);
}

#[test]
fn branding_is_seen_on_every_page_and_none_makes_them_unreadable() {
    let site = Site::start_with(&branding(), &routes());
    let mut browser = signed_in(&site, USER);
    browser.open(&site.url("app", "/.pomerium/routes"));
    browser.wait_for_text("Quarterly reports");
    look(&mut browser, "branded-applications");
    browser.open(&site.url("authenticate", "/.pomerium/sign_out"));
    browser.wait_for_text("Stay signed in");
    look(&mut browser, "branded-sign-out");
    asked_nobody_else(&mut browser, &site, &HOSTS, 200);
    browser.open(&site.url("admin", "/"));
    browser.wait_for_text("Meridian Freight");
    look(&mut browser, "branded-denied");
    asked_nobody_else(&mut browser, &site, &["admin", "authenticate"], 403);
    browser.open(&site.url("authenticate", "/oauth2/callback?state=x&code=y"));
    browser.wait_for_text("cannot be finished");
    look(&mut browser, "branded-sign-in-failed");
    asked_nobody_else(&mut browser, &site, &["authenticate"], 400);
}

#[test]
fn colours_that_nobody_could_read_are_mended() {
    let site = Site::start_with(site::UNREADABLE, &routes());
    let mut browser = signed_in(&site, USER);
    browser.open(&site.url("authenticate", "/.pomerium/sign_out"));
    browser.wait_for_text("Stay signed in");
    look(&mut browser, "unreadable-sign-out");
    asked_nobody_else(&mut browser, &site, &HOSTS, 200);
    browser.open(&site.url("authenticate", "/oauth2/callback?state=x&code=y"));
    browser.wait_for_text("cannot be finished");
    look(&mut browser, "unreadable-sign-in-failed");
    asked_nobody_else(&mut browser, &site, &["authenticate"], 400);
    sees_harm(&mut browser, &site.url("authenticate", "/.pomerium/sign_out"));
}
