//! Pages while the store is away.

use core::time::Duration;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::rig::{APP, OTHER, Rig};
use crate::fixture::Cuttable;

/// A rig over a store of another process, and its sessions follow it.
pub(super) async fn following() -> (Arc<Cuttable>, Rig, tokio_util::sync::DropGuard) {
    let store = Arc::new(Cuttable::new());
    let rig = Rig::over(store.clone(), Duration::from_secs(900)).await;
    rig.publish(rig.settings());
    let stop = CancellationToken::new();
    let (server, until_stop) = (Arc::clone(&rig.server), stop.clone());
    tokio::spawn(async move { server.sessions().follow(until_stop).await });
    connected(&rig, true).await;
    (store, rig, stop.drop_guard())
}

pub(super) async fn connected(rig: &Rig, wanted: bool) {
    let change = async {
        while rig.server.sessions().is_connected() != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), change)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_says_that_it_cannot_be_kept_before_and_after_the_provider() {
    let (store, rig, _stop) = following().await;
    let mut early = rig.browser();
    let sign_in = early.sign_in_url(APP).await;
    let mut late = rig.browser();
    let callback = late.provider_answer(APP).await;
    let mut signed_in = rig.browser();
    let authorize = signed_in.authorize_url(APP).await;
    signed_in.visit(&format!("{APP}/.pomerium/")).await;
    let second = rig.idp.log_in(&authorize, json!({"sub": "user-2"}));

    store.cut();
    connected(&rig, false).await;
    for answer in [early.get(&sign_in).await, late.get(&callback).await] {
        answer.refused(503, "sessions_unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        assert!(
            answer
                .body
                .contains("Sessions cannot be read or kept at the moment")
        );
    }
    // Who is signed in stays so, and loses nothing by a login that cannot be kept.
    signed_in.get(&second).await.refused(503, "sessions_unavailable");
    assert!(signed_in.is_signed_in(APP).await);

    store.mend();
    connected(&rig, true).await;
    let page = early.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
}

/// A sign-out that the store does not hear of: nothing is left out for that, and the user
/// is told.
#[tokio::test]
async fn a_sign_out_without_the_store_ends_all_that_it_can() {
    let (store, rig, _stop) = following().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    browser.cookies.remove("authenticate.example.com");
    browser.visit(&format!("{OTHER}/.pomerium/")).await;
    let mut copies = browser.clone();
    let out = |origin: &str| format!("{origin}/.pomerium/sign_out");
    let location = browser.get(&out(APP)).await.location().to_owned();
    store.cut();
    connected(&rig, false).await;
    assert!(copies.is_signed_in(APP).await && copies.is_signed_in(OTHER).await);
    let answer = browser.send(Method::POST, &location, &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.body.contains("sessions_unavailable") && answer.header("retry-after") == "5");
    let own = browser.cookie("authenticate.example.com", "_pomerium_authenticate");
    assert_eq!(own, None);
    for origin in [APP, OTHER] {
        assert!(!copies.is_signed_in(origin).await, "{origin}");
    }
    store.mend();
    connected(&rig, true).await;
    rig.server.sweep().await;
    let kept = rig.server.store().query("session", None, 10).await.unwrap();
    assert!(kept.iter().all(|record| record.deleted));

    // The same where a host has no authenticate service to go to.
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let mut settings = rig.settings();
    settings.authenticate = portcullis_bundle::Authenticate::None;
    rig.publish(settings);
    store.cut();
    connected(&rig, false).await;
    let answer = browser.get(&out(APP)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
}
