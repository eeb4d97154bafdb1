//! Logins that succeed.

use http::{Method, StatusCode};
use serde_json::json;

use super::rig::{APP, AUTHENTICATE, OTHER, Rig, user};

#[tokio::test]
async fn one_login_serves_two_hosts() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for wanted in [
        "<dt>User id</dt><dd id=\"sub\" class=\"mono\">user-1</dd>",
        "<dd id=\"email\">user@example.com</dd>",
        "<li>staff</li>",
        "User One",
        "app.example.com",
        "id=\"issued-at\"",
        "id=\"expires-at\"",
    ] {
        assert!(page.body.contains(wanted), "{wanted} is missing in {}", page.body);
    }
    assert_eq!(rig.idp.logins(), 1);
    // The second host finds the session of the authenticate host, without the provider.
    let page = browser.visit(&format!("{OTHER}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(rig.idp.logins(), 1);
    let page = browser.visit(&format!("{AUTHENTICATE}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(rig.idp.logins(), 1);
}

#[tokio::test]
async fn authenticate_host_has_a_user_page_of_its_own() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let home = browser.get(&format!("{AUTHENTICATE}/")).await;
    assert_eq!((home.status, home.location()), (StatusCode::FOUND, "/.pomerium/"));
    let page = browser.visit(&format!("{AUTHENTICATE}/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("user-1"));
}

#[tokio::test]
async fn user_json_has_the_claims_and_no_secret() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    let answer = browser.get(&format!("{APP}/.pomerium/user")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json(),
        json!({
            "sub": "user-1", "user": "user-1", "email": "user@example.com", "groups": ["staff"],
            "name": "User One", "team": "a",
        })
    );
    let session = browser.cookie("app.example.com", "_pomerium").unwrap();
    for body in [&page.body, &answer.body] {
        for secret in ["the-access-token", "the-refresh-token", "eyJ", session] {
            assert!(!body.contains(secret), "{secret} in {body}");
        }
    }
}

#[tokio::test]
async fn cookies_have_pomeriums_names_and_attributes() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let first = browser.get(&format!("{APP}/.pomerium/")).await;
    assert!(
        first.set_cookies()[0].starts_with("_pomerium_binding="),
        "{:?}",
        first.set_cookies()
    );
    let second = browser.get(first.location()).await;
    assert!(
        second.set_cookies()[0].starts_with("_pomerium_csrf="),
        "{:?}",
        second.set_cookies()
    );
    assert!(second.set_cookies()[0].contains("Max-Age=43200"));
    let third = browser.get(&rig.idp.log_in(second.location(), user())).await;
    assert_eq!(third.set_cookies().len(), 1);
    assert!(third.set_cookies()[0].starts_with("_pomerium_authenticate="));
    assert!(third.set_cookies()[0].contains("Max-Age=50400"));
    let fourth = browser.get(third.location()).await;
    assert_eq!(fourth.set_cookies().len(), 2);
    assert!(
        fourth.set_cookies()[1].starts_with("_pomerium_binding="),
        "with its count"
    );
    assert!(fourth.set_cookies()[0].starts_with("_pomerium="));
    assert_eq!(fourth.location(), format!("{APP}/.pomerium/"));
    for host in ["app.example.com", "authenticate.example.com"] {
        for (name, value) in &browser.cookies[host] {
            assert!(value.len() <= 400, "{name} has {} bytes", value.len());
        }
    }
}

#[tokio::test]
async fn nothing_is_stored_before_the_provider_has_vouched() {
    let rig = Rig::new().await;
    for _ in 0..5 {
        rig.browser().provider_answer(APP).await;
    }
    assert!(
        rig.server
            .store()
            .query("session", None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn every_tab_finishes() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(browser.provider_answer(APP).await);
    }
    let mut callbacks = Vec::new();
    for answer in &answers {
        callbacks.push(browser.get(answer).await.location().to_owned());
    }
    for callback in callbacks.iter().rev() {
        let answer = browser.get(callback).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        assert!(browser.is_signed_in(APP).await);
    }
    assert_eq!(
        rig.server.store().query("session", None, 10).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_second_login_makes_a_new_session_and_ends_the_old() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let authorize = browser.authorize_url(APP).await;
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let mut old = browser.clone();
    assert!(old.is_signed_in(AUTHENTICATE).await && old.is_signed_in(APP).await);
    // A login that was begun before is finished now, by somebody else in the same browser.
    let second = rig.idp.log_in(&authorize, json!({"sub": "user-2"}));
    let finished = browser.get(&second).await;
    assert_eq!(finished.status, StatusCode::FOUND);
    assert_ne!(
        browser.cookie("authenticate.example.com", "_pomerium_authenticate"),
        old.cookie("authenticate.example.com", "_pomerium_authenticate")
    );
    assert!(browser.is_signed_in(AUTHENTICATE).await);
    assert!(!old.is_signed_in(AUTHENTICATE).await);
    assert!(!old.is_signed_in(APP).await);
    assert_eq!(
        rig.server.store().query("session", None, 10).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn sessions_end_with_their_time() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    rig.advance(14 * 3600 - 1);
    assert!(browser.is_signed_in(APP).await);
    rig.advance(1);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_login_after_the_end_of_a_session_has_another_id() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let old = browser.clone();
    rig.advance(14 * 3600);
    assert_eq!(
        browser.visit(&format!("{APP}/.pomerium/")).await.status,
        StatusCode::OK
    );
    assert_eq!(rig.idp.logins(), 2);
    for (host, name) in [
        ("app.example.com", "_pomerium"),
        ("authenticate.example.com", "_pomerium_authenticate"),
    ] {
        assert_ne!(browser.cookie(host, name), old.cookie(host, name));
    }
    let mut old = old;
    assert!(!old.is_signed_in(APP).await && !old.is_signed_in(AUTHENTICATE).await);
    assert!(browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_provider_that_was_down_is_asked_again() {
    let rig = Rig::new().await;
    rig.idp.set_down(true);
    let mut browser = rig.browser();
    let sign_in = browser.sign_in_url(APP).await;
    let answer = browser.get(&sign_in).await;
    answer.refused(503, "idp_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    rig.idp.set_down(false);
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK);
    // Who is signed in does not notice when it goes down again.
    rig.idp.set_down(true);
    assert!(browser.is_signed_in(APP).await);
    assert_eq!(
        browser.visit(&format!("{OTHER}/.pomerium/")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn interleaved_logins_are_never_swapped() {
    let rig = Rig::new().await;
    let logins = (0..60).map(|number| {
        let rig = &rig;
        async move {
            let mut browser = rig.browser();
            let subject = format!("user-{number}");
            let authorize = browser.authorize_url(APP).await;
            let back = rig.idp.log_in(&authorize, json!({"sub": subject}));
            assert_eq!(browser.visit(&back).await.status, StatusCode::OK);
            let user = browser.get(&format!("{APP}/.pomerium/user")).await.json();
            assert_eq!(user["sub"], subject);
        }
    });
    futures::future::join_all(logins).await;
}

#[tokio::test]
async fn claims_cannot_speak_html() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let evil = "<script>alert(1)</script>\"'";
    let authorize = browser.authorize_url(APP).await;
    let claims = json!({"sub": evil, "email": evil, "name": evil, "groups": [evil], evil: {"x": [evil]}});
    let back = rig.idp.log_in(&authorize, claims);
    browser.visit(&back).await;
    let page = browser.get(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert!(page.body.contains("alert(1)"));
    let page = browser.get(&format!("{AUTHENTICATE}/.pomerium/sign_out")).await;
    assert!(
        page.body.contains("alert(1)") && !page.body.contains("<script"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn head_is_answered_like_get() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let answer = browser
        .send(Method::HEAD, &format!("{APP}/.pomerium/"), &[])
        .await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert!(
        answer
            .location()
            .starts_with(&format!("{AUTHENTICATE}/.pomerium/sign_in?"))
    );
}
