//! The refusals that a person meets, in the browser itself.

use std::collections::HashMap;

use portcullis_harness::provider::LONG_EMAIL;
use portcullis_harness::{Browser, Site};
use url::Url;

use super::eyes::{asked_nobody_else, look};
use super::site::{forget, log_in, routes};

/// Opens an application as far as the provider's form: the address that the provider
/// sends the browser back to, with the state and nothing else.
#[track_caller]
fn begun(site: &Site, browser: &mut Browser) -> String {
    browser.open(&site.url("app", "/"));
    browser.wait_for_text("Sign in");
    let asked = browser.requests();
    let asked = asked.iter().filter_map(|url| Url::parse(url).ok());
    let asked: Vec<HashMap<String, String>> = asked
        .filter(|url| site.provider.owns(url))
        .map(|url| url.query_pairs().into_owned().collect())
        .filter(|query: &HashMap<_, _>| query.contains_key("redirect_uri"))
        .collect();
    format!("{}?state={}", asked[0]["redirect_uri"], asked[0]["state"])
}

#[test]
fn whoever_is_refused_reads_why_and_how_to_go_on() {
    let mut site = Site::start(&routes());
    let mut browser = Browser::watched(&site);
    let back = begun(&site, &mut browser);
    browser.click("a[href$='/cancel']");
    browser.wait_for_text("Sign-in refused");
    forget(&mut browser);
    let refused = browser.url();
    browser.open(&refused);
    look(&mut browser, "sign-in-refused");
    asked_nobody_else(&mut browser, &site, &["authenticate"], 401);
    browser.lose_cookies();
    browser.open(&back);
    browser.wait_for_text("This sign-in began elsewhere");
    look(&mut browser, "other-browser");
    asked_nobody_else(&mut browser, &site, &["authenticate"], 400);

    browser.open(&site.url("app", "/"));
    log_in(&mut browser, LONG_EMAIL);
    browser.wait_for_text("hello from the upstream");
    forget(&mut browser);
    for (host, path, text, name, status) in [
        ("admin", "/", "Access denied", "denied", 403),
        ("launch", "/", "Ask in the channel", "denied-details", 403),
        ("broken", "/", "Misconfigured application", "misconfigured", 503),
        ("nowhere", "/", "No such application", "no-application", 404),
        ("app", "/.pomerium/nothing", "Page not found", "not-found", 404),
    ] {
        browser.open(&site.url(host, path));
        browser.wait_for_text(text);
        look(&mut browser, name);
        asked_nobody_else(&mut browser, &site, &[host, "authenticate"], status);
    }
    // One press takes the whole of it.
    browser.open(&site.url("admin", "/"));
    browser.click("#decision-id");
    assert_eq!(
        browser.script("return getSelection().toString().trim()"),
        browser.script("return document.querySelector('#decision-id').textContent.trim()")
    );

    // A browser, or an application, that loses our cookie each time.
    let mut rounds = 0;
    while !browser.text().contains("goes round in circles") {
        rounds += 1;
        assert!(rounds < 8, "nobody stops it");
        browser.open(&site.url("app", "/"));
        if !browser.text().contains("goes round in circles") {
            browser.wait_for_text("hello from the upstream");
            browser.lose_cookie("_pomerium");
        }
    }
    look(&mut browser, "circles");

    browser.lose_cookies();
    forget(&mut browser);
    let back = begun(&site, &mut browser);
    forget(&mut browser);
    site.provider.stop();
    browser.open(&format!("{back}&code=x"));
    browser.wait_for_text("Identity provider unavailable");
    look(&mut browser, "provider-down");
    asked_nobody_else(&mut browser, &site, &["authenticate"], 503);
}
