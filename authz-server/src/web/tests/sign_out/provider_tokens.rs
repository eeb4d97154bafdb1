//! The provider's tokens of a session that has ended.

use core::time::Duration;
use std::time::Instant;

use http::{Method, StatusCode};
use secrecy::ExposeSecret as _;

use super::super::rig::{APP, AUTHENTICATE, Rig};
use super::super::store::following;
use super::{sign_out, signed_in};
use crate::sessions::StoredSession;

async fn revoked(rig: &Rig, count: usize) -> Vec<String> {
    for _ in 0..1000 {
        let revoked = rig.idp.script(|script| script.revoked.clone());
        if revoked.len() >= count {
            return revoked;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("they are not revoked");
}

/// The refresh token and the access token of each session that is in memory.
fn tokens(rig: &Rig) -> Vec<[String; 2]> {
    let mut tokens = Vec::new();
    rig.server
        .sessions()
        .for_each(|stored: &std::sync::Arc<StoredSession>| {
            let session = &stored.session;
            let refresh = session.refresh_token.as_ref().unwrap().expose_secret();
            tokens.push([
                refresh.to_owned(),
                session.access_token.expose_secret().to_owned(),
            ]);
        });
    tokens
}

async fn end(rig: &Rig) -> (StatusCode, Duration) {
    let mut browser = signed_in(rig).await;
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    let began = Instant::now();
    let answer = browser.get(&location).await;
    assert!(answer.location().starts_with(&rig.idp.issuer()));
    assert!(!browser.is_signed_in(APP).await);
    (answer.status, began.elapsed())
}

#[tokio::test]
async fn they_are_revoked_at_the_provider_the_refresh_token_first() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let [tokens] = <[_; 1]>::try_from(tokens(&rig)).unwrap();
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    browser.get(&location).await;
    assert_eq!(revoked(&rig, 2).await, tokens);
}

#[tokio::test]
async fn nobody_waits_for_that_and_nothing_depends_on_it() {
    let rig = Rig::new().await;
    rig.idp
        .script(|script| script.revocation = (Duration::from_secs(2), StatusCode::OK));
    let (status, took) = end(&rig).await;
    assert_eq!(status, StatusCode::FOUND);
    assert!(took < Duration::from_secs(1), "{took:?}");
    rig.idp
        .script(|script| script.revocation = (Duration::ZERO, StatusCode::INTERNAL_SERVER_ERROR));
    let (status, _) = end(&rig).await;
    assert_eq!(status, StatusCode::FOUND);
    revoked(&rig, 2).await;
}

#[tokio::test]
async fn those_of_another_session_that_its_user_ends_are_revoked_too() {
    let rig = Rig::new().await;
    let mut other = signed_in(&rig).await;
    let [tokens] = <[_; 1]>::try_from(tokens(&rig)).unwrap();
    let mut browser = signed_in(&rig).await;
    let page = browser.get(&format!("{AUTHENTICATE}/.pomerium/")).await;
    let (_, action) = page.body.split_once("action=\"/.pomerium/sessions/end").unwrap();
    let (action, _) = action.split_once('"').unwrap();
    let url = format!("{AUTHENTICATE}/.pomerium/sessions/end{action}");
    let answer = browser.send(Method::POST, &url, &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(revoked(&rig, 2).await, tokens);
    assert!(!other.is_signed_in(APP).await && browser.is_signed_in(APP).await);
}

/// A refresh under way has tokens that nobody knew who ended the session.
#[tokio::test]
async fn those_that_come_after_the_end_are_revoked_too() {
    let (_store, rig, _stop) = following().await;
    let mut browser = signed_in(&rig).await;
    let [tokens] = <[_; 1]>::try_from(tokens(&rig)).unwrap();
    rig.idp.script(|script| {
        script.delay = Duration::from_millis(300);
        script.ahead = 3540;
    });
    rig.advance(3540);
    let refresh = crate::refresh::once(&rig.server);
    let out = async {
        while rig.idp.script(|script| script.redemptions) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let location = browser.get(&sign_out(APP)).await.location().to_owned();
        browser.get(&location).await;
    };
    tokio::join!(refresh, out);
    let revoked = revoked(&rig, 4).await;
    assert!(tokens.iter().all(|token| revoked.contains(token)), "{revoked:?}");
    let new: Vec<&String> = revoked.iter().filter(|token| !tokens.contains(token)).collect();
    assert!(
        new.len() == 2 && new[0].starts_with("the-refresh-token-") && new[1].starts_with("the-access-token-"),
        "{revoked:?}"
    );
}
