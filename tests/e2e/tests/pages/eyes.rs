//! Looks at a page in every light and on every screen, and judges what can be judged.

use portcullis_harness::browser::Told;
use portcullis_harness::{Browser, Site};

const JUDGE: &str = include_str!("judge.js");

pub(crate) const SCREENS: [(&str, u32, u32); 2] = [("phone", 390, 700), ("desktop", 1280, 720)];
pub(crate) const LIGHTS: [(&str, bool); 2] = [("light", false), ("dark", true)];

/// The page that is open. Its pictures are `page-NAME-SCREEN-LIGHT`, for `docs/images/`.
#[track_caller]
pub(crate) fn look(browser: &mut Browser, name: &str) {
    for (screen, width, height) in SCREENS {
        for (light, dark) in LIGHTS {
            browser.emulate(width, height, dark);
            let judgement = browser.script(&format!("{JUDGE}; return judge(document, {})", width < 600));
            assert_eq!(judgement, "", "{name} on a {screen}, {light}");
            browser.picture(&format!("page-{name}-{screen}-{light}"));
        }
    }
    listen(browser, name);
}

/// The judgement of the page after each harm is as it should be.
#[track_caller]
pub(crate) fn sees_harm(browser: &mut Browser, url: &str) {
    browser.emulate(390, 700, false);
    for (harm, complaint) in [
        ("document.documentElement.lang = ''", "no language"),
        ("document.querySelector('h1').remove()", "0 times <h1>"),
        (
            "document.querySelector('p').style.color = '#999'",
            "a contrast of",
        ),
        ("document.querySelector('p').style.fontSize = '9px'", "is small"),
        (
            "document.querySelectorAll('.way').forEach((way) => way.style.padding = 0)",
            "\" is ",
        ),
        (
            "document.querySelector('.way').style.border = 0",
            "not seen as a button",
        ),
        (
            "document.querySelector('main').style.width = '500px'",
            "is wider than its place",
        ),
        (
            "document.querySelector('main').append(new Image())",
            "without alt",
        ),
    ] {
        browser.open(url);
        let judgement = browser.script(&format!("{harm}; {JUDGE}; return judge(document, true)"));
        assert!(judgement.contains(complaint), "{harm}: {judgement}");
    }
}

/// What a screen reader makes of the page.
#[track_caller]
fn listen(browser: &mut Browser, name: &str) {
    let told = browser.told();
    let of = |role: &str| told.iter().filter(|part| part.role == role).count();
    assert_eq!((of("main"), of("RootWebArea")), (1, 1), "{name}");
    for Told { role, name: label } in &told {
        let named = [
            "RootWebArea",
            "link",
            "button",
            "heading",
            "image",
            "navigation",
            "region",
            "table",
        ];
        assert!(
            !named.contains(&role.as_str()) || !label.trim().is_empty(),
            "{name} has a {role} without a name"
        );
    }
}

/// Nothing was asked of another origin, and nothing was refused by a page's policy.
/// The console names every answer that is an error: `status` is that of the pages.
#[track_caller]
pub(crate) fn asked_nobody_else(browser: &mut Browser, site: &Site, hosts: &[&str], status: u16) {
    let requests = browser.requests();
    assert!(!requests.is_empty(), "the record is kept");
    for request in requests {
        assert!(
            hosts
                .iter()
                .any(|host| request.starts_with(&format!("{}/", site.origin(host)))),
            "a page asked for {request}"
        );
    }
    let expected = format!("status of {status}");
    for complaint in browser.complaints() {
        assert!(status >= 400 && complaint.contains(&expected), "{complaint}");
    }
}
