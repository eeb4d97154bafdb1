//! Somebody is led to the login of a program, or to a token, by another site.

use http::{Method, StatusCode};
use url::Url;

use super::programmatic::{LISTENER, check, delivered, rig, sign_in, token_of};
use super::rig::{APP, AUTHENTICATE, Answer, Browser, OTHER, user};

/// What a browser says of a link on a page.
const LINK: [(&str, &str); 2] = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
const OWN: [(&str, &str); 3] = [
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("origin", AUTHENTICATE),
];

/// The question, and where its answer goes.
#[track_caller]
fn asks(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.location());
    assert!(answer.body.contains("Let a program in?"), "{}", answer.body);
    for shown in ["http://127.0.0.1:45678<", "app.example.com<", "user@example.com"] {
        assert!(answer.body.contains(shown), "{shown}: {}", answer.body);
    }
    assert!(!answer.body.contains("pomerium_jwt"));
    assert_eq!(answer.header("x-frame-options"), "DENY");
    let (_, action) = answer.body.split_once("action=\"").unwrap();
    let (action, _) = action.split_once('"').unwrap();
    action.replace("&#38;", "&").replace("&amp;", "&")
}

async fn signed_in(rig: &super::rig::Rig) -> Browser<'_> {
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    browser
}

#[tokio::test]
async fn who_is_led_to_a_programs_login_is_asked_first() {
    let rig = rig().await;
    let mut browser = signed_in(&rig).await;
    let address = sign_in(&rig, LISTENER).await;
    for site in ["cross-site", "same-site", "same-origin"] {
        let headers = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate")];
        asks(&browser.send(Method::GET, &address, &headers).await);
    }
    let foreign_form = [("origin", "https://evil.example")];
    asks(&browser.send(Method::GET, &address, &foreign_form).await);
    for headers in [&LINK[..], &foreign_form] {
        let answer = browser.send(Method::POST, &address, headers).await;
        answer.refused(403, "cross_site");
    }
    let script = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")];
    let answer = browser.send(Method::POST, &address, &script).await;
    answer.refused(401, "login_required");

    let action = asks(&browser.send(Method::GET, &address, &LINK).await);
    let answer = browser.send(Method::POST, &action, &OWN).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let token = token_of(&Url::parse(answer.location()).unwrap());
    assert!(check(&rig, "app.example.com", &token).await.passes());
    // Whoever opens the address by hand has asked for it.
    let end = delivered(&rig, &mut browser, &address).await;
    assert!(end.as_str().starts_with(LISTENER));
}

/// The provider may know the browser, and ask nobody anything.
#[tokio::test]
async fn who_is_led_there_without_a_session_is_asked_after_the_login() {
    let rig = rig().await;
    let mut browser = rig.browser();
    let address = sign_in(&rig, LISTENER).await;
    let authorize = browser
        .send(Method::GET, &address, &LINK)
        .await
        .location()
        .to_owned();
    let back = rig.idp.log_in(&authorize, user());
    let question = browser.send(Method::GET, &back, &LINK).await;
    let action = asks(&question);
    assert!(
        browser.is_signed_in(AUTHENTICATE).await,
        "the login itself counts"
    );
    // Without a session the answer begins a login, and asks again.
    let mut without = rig.browser();
    let again = without.send(Method::POST, &action, &OWN).await;
    assert_eq!(
        (again.status, again.location()),
        (StatusCode::SEE_OTHER, &*action)
    );
    let answer = browser.send(Method::POST, &action, &OWN).await;
    let token = token_of(&Url::parse(answer.location()).unwrap());
    assert!(check(&rig, "app.example.com", &token).await.passes());
}

#[tokio::test]
async fn only_the_question_about_a_program_is_answered() {
    let rig = rig().await;
    let mut browser = signed_in(&rig).await;
    let sign_in = rig.browser().sign_in_url(OTHER).await;
    let answer = browser.send(Method::POST, &sign_in, &OWN).await;
    answer.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn what_is_loaded_in_advance_gets_no_token_and_begins_no_login() {
    let rig = rig().await;
    let mut browser = signed_in(&rig).await;
    let address = sign_in(&rig, LISTENER).await;
    for header in [
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let headers = [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"), header];
        for browser in [&mut browser, &mut rig.browser()] {
            let answer = browser.send(Method::GET, &address, &headers).await;
            answer.refused(401, "login_required");
        }
    }
    let twice = [("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "no-cors")];
    let answer = browser.send(Method::GET, &address, &twice).await;
    answer.refused(401, "login_required");
}

/// A token in the query is nobody's where another site's page has put it there.
#[tokio::test]
async fn a_link_with_a_token_shows_nobody_elses_answers() {
    let rig = rig().await;
    let address = sign_in(&rig, LISTENER).await;
    let token = token_of(&delivered(&rig, &mut rig.browser(), &address).await);
    for path in ["/.pomerium/user", "/.pomerium/api/v1/routes"] {
        let url = format!("{APP}{path}?pomerium_session={token}");
        let answer = rig.browser().send(Method::GET, &url, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let answer = rig.browser().send(Method::GET, &url, &LINK).await;
        answer.refused(401, "login_required");
    }
}

/// What is escaped on the way is counted as it is in the end.
#[tokio::test]
async fn a_listener_that_grows_too_long_is_refused() {
    let rig = rig().await;
    for (count, status) in [(600, 200), (700, 400), (2000, 400)] {
        let listener = format!("http://localhost/?{}", "\"".repeat(count));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("pomerium_redirect_uri", &listener)
            .finish();
        let url = format!("{APP}/.pomerium/api/v1/login?{query}");
        let answer = rig.browser().get(&url).await;
        assert_eq!(answer.status.as_u16(), status, "{count}: {}", answer.body);
        if status == 200 {
            let begun = rig.browser().get(&answer.body).await;
            assert_eq!(begun.status, StatusCode::FOUND, "{}", begun.body);
        }
    }
}
