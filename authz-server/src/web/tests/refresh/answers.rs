//! What the provider answers, and what that does to a session.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::rig::APP;
use super::{NEARLY_AN_HOUR, World};
use crate::refresh::Outcome;

#[tokio::test]
async fn a_refusal_ends_the_session_on_every_server() {
    for refuses in ["invalid_grant", "login_required"] {
        let one = World::new().await;
        let two = one.beside().await;
        let mut browser = one.log_in().await;
        let id = one.session().session.id;
        one.rig.idp.script(|script| script.refuses = Some(refuses));
        one.advance(NEARLY_AN_HOUR);
        one.once().await;
        assert_eq!(one.count(Outcome::Ended), 1);
        assert!(!browser.is_signed_in(APP).await);
        assert!(!one.is_stored(id).await);
        two.until(|two| two.sessions().is_empty()).await;
        // A login makes another session.
        one.rig.idp.script(|script| script.refuses = None);
        browser.visit(&format!("{APP}/.pomerium/")).await;
        assert_ne!(one.session().session.id, id);
    }
}

#[tokio::test]
async fn an_error_that_says_nothing_of_the_grant_ends_nothing() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    let id = world.session().session.id;
    world.advance(NEARLY_AN_HOUR);
    // A client secret that was replaced at the provider, a gateway before it.
    for (tries, refuses) in ["invalid_client", "unauthorized_client", "Not Found"]
        .iter()
        .enumerate()
    {
        world.rig.idp.script(|script| script.refuses = Some(refuses));
        world.once().await;
        assert_eq!(world.redemptions(), tries + 1);
        assert_eq!(world.count(Outcome::Invalid), tries as u64 + 1);
        assert!(browser.is_signed_in(APP).await, "{refuses}");
        world.once().await;
        assert_eq!(world.redemptions(), tries + 1, "there is a pause");
        world.advance(50);
    }
    assert_eq!(world.count(Outcome::Ended), 0);
    world.rig.idp.script(|script| script.refuses = None);
    world.once().await;
    assert_eq!(world.count(Outcome::Refreshed), 1);
    assert_eq!(world.session().session.id, id);
    assert!(browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn new_tokens_without_userinfo_count_as_what_went_wrong() {
    for (status, outcome) in [(503, Outcome::Unavailable), (403, Outcome::Invalid)] {
        let world = World::new().await;
        let said = json!({"sub": "user-1"});
        world.rig.idp.script(|script| script.userinfo = Some(said));
        let mut browser = world.log_in().await;
        let before = world.session();
        world
            .rig
            .idp
            .script(|script| script.userinfo = Some(json!(status)));
        world.advance(NEARLY_AN_HOUR);
        world.once().await;
        assert_eq!(world.redemptions(), 1);
        let after = world.session();
        assert_ne!(
            after.session.access_token.expose_secret(),
            before.session.access_token.expose_secret()
        );
        // Once with the tokens, and once because it is read every ten minutes.
        assert_eq!(world.count(outcome), 2, "{status}");
        assert_eq!(world.count(Outcome::Refreshed), 0);
        assert!(browser.is_signed_in(APP).await);
    }
}

#[tokio::test]
async fn another_user_in_the_answer_ends_the_session() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    world
        .rig
        .idp
        .script(|script| script.claims = Some(json!({"sub": "user-2", "email": "other@example.com"})));
    world.advance(NEARLY_AN_HOUR);
    world.once().await;
    assert_eq!(world.count(Outcome::Ended), 1);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_keep_ends_the_session() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    let huge = "x".repeat(128 * 1024);
    world
        .rig
        .idp
        .script(|script| script.claims = Some(json!({"sub": "user-1", "biography": huge})));
    world.advance(NEARLY_AN_HOUR);
    world.once().await;
    assert_eq!((world.count(Outcome::Ended), world.redemptions()), (1, 1));
    assert!(!browser.is_signed_in(APP).await);
}
