//! Sessions while the store of another process is away.

use super::{Known, SessionError};
use crate::fixture::{Ask, BreaksOff, Cuttable, Fixture, any_user, no_claims, route, settings};
use core::time::Duration;
use portcullis_model::SessionId;
use portcullis_store::{IfVersion, KIND_SESSION, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

const STALENESS: Duration = Duration::from_secs(900);

/// A server that follows `store`, until the guard goes.
async fn following(store: Arc<dyn Store>, max_staleness: Duration) -> (Fixture, DropGuard) {
    let fixture = Fixture::stale(store, max_staleness);
    fixture.publish(settings(), [route(&any_user())]);
    let stop = CancellationToken::new();
    let (server, until_stop) = (fixture.server.clone(), stop.clone());
    tokio::spawn(async move { server.sessions().follow(until_stop).await });
    connected(&fixture, true).await;
    (fixture, stop.drop_guard())
}

async fn connected(fixture: &Fixture, wanted: bool) {
    let change = async {
        while fixture.server.sessions().is_connected() != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), change)
        .await
        .expect("it never happened");
}

#[tokio::test]
async fn memory_answers_for_as_long_as_it_may_and_not_a_second_longer() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = Ask::new().session(&cookie);
    store.cut();
    connected(&fixture, false).await;
    assert!(fixture.check(&ask).await.passes());
    fixture.clock.advance(900);
    assert!(fixture.check(&ask).await.passes());
    fixture.clock.advance(1);
    let refused = fixture.check(&ask).await;
    assert_eq!(refused.status(), 503);
    assert!(
        refused.body().contains("session_store_unavailable"),
        "{}",
        refused.body()
    );
    // Once it is back the session is as good as before.
    store.mend();
    connected(&fixture, true).await;
    assert!(fixture.check(&ask).await.passes());
    assert!(matches!(
        fixture.server.sessions().known(stored.session.id),
        Known::Live(_)
    ));
    // And the time counts from the last contact anew.
    store.cut();
    connected(&fixture, false).await;
    fixture.clock.advance(900);
    assert!(fixture.check(&ask).await.passes());
}

#[tokio::test]
async fn a_clock_that_went_back_is_not_believed() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.cut();
    connected(&fixture, false).await;
    fixture.clock.advance(-10);
    assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 503);
}

#[tokio::test]
async fn who_was_never_connected_has_nothing_to_go_by() {
    let store = Arc::new(Cuttable::new());
    let fixture = Fixture::stale(store.clone(), STALENESS);
    fixture.publish(settings(), [route(&any_user())]);
    // Made here, and in memory; but nobody knows for how long that has been true.
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.cut();
    assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 503);
}

#[tokio::test]
async fn a_cold_session_is_refused_and_never_anonymous() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    store.cut();
    connected(&fixture, false).await;
    let unknown = SessionId(uuid::Uuid::from_u128(9));
    let cookie = fixture.cookie(unknown, crate::fixture::HOST);
    let refused = fixture.check(&Ask::new().session(&cookie)).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.body().contains("session_store_unavailable"));
    // Who brings no session is sent to log in, as ever.
    assert_eq!(fixture.check(&Ask::new()).await.status(), 302);
}

#[tokio::test]
async fn a_store_that_is_away_is_asked_once_a_second() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.cut();
    connected(&fixture, false).await;
    let before = store.asked();
    let started = Instant::now();
    for _ in 0..100 {
        assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
    }
    let asked = store.asked() - before;
    let most = 1 + usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(
        (1..=most).contains(&asked),
        "{asked} times in {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_store_that_hangs_holds_up_one_request() {
    let store = Arc::new(Cuttable::hanging());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.cut();
    connected(&fixture, false).await;
    let started = Instant::now();
    for _ in 0..3 {
        assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
    }
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_store_of_this_process_is_always_asked_and_never_stood_in_for() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), Duration::ZERO).await;
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.cut();
    connected(&fixture, false).await;
    let before = store.asked();
    for _ in 0..3 {
        assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 503);
    }
    assert_eq!(store.asked() - before, 3);
    fixture.server.sessions().can_keep().unwrap();
}

#[tokio::test]
async fn a_revocation_while_the_store_is_away_counts_and_is_told_later() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let sessions = fixture.server.sessions();
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    let id = stored.session.id;
    store.cut();
    connected(&fixture, false).await;
    assert!(matches!(
        sessions.revoke(id).await,
        Err(SessionError::Unavailable(_))
    ));
    let ask = Ask::new().session(&cookie);
    assert_eq!(fixture.check(&ask).await.status(), 302);
    // However long it takes: what the store has not heard is not forgotten.
    fixture.clock.advance(700);
    fixture.server.sweep().await;
    assert_eq!(fixture.check(&ask).await.status(), 302);

    store.mend();
    connected(&fixture, true).await;
    let told = async {
        while store
            .inner
            .get(KIND_SESSION, &id.to_string())
            .await
            .unwrap()
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), told)
        .await
        .expect("the store is told");
    assert_eq!(fixture.check(&ask).await.status(), 302);
}

#[tokio::test]
async fn a_revocation_elsewhere_during_the_cut_arrives_with_the_connection() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.cut();
    connected(&fixture, false).await;
    let id = stored.session.id.to_string();
    store.inner.delete(KIND_SESSION, &id).await.unwrap();
    assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
    store.mend();
    connected(&fixture, true).await;
    assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 302);
}

