//! Sessions whose tokens are renewed: logins through the pages, refreshes at a
//! provider whose refresh tokens are good once, and a clock that the test moves.

use core::time::Duration;
use std::sync::Arc;

use http::StatusCode;
use portcullis_model::SessionId;
use portcullis_session::refresh::{COOL_OFF, LEASE, leased};
use portcullis_store::{KIND_SESSION, MemoryStore, Store};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::rig::{APP, Browser, OTHER, Rig};
use crate::fixture::Cuttable;
use crate::refresh::{Outcome, once, run};
use crate::sessions::StoredSession;

mod answers;
mod threats;

/// When tokens of an hour are due, whatever the spread.
const NEARLY_AN_HOUR: i64 = 3600 - 60;

/// A server that follows its store, as in production.
struct World {
    rig: Rig,
    _following: DropGuard,
}

impl World {
    async fn new() -> Self {
        let world = Self::over(Arc::new(MemoryStore::new(1))).await;
        world.rig.publish(world.rig.settings());
        world
    }

    /// Without a configuration.
    async fn over(store: Arc<dyn Store>) -> Self {
        let rig = Rig::over(store, Duration::from_secs(900)).await;
        let stop = CancellationToken::new();
        let (server, until_stop) = (Arc::clone(&rig.server), stop.clone());
        tokio::spawn(async move { server.sessions().follow(until_stop).await });
        let world = Self {
            rig,
            _following: stop.drop_guard(),
        };
        world
            .until(|world| world.rig.server.sessions().is_connected())
            .await;
        world
    }

