//! Back-channel logouts at bad moments: without the store, beside a refresh or a
//! login, after the settings have changed.

use core::time::Duration;
use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::rig::{APP, Browser, Rig, user};
use super::super::store::{connected, following};
use super::{done, log_in, log_out, post};
use crate::refresh::once;

/// When tokens of an hour are due, whatever the spread.
const NEARLY_AN_HOUR: i64 = 3600 - 60;

async fn is_signed_out_soon(browser: &mut Browser<'_>) {
    for _ in 0..1000 {
        if !browser.is_signed_in(APP).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never happened");
}

#[tokio::test]
async fn without_the_store_the_provider_is_to_try_again() {
    let (store, rig, _stop) = following().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    let token = rig.idp.logout_token(rig.now(), &json!({"sid": "s-1"}));
    store.cut();
    connected(&rig, false).await;
    for _ in 0..2 {
        let answer = post(&rig, &token).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
        assert_eq!(answer.header("retry-after"), "5");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json()["error"], "temporarily_unavailable");
    }
    store.mend();
    connected(&rig, true).await;
    assert!(browser.is_signed_in(APP).await);
    // The same token, as most of them send it.
    done(&post(&rig, &token).await);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn without_the_providers_keys_it_is_to_try_again() {
    let (_store, rig, _stop) = following().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    rig.idp.set_down(true);
    let mut settings = rig.settings();
    if let Some(provider) = &mut settings.provider {
        // As after a restart: nothing of the provider is known.
        provider.client_secret = Some("rotated".to_owned().into());
    }
    rig.publish(settings);
    let answer = log_out(&rig, &json!({"sid": "s-1"})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_refresh_under_way_does_not_bring_the_session_back() {
    let (_store, rig, _stop) = following().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    rig.idp.script(|script| script.delay = Duration::from_millis(500));
    rig.advance(NEARLY_AN_HOUR);
    rig.idp.script(|script| script.ahead = NEARLY_AN_HOUR);
    let refreshing = {
        let server = Arc::clone(&rig.server);
        tokio::spawn(async move { once(&server).await })
    };
    while rig.idp.script(|script| script.redemptions) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    done(&log_out(&rig, &json!({"sid": "s-1"})).await);
    refreshing.await.unwrap();
    assert!(!browser.is_signed_in(APP).await);
    let kept = rig.server.store().query("session", None, 10).await.unwrap();
    assert!(kept.iter().all(|record| record.deleted));
}

#[tokio::test]
async fn the_session_is_known_by_its_name_after_a_refresh_that_does_not_say_it() {
    let (_store, rig, _stop) = following().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    rig.idp
        .script(|script| script.claims = Some(json!({"email": "new@example.com"})));
    rig.advance(NEARLY_AN_HOUR);
    rig.idp.script(|script| script.ahead = NEARLY_AN_HOUR);
    once(&rig.server).await;
    let page = browser.get(&format!("{APP}/.pomerium/user")).await;
    assert_eq!(page.json()["email"], "new@example.com");
    done(&log_out(&rig, &json!({"sid": "s-1"})).await);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_login_that_is_finished_meanwhile_ends_too() {
    let (_store, rig, _stop) = following().await;
    let mut browser = rig.browser();
    let authorize = browser.authorize_url(APP).await;
    let mut claims = user();
    claims["sid"] = json!("s-1");
    let back = rig.idp.log_in(&authorize, claims);
    done(&log_out(&rig, &json!({"sid": "s-1"})).await);
    browser.visit(&back).await;
    assert!(browser.is_signed_in(APP).await);
    is_signed_out_soon(&mut browser).await;
}

#[tokio::test]
async fn other_servers_of_the_store_refuse_the_session_too() {
    let (store, rig, _stop) = following().await;
    let other = Rig::over(store.clone(), Duration::from_secs(900)).await;
    other.publish(rig.settings());
    let stop = CancellationToken::new();
    let (server, until_stop) = (Arc::clone(&other.server), stop.clone());
    let _stop = stop.drop_guard();
    tokio::spawn(async move { server.sessions().follow(until_stop).await });
    connected(&other, true).await;
    let browser = log_in(&rig, "user-1", Some("s-1")).await;
    let mut there = other.browser();
    there.cookies = browser.cookies.clone();
    assert!(there.is_signed_in(APP).await);
    done(&log_out(&rig, &json!({"sub": "user-1"})).await);
    let told = is_signed_out_soon(&mut there);
    tokio::time::timeout(Duration::from_secs(1), told).await.unwrap();
}

#[tokio::test]
async fn sessions_of_other_provider_settings_are_not_its_to_end() {
    let (_store, rig, _stop) = following().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    let mut settings = rig.settings();
    settings.provider = Some(portcullis_bundle::Provider::new(
        "oidc".to_owned(),
        rig.idp.issuer(),
        "client".to_owned(),
        Some("secret".to_owned().into()),
        vec!["openid".to_owned()],
    ));
    rig.publish(settings);
    for changes in [json!({"sid": "s-1"}), json!({"sub": "user-1"})] {
        done(&log_out(&rig, &changes).await);
    }
    rig.publish(rig.settings());
    assert!(browser.is_signed_in(APP).await);
    // Without any provider nobody may say such a thing.
    let mut settings = rig.settings();
    settings.provider = None;
    rig.publish(settings);
    let answer = log_out(&rig, &json!({"sub": "user-1"})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// The provider is slow to redeem the code: the login is kept seconds after the logout.
#[tokio::test]
async fn a_login_that_is_kept_late_ends_too() {
    let (_store, rig, _stop) = following().await;
    let mut browser = rig.browser();
    let authorize = browser.authorize_url(APP).await;
    let back = rig.idp.log_in(&authorize, user());
    rig.idp
        .script(|script| script.redemption = Duration::from_millis(2500));
    let login = browser.visit(&back);
    let logout = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        done(&log_out(&rig, &json!({"sub": "user-1"})).await);
    };
    tokio::join!(login, logout);
    assert!(browser.is_signed_in(APP).await);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(25)).await;
    tokio::time::resume();
    is_signed_out_soon(&mut browser).await;
}

/// Whoever has logged in again since is not logged out by the same token: not where it
/// comes once more to another server, and not by the last look at what was under way.
#[tokio::test]
async fn a_login_after_the_logout_lives_on() {
    let (store, rig, _stop) = following().await;
    let other = Rig::over(store.clone(), Duration::from_secs(900)).await;
    other.publish(rig.settings());
    let mut before = log_in(&rig, "user-1", None).await;
    let token = rig.idp.logout_token(rig.now(), &json!({"sub": "user-1"}));
    done(&post(&rig, &token).await);
    assert!(!before.is_signed_in(APP).await);
    rig.advance(3);
    let mut soon = log_in(&rig, "user-1", None).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(26)).await;
    tokio::time::resume();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(soon.is_signed_in(APP).await);
    rig.advance(60);
    other.advance(63);
    let mut later = log_in(&rig, "user-1", None).await;
    done(&post(&other, &token).await);
    // Within a minute the clocks may differ.
    is_signed_out_soon(&mut soon).await;
    assert!(later.is_signed_in(APP).await);
}