#[tokio::test]
async fn what_was_deleted_does_not_come_back_with_an_older_state_of_the_store() {
    let store = Arc::new(Cuttable::forgetful());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    let (_, kept) = fixture.session("admin@example.com", no_claims()).await;
    let (ask, id) = (Ask::new().session(&cookie), stored.id_text.as_str());
    store.inner.delete(KIND_SESSION, id).await.unwrap();
    let heard = async {
        while fixture.check(&ask).await.passes() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), heard).await.unwrap();

    // While the server is cut off the record returns, and so much happens besides
    // that the server cannot go on from where it was.
    store.cut();
    connected(&fixture, false).await;
    let data = stored.session.encode().unwrap();
    store
        .inner
        .put(KIND_SESSION, id, data.clone(), IfVersion::Absent)
        .await
        .unwrap();
    for other in ["a", "b", "c"] {
        store
            .inner
            .put("other", other, data.clone(), IfVersion::Absent)
            .await
            .unwrap();
        store.inner.delete("other", other).await.unwrap();
    }
    let generation = fixture.server.sessions().generation.load(Ordering::SeqCst);
    store.mend();
    connected(&fixture, true).await;
    assert!(fixture.server.sessions().generation.load(Ordering::SeqCst) > generation);
    assert_eq!(fixture.check(&ask).await.status(), 302);
    assert!(fixture.check(&Ask::new().session(&kept)).await.passes());
    // And the store is told, for the sake of the other servers.
    let told = async {
        while store.inner.get(KIND_SESSION, id).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
    assert_eq!(fixture.check(&ask).await.status(), 302);
}

#[tokio::test]
async fn a_snapshot_that_breaks_off_leaves_memory_as_it_was() {
    let store = Arc::new(BreaksOff {
        inner: Cuttable::new(),
        streams: AtomicUsize::new(0),
    });
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    store.inner.cut();
    connected(&fixture, false).await;
    let broken = async {
        while store.streams.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), broken)
        .await
        .unwrap();
    assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
}

#[tokio::test]
async fn changes_are_resumed_from_where_the_stream_broke() {
    let store = Arc::new(Cuttable::new());
    let (fixture, _stop) = following(store.clone(), STALENESS).await;
    let sessions = fixture.server.sessions();
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let mut changed = stored.session.clone();
    changed.email = "new@example.com".to_owned();
    store.cut();
    connected(&fixture, false).await;
    let id = stored.session.id;
    let data = changed.encode().unwrap();
    store
        .inner
        .put(KIND_SESSION, &id.to_string(), data, IfVersion::Is(stored.version))
        .await
        .unwrap();
    let generation = sessions.generation.load(Ordering::SeqCst);
    // Long enough for some tries in vain.
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.mend();
    connected(&fixture, true).await;
    assert!(matches!(sessions.known(id), Known::Live(now) if now.session.email == "new@example.com"));
    assert_eq!(
        sessions.generation.load(Ordering::SeqCst),
        generation,
        "without a snapshot"
    );
}

#[tokio::test]
async fn a_version_of_before_the_stream_began_anew_hides_nothing() {
    let store = Arc::new(Cuttable::new());
    let fixture = Fixture::stale(store.clone(), STALENESS);
    fixture.publish(settings(), [route(&any_user())]);
    let sessions = fixture.server.sessions();
    let (mut before, _) = fixture.session("user@example.com", no_claims()).await;
    let id = before.session.id;
    for begins_anew in [false, true] {
        store.hold(true);
        let writing = {
            let (server, before) = (fixture.server.clone(), Arc::clone(&before));
            tokio::spawn(async move { server.sessions().replace(&before, before.session.clone()).await })
        };
        let written = async {
            while store
                .inner
                .get(KIND_SESSION, &id.to_string())
                .await
                .unwrap()
                .unwrap()
                .version
                == before.version
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), written)
            .await
            .unwrap();
        if begins_anew {
            sessions.generation.fetch_add(1, Ordering::SeqCst);
        }
        store.hold(false);
        let written = writing.await.unwrap().unwrap();
        let known = sessions
            .entries
            .pin()
            .get(&id)
            .map(super::Entry::version)
            .unwrap();
        assert_eq!(known == written.version, !begins_anew);
        before = written;
    }
}

#[tokio::test]
async fn who_writes_tells_whether_the_store_answers() {
    let store = Arc::new(Cuttable::new());
    let fixture = Fixture::stale(store.clone(), STALENESS);
    fixture.publish(settings(), [route(&any_user())]);
    let sessions = fixture.server.sessions();
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    assert!(sessions.contact.may_ask());
    store.cut();
    sessions
        .replace(&stored, stored.session.clone())
        .await
        .unwrap_err();
    assert!(!sessions.contact.may_ask(), "nobody else is held up by it");
    store.mend();
    sessions.fresh(stored.session.id).await.unwrap().unwrap();
    assert!(sessions.contact.may_ask());
    store.cut();
    sessions.fresh(stored.session.id).await.unwrap_err();
    assert!(!sessions.contact.may_ask());
    store.mend();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    sessions.replace(&stored, stored.session.clone()).await.unwrap();
    assert!(sessions.contact.may_ask() && sessions.contact.may_ask());
}