    /// A second server over the same store, with the same provider and clock.
    async fn beside(&self) -> Self {
        let other = Self::over(Arc::clone(self.rig.server.store())).await;
        other.rig.publish(self.rig.settings());
        other
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            if what(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never happened");
    }

    async fn log_in(&self) -> Browser<'_> {
        let mut browser = self.rig.browser();
        let page = browser.visit(&format!("{APP}/.pomerium/")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        browser
    }

    /// Time passes, here and at the provider.
    fn advance(&self, seconds: i64) {
        self.rig.advance(seconds);
        self.rig.idp.script(|script| script.ahead += seconds);
    }

    fn sessions(&self) -> Vec<Arc<StoredSession>> {
        let mut all = Vec::new();
        self.rig
            .server
            .sessions()
            .for_each(|stored| all.push(Arc::clone(stored)));
        all
    }

    #[track_caller]
    fn session(&self) -> Arc<StoredSession> {
        let mut all = self.sessions();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn redemptions(&self) -> usize {
        self.rig.idp.script(|script| script.redemptions)
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.rig.server.refresher().count(outcome)
    }

    async fn once(&self) {
        once(&self.rig.server).await;
    }

    async fn is_stored(&self, id: SessionId) -> bool {
        let record = self.rig.server.store().get(KIND_SESSION, &id.to_string()).await;
        record.unwrap().is_some()
    }
}

async fn claims(browser: &mut Browser<'_>) -> Value {
    let answer = browser.get(&format!("{APP}/.pomerium/user")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn tokens_and_claims_are_new_and_the_cookie_is_the_same() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    let before = world.session();
    let cookies = browser.cookies.clone();
    world.once().await;
    assert_eq!(world.redemptions(), 0, "it is not due");
    world.rig.idp.script(|script| {
        script.claims = Some(json!({"email": "new@example.com", "name": "User One", "groups": ["other"]}));
    });
    assert_eq!(claims(&mut browser).await["team"], "a");

    world.advance(NEARLY_AN_HOUR);
    world.once().await;
    assert_eq!((world.redemptions(), world.count(Outcome::Refreshed)), (1, 1));
    let after = world.session();
    assert_ne!(
        after.session.access_token.expose_secret(),
        before.session.access_token.expose_secret()
    );
    assert_ne!(
        after.session.id_token.expose_secret(),
        before.session.id_token.expose_secret()
    );
    assert_eq!(
        after.session.expires_at, before.session.expires_at,
        "the end stays"
    );
    let now = claims(&mut browser).await;
    assert_eq!(
        (&now["email"], &now["groups"]),
        (&json!("new@example.com"), &json!(["other"]))
    );
    assert_eq!(
        now["team"],
        Value::Null,
        "what the provider takes away is gone: {now}"
    );
    assert_eq!(browser.cookies, cookies);
    world.once().await;
    assert_eq!(world.redemptions(), 1, "and is not due again");
}

#[tokio::test]
async fn a_session_ends_with_cookie_expire_however_often_it_was_refreshed() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    for hour in 0..14 {
        assert!(browser.is_signed_in(APP).await, "hour {hour}");
        world.advance(3600);
        world.once().await;
    }
    assert!(!browser.is_signed_in(APP).await);
    assert_eq!(
        world.redemptions(),
        13,
        "none for the last hour, which is the session's own end"
    );
}

#[tokio::test]
async fn many_requests_and_two_servers_spend_a_token_once() {
    let one = World::new().await;
    let two = one.beside().await;
    let mut browser = one.log_in().await;
    one.rig
        .idp
        .script(|script| script.delay = Duration::from_millis(300));
    two.until(|two| two.sessions().len() == 1).await;
    let stop = CancellationToken::new();
    one.advance(NEARLY_AN_HOUR);
    two.rig.advance(NEARLY_AN_HOUR);
    for world in [&one, &two] {
        tokio::spawn(run(Arc::clone(&world.rig.server), stop.clone()));
    }
    for _ in 0..100 {
        assert!(browser.is_signed_in(APP).await);
        let mut elsewhere = two.rig.browser();
        elsewhere.cookies.clone_from(&browser.cookies);
        assert!(elsewhere.is_signed_in(APP).await);
    }
    one.until(|one| one.count(Outcome::Refreshed) + two.count(Outcome::Refreshed) == 1)
        .await;
    for world in [&one, &two] {
        world
            .until(|world| world.session().session.progress.refreshed_at.is_some())
            .await;
        assert_eq!(world.count(Outcome::Ended), 0);
    }
    let asked = one.rig.idp.script(|script| (script.redemptions, script.replays));
    assert_eq!(asked, (1, 0));
    assert!(browser.is_signed_in(APP).await);
    stop.cancel();
}

#[tokio::test]
async fn a_provider_that_is_down_for_ten_minutes_ends_no_session() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    let id = world.session().session.id;
    world.advance(NEARLY_AN_HOUR);
    world.rig.idp.set_down(true);
    for second in (0..600).step_by(10) {
        world.once().await;
        assert!(browser.is_signed_in(APP).await, "after {second} s");
        world.advance(10);
    }
    assert!(world.session().session.access_token_expires_at.unwrap() < world.rig.now());
    let asked = world.redemptions();
    assert!((3..=8).contains(&asked), "the pauses grow: {asked} tries");
    assert_eq!(world.count(Outcome::Unavailable), asked as u64);

    // Nobody is sent to the dead page of a provider.
    let mut newcomer = world.rig.browser();
    let sign_in = newcomer.sign_in_url(APP).await;
    let answer = newcomer.get(&sign_in).await;
    answer.refused(503, "idp_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(answer.body.contains("Try again"), "{}", answer.body);

    world.rig.idp.set_down(false);
    world.advance(300);
    world.once().await;
    assert_eq!(world.count(Outcome::Refreshed), 1);
    assert_eq!(world.session().session.id, id);
    assert!(browser.is_signed_in(APP).await);
    // The discovery's error is repeated for two seconds.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    newcomer.visit(&format!("{APP}/.pomerium/")).await;
    assert!(newcomer.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_sign_out_during_a_refresh_wins() {
    let one = World::new().await;
    let two = one.beside().await;
    let mut browser = one.log_in().await;
    let id = one.session().session.id;
    two.until(|two| two.sessions().len() == 1).await;
    one.rig
        .idp
        .script(|script| script.delay = Duration::from_millis(500));
    one.advance(NEARLY_AN_HOUR);
    let refreshing = {
        let server = Arc::clone(&one.rig.server);
        tokio::spawn(async move { once(&server).await })
    };
    one.until(|one| one.redemptions() == 1).await;
    two.rig.server.sessions().revoke(id).await.unwrap();
    refreshing.await.unwrap();
    assert_eq!(
        (one.count(Outcome::Refreshed), one.count(Outcome::Overtaken)),
        (0, 1)
    );
    assert!(!one.is_stored(id).await);
    assert!(!browser.is_signed_in(APP).await);
    assert!(one.sessions().is_empty() && two.sessions().is_empty());
}

#[tokio::test]
async fn the_lease_of_a_server_that_died_ends() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    world.advance(NEARLY_AN_HOUR);
    let stored = world.session();
    let dead = leased(&stored.session, uuid::Uuid::from_u128(9), world.rig.now());
    world.rig.server.sessions().replace(&stored, dead).await.unwrap();
    world.advance(LEASE.as_secs());
    world.once().await;
    assert_eq!(world.redemptions(), 0, "its clock may be behind ours");
    assert!(browser.is_signed_in(APP).await);
    world.advance(60);
    world.once().await;
    assert_eq!((world.redemptions(), world.count(Outcome::Refreshed)), (1, 1));
    // Had it died with the token spent, the provider would refuse now.
    let spent = world.session();
    world
        .rig
        .idp
        .script(|script| script.claims = Some(json!({"sub": "user-1"})));
    let mut session = leased(&spent.session, uuid::Uuid::from_u128(9), world.rig.now());
    session.refresh_token = Some("spent-before".to_owned().into());
    world
        .rig
        .server
        .sessions()
        .replace(&spent, session)
        .await
        .unwrap();
    world.advance(NEARLY_AN_HOUR);
    world.once().await;
    assert_eq!(world.count(Outcome::Ended), 1);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn new_tokens_wait_for_a_store_that_is_away() {
    let store = Arc::new(Cuttable::new());
    let world = World::over(store.clone()).await;
    world.rig.publish(world.rig.settings());
    let mut browser = world.log_in().await;
    world
        .rig
        .idp
        .script(|script| script.delay = Duration::from_millis(300));
    world.advance(NEARLY_AN_HOUR);
    let refreshing = {
        let server = Arc::clone(&world.rig.server);
        tokio::spawn(async move { once(&server).await })
    };
    world.until(|world| world.redemptions() == 1).await;
    store.cut();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!refreshing.is_finished());
    assert!(browser.is_signed_in(APP).await, "memory stands in");
    store.mend();
    refreshing.await.unwrap();
    world
        .until(|world| world.rig.server.sessions().is_connected())
        .await;
    assert_eq!(world.count(Outcome::Refreshed), 1);
    assert!(world.session().session.progress.refreshed_at.is_some());
    // While it is away nobody's token is spent.
    world.advance(NEARLY_AN_HOUR);
    store.cut();
    world
        .until(|world| !world.rig.server.sessions().is_connected())
        .await;
    assert!(browser.is_signed_in(APP).await);
    world.once().await;
    assert!(world.count(Outcome::StoreUnavailable) > 0);
    assert_eq!(world.redemptions(), 1);
}

#[tokio::test]
async fn without_a_refresh_token_the_access_token_is_the_end() {
    let world = World::new().await;
    world.rig.idp.script(|script| script.refreshable = false);
    let mut browser = world.log_in().await;
    world.advance(NEARLY_AN_HOUR);
    world.once().await;
    assert!(browser.is_signed_in(APP).await);
    world.advance(60);
    assert!(!browser.is_signed_in(APP).await);
    assert_eq!(world.redemptions(), 0);
}

#[tokio::test]
async fn a_session_of_a_provider_that_is_no_longer_configured_ends() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    let old = world.session().session.id;
    world.advance(1);
    world.once().await;
    let mut settings = world.rig.settings();
    settings.provider = Some(portcullis_bundle::Provider::new(
        "oidc".to_owned(),
        world.rig.idp.issuer(),
        "client".to_owned(),
        Some("secret".to_owned().into()),
        vec!["openid".to_owned(), "groups".to_owned()],
    ));
    world.rig.publish(settings);
    assert!(!browser.is_signed_in(APP).await, "at once, for every request");
    world.once().await;
    world.advance(590);
    world.once().await;
    assert!(world.is_stored(old).await, "it may have been a slip");
    // Whoever is logged in by the new settings is not concerned.
    let mut newcomer = world.log_in().await;
    world.advance(10);
    world.once().await;
    assert!(!world.is_stored(old).await);
    assert_eq!(world.count(Outcome::Ended), 1);
    assert!(newcomer.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_server_whose_settings_are_old_ends_nobody() {
    let stale = World::new().await;
    stale.once().await;
    let new = stale.beside().await;
    let mut settings = stale.rig.settings();
    settings.provider.as_mut().unwrap().id = "newer".to_owned();
    new.rig.publish(settings);
    stale.advance(1);
    new.rig.advance(1);
    let mut browser = new.rig.browser();
    // The second rig's browser knows its own provider alone.
    let authorize = browser.authorize_url(APP).await;
    let back = stale.rig.idp.log_in(&authorize, json!({"sub": "user-1"}));
    browser.visit(&back).await;
    assert!(browser.is_signed_in(APP).await);
    stale.until(|stale| stale.sessions().len() == 1).await;
    stale.advance(3600);
    stale.once().await;
    assert_eq!((stale.sessions().len(), stale.count(Outcome::Ended)), (1, 0));
}

#[tokio::test]
async fn userinfo_is_read_once_a_user_every_ten_minutes() {
    let world = World::new().await;
    let said = |groups: &[&str]| Some(json!({"sub": "user-1", "groups": groups}));
    world.rig.idp.script(|script| script.userinfo = said(&["a"]));
    let mut phone = world.log_in().await;
    world.advance(300);
    let mut desk = world.log_in().await;
    let logins = world.rig.idp.script(|script| script.userinfo_calls);
    assert_eq!(logins, 2);
    world.rig.idp.script(|script| script.userinfo = said(&["b"]));
    world.once().await;
    assert_eq!(claims(&mut phone).await["groups"], json!(["a"]));

    world.advance(310);
    world.once().await;
    world.once().await;
    assert_eq!(world.rig.idp.script(|script| script.userinfo_calls), logins + 1);
    for browser in [&mut phone, &mut desk] {
        let now = claims(browser).await;
        assert_eq!(now["groups"], json!(["b"]));
        assert_eq!(now["team"], "a", "the id token still says so");
    }
    assert_eq!(world.count(Outcome::Userinfo), 1);
    world.advance(590);
    world.once().await;
    assert_eq!(world.rig.idp.script(|script| script.userinfo_calls), logins + 1);
    world.advance(20);
    world.once().await;
    assert_eq!(world.rig.idp.script(|script| script.userinfo_calls), logins + 2);
    assert_eq!(world.redemptions(), 0);
}

#[tokio::test]
async fn an_access_token_that_is_no_longer_accepted_is_renewed_or_the_end() {
    for refreshable in [true, false] {
        let world = World::new().await;
        world.rig.idp.script(|script| {
            script.refreshable = refreshable;
            script.userinfo = Some(json!({"sub": "user-1"}));
        });
        let mut browser = world.log_in().await;
        world.rig.idp.script(|script| script.userinfo = Some(Value::Null));
        world.advance(610);
        world.once().await;
        assert_eq!(world.redemptions(), usize::from(refreshable));
        assert_eq!(browser.is_signed_in(APP).await, refreshable);
        world.advance(20);
        world.once().await;
        assert_eq!(world.redemptions(), usize::from(refreshable), "once is enough");
    }
}

#[tokio::test]
async fn an_id_token_of_64_kib_fits_a_cookie_of_400_bytes() {
    let world = World::new().await;
    let groups: Vec<String> = (0..500)
        .map(|n| format!("group-{n}-{}", "x".repeat(100)))
        .collect();
    let said = json!({"email": "user@example.com", "groups": groups});
    let mut browser = world.rig.browser();
    let authorize = browser.authorize_url(APP).await;
    let mut whole = said.clone();
    whole["sub"] = json!("user-1");
    let back = world.rig.idp.log_in(&authorize, whole);
    browser.visit(&back).await;
    world.rig.idp.script(|script| script.claims = Some(said));
    let cookies = browser.cookies.clone();
    let sizes = |browser: &Browser<'_>| {
        let jars = browser.cookies.values().flatten();
        jars.map(|(_, value)| value.len()).max().unwrap()
    };
    for _ in 0..2 {
        assert!(world.session().session.id_token.expose_secret().len() >= 64 * 1024);
        assert!(sizes(&browser) <= 400, "{}", sizes(&browser));
        assert_eq!(
            claims(&mut browser).await["groups"].as_array().unwrap().len(),
            500
        );
        world.advance(NEARLY_AN_HOUR);
        world.once().await;
    }
    assert_eq!(world.count(Outcome::Refreshed), 2);
    assert_eq!(browser.cookies, cookies);
    let page = browser.visit(&format!("{OTHER}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn one_try_in_ten_seconds_whoever_asks() {
    let world = World::new().await;
    let mut browser = world.log_in().await;
    world.rig.idp.set_down(true);
    world.advance(NEARLY_AN_HOUR);
    for _ in 0..5 {
        for _ in 0..20 {
            assert!(browser.is_signed_in(APP).await);
        }
        world.once().await;
    }
    assert_eq!(world.redemptions(), 1);
    world.advance(COOL_OFF.as_secs() - 1);
    world.once().await;
    assert_eq!(world.redemptions(), 1);
    world.advance(3);
    world.once().await;
    assert_eq!(world.redemptions(), 2);
}
