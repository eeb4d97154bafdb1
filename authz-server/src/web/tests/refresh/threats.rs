//! Cases of the threat catalogue about refreshes and a provider that is away.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::rig::{APP, Browser};
use super::{NEARLY_AN_HOUR, World, claims};
use crate::refresh::{Outcome, run};

async fn log_in_as<'a>(world: &'a World, user: &str) -> Browser<'a> {
    let mut browser = world.rig.browser();
    let authorize = browser.authorize_url(APP).await;
    let said = json!({"sub": user, "email": format!("{user}@example.com")});
    let back = world.rig.idp.log_in(&authorize, said);
    assert_eq!(browser.visit(&back).await.status, 200);
    browser
}

/// 1,000 requests of two users in the moment in which both have to be refreshed: one
/// refresh each, and nobody is ever the other.
#[tokio::test]
async fn ck_19_two_users_are_refreshed_once_each_and_never_mixed() {
    let world = World::new().await;
    let users = ["one", "two"];
    let browsers = [
        log_in_as(&world, users[0]).await,
        log_in_as(&world, users[1]).await,
    ];
    world
        .rig
        .idp
        .script(|script| script.delay = Duration::from_millis(500));
    world.advance(NEARLY_AN_HOUR);
    let stop = CancellationToken::new();
    tokio::spawn(run(Arc::clone(&world.rig.server), stop.clone()));
    let asked = join_all((0..1000).map(|number| {
        let (mut browser, user) = (browsers[number % 2].clone(), users[number % 2]);
        async move {
            tokio::time::sleep(Duration::from_millis(number as u64)).await;
            let said = claims(&mut browser).await;
            assert_eq!(said["sub"], user);
            assert_eq!(said["email"], format!("{user}@example.com"));
        }
    }));
    asked.await;
    world.until(|world| world.count(Outcome::Refreshed) == 2).await;
    stop.cancel();
    let said = world
        .rig
        .idp
        .script(|script| (script.redemptions, script.replays));
    assert_eq!(said, (2, 0));
    for (mut browser, user) in browsers.into_iter().zip(users) {
        assert_eq!(claims(&mut browser).await["sub"], user);
    }
    let mut found: Vec<String> = world
        .sessions()
        .iter()
        .map(|stored| stored.session.user_id.clone())
        .collect();
    found.sort();
    assert_eq!(found, users);
}

/// Sessions live to their own end while the provider is away for an hour, new logins are
/// told when to come again, and it is well without a restart.
#[tokio::test]
async fn oi_18_an_hour_without_the_provider() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    world.advance(NEARLY_AN_HOUR);
    world.rig.idp.set_down(true);
    for minute in 0..60 {
        world.once().await;
        assert!(browser.is_signed_in(APP).await, "after {minute} minutes");
        if minute % 20 == 0 {
            let mut newcomer = world.rig.browser();
            let sign_in = newcomer.sign_in_url(APP).await;
            let mut answer = newcomer.get(&sign_in).await;
            if answer.status == 302 {
                // Nobody has asked it for a while: who does hears it on the way back.
                let back = world
                    .rig
                    .idp
                    .log_in(answer.location(), json!({"sub": "newcomer"}));
                answer = newcomer.get(&back).await;
            }
            answer.refused(503, "idp_unavailable");
            assert_eq!(answer.header("retry-after"), "5");
        }
        world.advance(60);
    }
    assert_eq!(world.count(Outcome::Ended), 0);
    world.rig.idp.set_down(false);
    world.advance(600);
    world.once().await;
    assert_eq!(world.count(Outcome::Refreshed), 1);
    assert!(browser.is_signed_in(APP).await);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let mut newcomer = world.rig.browser();
    newcomer.visit(&format!("{APP}/.pomerium/")).await;
    assert!(newcomer.is_signed_in(APP).await);
    // Its own end is the end, also with a provider that is away.
    world.rig.idp.set_down(true);
    world.advance(14 * 3600);
    assert!(!browser.is_signed_in(APP).await);
}
