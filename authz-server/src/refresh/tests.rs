//! What needs no provider; the rest is in `web/tests/refresh.rs`.

use core::time::Duration;
use std::sync::Arc;

use jiff::SignedDuration;
use portcullis_session::refresh::leased;

use super::{Outcome, Refresher, Task, claim, tokens};
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
    let id = |n: u128| portcullis_model::SessionId(uuid::Uuid::from_u128(n));
    for n in 0..2000 {
        refresher.enqueue(id(n), now);
    }
    let mut waiting = refresher.take_waiting().unwrap();
    let mut taken = 0;
    while waiting.try_recv().is_ok() {
        taken += 1;
    }
    assert_eq!(taken, super::QUEUE);
    assert!(claim(&refresher.resting, id(1999), now), "it may come again");
    assert!(!claim(&refresher.resting, id(0), now));
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
    ] {
        let line = format!("portcullis_session_refreshes_total{{result=\"{result}\"}} 0");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}
