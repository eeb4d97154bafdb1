//! Many tabs, the back button, and browsers that keep no cookies.

use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Site};

use crate::support::{ADMIN, SITE, USER, assert_refused, provider_answer};

/// No tab ends on an error, and none goes round in circles.
#[test]
fn oi_13_twenty_tabs_opened_at_once_on_a_cold_browser_all_end_logged_in() {
    const TABS: usize = 20;
    let site = Site::start(
        "- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}",
    );
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
                browser.wait_for_text("Sign in");
                browser.type_into("input[name=login]", USER);
                browser.type_into("input[name=password]", PASSWORD);
                browser.click("button[type=submit]");
            }
            let (url, text) = (browser.url(), browser.text());
            assert!(Instant::now() < patience, "tab {number} is at {url}:\n{text}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(browser.url(), site.url("app", "/page?from=tabs"));
    }
}

/// Fifty logins of one browser, all begun before the first of them ends, and ended in
/// another order.
#[test]
fn oi_13_fifty_tabs_of_one_browser_all_finish() {
    const TABS: usize = 50;
    let site = SITE.get();
    let mut client = site.client();
    provider_answer(&mut client, &site.url("app", "/"), ADMIN);
    // The provider knows the browser now, and answers at once.
    let mut answers: Vec<_> = (0..TABS)
        .map(|tab| {
            let first = client.get(&site.url("app", &format!("/?mark=tab-{tab}-of-oi-13")));
            client.follow_until(first, |url| url.path() == "/oauth2/callback")
        })
        .collect();
    answers.reverse();
    for answer in answers {
        let page = client.open(answer.as_str());
        assert_eq!(page.status, 200, "{}", page.text());
    }
    for tab in 0..TABS {
        assert!(site.upstream.saw(&format!("mark=tab-{tab}-of-oi-13")));
    }
    for host in ["app", "authenticate"] {
        let kept = client.cookies(&format!("{host}.example.test"));
        let ours = kept
            .iter()
            .filter(|(name, _)| name.starts_with("_pomerium"))
            .count();
        assert!(ours <= 3, "{host}: {kept:?}");
    }
}

/// The back button shows an answer that was used: a page that leads on.
#[test]
fn oi_13_the_back_button_leads_on() {
    let site = SITE.get();
    let mut client = site.client();
    let start = site.url("app", "/?mark=back-button");
    let answer = provider_answer(&mut client, &start, ADMIN);
    assert_eq!(client.open(answer.as_str()).status, 200);
    let again = client.get(answer.as_str());
    assert_refused(&again, "an answer that was used");
    assert!(
        again.text().contains(&format!("href=\"{start}\"")),
        "{}",
        again.text()
    );
    assert_eq!(client.get(&start).status, 200);
}

/// A browser that keeps no cookies comes to a page that says so, and not to another
/// redirect.
#[test]
fn oi_13_without_cookies_nobody_goes_round() {
    let site = SITE.get();
    // Neither host's, or the one host's alone.
    for lost in [&["app", "authenticate"][..], &["app"], &["authenticate"]] {
        let mut client = site.client();
        let mut answer = client.get(&site.url("app", "/"));
        for redirects in 0.. {
            assert!(redirects < 12, "{lost:?}: round and round at {}", answer.url);
            for host in lost {
                client.forget(&format!("{host}.example.test"));
            }
            if answer.url.path().starts_with("/interaction") && answer.status == 200 {
                answer = client.fill_login(&answer, USER, PASSWORD);
            }
            let Some(next) = answer.location() else { break };
            answer = client.get(next.as_str());
        }
        assert_refused(&answer, &format!("without the cookies of {lost:?}"));
        assert!(
            answer.text().to_lowercase().contains("cookies"),
            "{}",
            answer.text()
        );
    }
}
