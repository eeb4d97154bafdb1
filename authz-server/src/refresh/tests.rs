//! What needs no provider; the rest is in `web/tests/refresh.rs`.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use portcullis_model::SessionId;
use portcullis_session::record::Session;
use portcullis_session::refresh::leased;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Outcome, Refresher, Task, claim, scan, tokens};
use crate::clock::Clock as _;
use crate::fixture::{Fixture, any_user, no_claims};
use crate::sessions::StoredSession;

/// A session that is due, of a provider that nobody answers for.
async fn due(fixture: &Fixture) -> Arc<StoredSession> {
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let mut session = stored.session.clone();
    session.refresh_token = Some("refresh".to_owned().into());
    session.access_token_expires_at = Some(session.issued_at);
    let stored = fixture.server.sessions().replace(&stored, session).await.unwrap();
    fixture.clock.advance(10);
    stored
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_for_as_long_as_the_provider_takes() {
    let fixture = Fixture::of(&any_user());
    let server = &fixture.server;
    let stored = due(&fixture).await;
    let now = fixture.clock.now();
    let holder = uuid::Uuid::from_u128(1);
    let held = server
        .sessions()
        .replace(&stored, leased(&stored.session, holder, now))
        .await
        .unwrap();
    let slow = async {
        for _ in 0..45 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            fixture.clock.advance(1);
        }
    };
    let ((), renewed) = tokens::holding(server, Arc::clone(&held), slow).await;
    assert_eq!(renewed.version, held.version + 4);
    let lease = renewed.session.progress.lease.unwrap();
    assert_eq!(lease.holder, holder);
    assert!(
        lease.expires_at >= now + SignedDuration::from_secs(40 + 29),
        "{}",
        lease.expires_at
    );
}

#[tokio::test]
async fn a_check_says_once_that_a_session_is_due() {
    let fixture = Fixture::of(&any_user());
    let refresher = fixture.server.refresher();
    let stored = due(&fixture).await;
    let now = fixture.clock.now();
    refresher.notice(&stored, now - SignedDuration::from_secs(1));
    let mut waiting = refresher.take_waiting().unwrap();
    assert!(waiting.try_recv().is_err(), "it is not due");
    let cookie = fixture.cookie(stored.session.id, crate::fixture::HOST);
    for _ in 0..100 {
        assert!(
            fixture
                .check(&crate::fixture::Ask::new().session(&cookie))
                .await
                .passes()
        );
    }
    assert!(matches!(waiting.try_recv(), Ok(Task::Tokens(id)) if id == stored.session.id));
    assert!(waiting.try_recv().is_err());
}

#[test]
fn a_full_queue_is_no_loss() {
    let refresher = Refresher::default();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let id = |n: u128| SessionId(uuid::Uuid::from_u128(n));
    for n in 0..2000 {
        refresher.enqueue(id(n), now);
    }
    let mut waiting = refresher.take_waiting().unwrap();
    let mut taken = 0;
    while waiting.try_recv().is_ok() {
        taken += 1;
    }
    assert_eq!(taken, super::QUEUE);
    assert!(claim(&refresher.resting, &id(1999), now), "it may come again");
    assert!(!claim(&refresher.resting, &id(0), now));
    refresher.forget_rested(now + SignedDuration::from_secs(10));
    assert_eq!(refresher.resting.len(), 0);
}

#[tokio::test]
async fn a_session_of_other_settings_is_left_alone() {
    let fixture = Fixture::of(&any_user());
    let stored = due(&fixture).await;
    let mut session = stored.session.clone();
    session.provider_id = "another".to_owned();
    let stored = fixture.server.sessions().replace(&stored, session).await.unwrap();
    let outcome = tokens::refresh(&fixture.server, stored.session.id).await;
    assert_eq!(outcome, Outcome::Overtaken);
    let same = fixture
        .server
        .sessions()
        .fresh(stored.session.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(same.version, stored.version);
}

#[test]
fn every_result_has_its_series_from_the_start() {
    let refresher = Refresher::default();
    let mut registry = prometheus_client::registry::Registry::default();
    refresher.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for result in [
        "refreshed",
        "userinfo",
        "ended",
        "unavailable",
        "invalid",
        "overtaken",
        "store_unavailable",
        "broken",
    ] {
        let line = format!("portcullis_session_refreshes_total{{result=\"{result}\"}} 0");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

/// So many sessions, each of a user of its own, in memory that follows the store.
async fn many(fixture: &Fixture, count: u128, change: impl Fn(&mut Session)) -> DropGuard {
    let sessions = fixture.server.sessions();
    let (like, _) = fixture.session("user@example.com", no_claims()).await;
    for n in 0..count {
        let mut session = like.session.clone();
        session.id = SessionId(uuid::Uuid::from_u128(n));
        session.user_id = format!("user-{n}");
        change(&mut session);
        sessions.insert(session).await.unwrap();
    }
    sessions.revoke(like.session.id).await.unwrap();
    let stop = CancellationToken::new();
    let (server, until_stop) = (Arc::clone(&fixture.server), stop.clone());
    tokio::spawn(async move { server.sessions().follow(until_stop).await });
    while !sessions.is_connected() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.drop_guard()
}

/// What a scan puts into the queue, where nobody does it.
async fn scanned(fixture: &Fixture, waiting: &mut tokio::sync::mpsc::Receiver<Task>) -> BTreeSet<SessionId> {
    scan::scan(&fixture.server).await;
    let mut found = BTreeSet::new();
    while let Ok(task) = waiting.try_recv() {
        found.extend(match task {
            Task::Tokens(id) => Some(id),
            Task::Userinfo(sessions) => sessions.first().map(|stored| stored.session.id),
            Task::Orphan(_) => None,
        });
    }
    found
}

#[tokio::test]
async fn users_who_rest_take_nobodys_turn() {
    let fixture = Fixture::of(&any_user());
    let _following = many(&fixture, 600, |_| {}).await;
    fixture.clock.advance(620);
    let mut waiting = fixture.server.refresher().take_waiting().unwrap();
    let mut found = BTreeSet::new();
    for turn in [256, 256, 88, 0] {
        let more = scanned(&fixture, &mut waiting).await;
        assert_eq!(more.len(), turn);
        found.extend(more);
    }
    assert_eq!(found.len(), 600, "nobody twice");
}

#[tokio::test]
async fn tokens_that_rest_take_nobodys_turn() {
    let fixture = Fixture::of(&any_user());
    let _following = many(&fixture, 1500, |session| {
        session.refresh_token = Some("refresh".to_owned().into());
        session.access_token_expires_at = Some(session.issued_at);
    })
    .await;
    fixture.clock.advance(10);
    let mut waiting = fixture.server.refresher().take_waiting().unwrap();
    let mut found = BTreeSet::new();
    for turn in [super::QUEUE, 1500 - super::QUEUE, 0] {
        let more = scanned(&fixture, &mut waiting).await;
        assert_eq!(more.len(), turn);
        found.extend(more);
    }
    assert_eq!(found.len(), 1500, "nobody twice");
}

#[tokio::test]
async fn what_has_become_of_a_session_since_does_not_end_with_it() {
    let fixture = Fixture::of(&any_user());
    let server = &fixture.server;
    let judged = due(&fixture).await;
    let id = judged.session.id;
    let mut newer = judged.session.clone();
    newer.provider_id = "another".to_owned();
    let newer = server.sessions().replace(&judged, newer).await.unwrap();
    tokens::end(server, judged, "as ordered").await;
    let count = |outcome| server.refresher().count(outcome);
    assert_eq!((count(Outcome::Ended), count(Outcome::Overtaken)), (0, 1));
    let there = server.sessions().fresh(id).await.unwrap().unwrap();
    assert_eq!(there.version, newer.version);
    tokens::end(server, newer, "as ordered").await;
    assert_eq!((count(Outcome::Ended), count(Outcome::Overtaken)), (1, 1));
    assert!(server.sessions().fresh(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_panic_is_counted() {
    let refresher = Refresher::default();
    for (panics, broken) in [(false, 0), (true, 1)] {
        let task = tokio::spawn(async move { assert!(!panics, "as ordered") });
        refresher.note_end(task.await);
        assert_eq!(refresher.count(Outcome::Broken), broken);
    }
}
