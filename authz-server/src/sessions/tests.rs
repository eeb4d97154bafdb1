use super::{Known, SessionError, picked};
use crate::fixture::{Fixture, any_user, no_claims};
use core::time::Duration;
use portcullis_store::{IfVersion, KIND_SESSION};
use tokio_util::sync::CancellationToken;

async fn until(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happened");
}

/// A fixture whose sessions follow the store, until the token is dropped.
async fn following() -> (Fixture, tokio_util::sync::DropGuard) {
    let fixture = Fixture::of(&any_user());
    let stop = CancellationToken::new();
    let (server, until_stop) = (fixture.server.clone(), stop.clone());
    tokio::spawn(async move { server.sessions().follow(until_stop).await });
    until(|| fixture.server.sessions().is_connected()).await;
    (fixture, stop.drop_guard())
}

#[tokio::test]
async fn memory_answers_only_while_it_follows_the_store() {
    let (fixture, stop) = following().await;
    let sessions = fixture.server.sessions();
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let id = stored.session.id;
    assert!(matches!(sessions.known(id), Known::Live(_)));
    drop(stop);
    until(|| !sessions.is_connected()).await;
    assert!(matches!(sessions.known(id), Known::Ask));
    assert!(sessions.get(id).await.unwrap().is_some());
}

#[tokio::test]
async fn what_has_ended_is_deleted_from_the_store_and_the_rest_stays() {
    let (fixture, _stop) = following().await;
    let (sessions, store) = (fixture.server.sessions(), fixture.server.store());
    let (ended, _) = fixture.session("user@example.com", no_claims()).await;
    let (mut lasting, _) = fixture.session("admin@example.com", no_claims()).await;
    let mut longer = lasting.session.clone();
    longer.id = portcullis_model::SessionId(uuid::Uuid::from_u128(7));
    longer.expires_at = ended.session.expires_at + Duration::from_secs(60);
    lasting = sessions.insert(longer).await.unwrap();

    sessions.purge(ended.session.expires_at).await;
    assert!(store.get(KIND_SESSION, &ended.id_text).await.unwrap().is_none());
    assert!(store.get(KIND_SESSION, &lasting.id_text).await.unwrap().is_some());
}

#[tokio::test]
async fn a_change_made_elsewhere_arrives() {
    let (fixture, _stop) = following().await;
    let (sessions, store) = (fixture.server.sessions(), fixture.server.store());
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let id = stored.session.id;

    let mut changed = stored.session.clone();
    changed.email = "new@example.com".to_owned();
    store
        .put(
            KIND_SESSION,
            &id.to_string(),
            changed.encode().unwrap(),
            IfVersion::Is(stored.version),
        )
        .await
        .unwrap();
    until(|| matches!(sessions.known(id), Known::Live(now) if now.session.email == "new@example.com")).await;

    store.delete(KIND_SESSION, &id.to_string()).await.unwrap();
    until(|| matches!(sessions.known(id), Known::Gone)).await;
    assert!(sessions.get(id).await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_of_before_are_there_after_a_start() {
    let first = Fixture::of(&any_user());
    let (stored, _) = first.session("user@example.com", no_claims()).await;
    let second = Fixture::over(first.server.store().clone());
    let stop = CancellationToken::new();
    let (server, until_stop) = (second.server.clone(), stop.clone());
    tokio::spawn(async move { server.sessions().follow(until_stop).await });
    until(|| second.server.sessions().is_connected()).await;
    assert!(matches!(
        second.server.sessions().known(stored.session.id),
        Known::Live(_)
    ));
    stop.cancel();
}

#[tokio::test]
async fn what_was_revoked_never_comes_back() {
    let (fixture, _stop) = following().await;
    let sessions = fixture.server.sessions();
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let id = stored.session.id;
    sessions.revoke(id).await.unwrap();
    assert!(matches!(sessions.known(id), Known::Gone));
    // Even if an older copy is still on its way.
    sessions.remember(id, super::Entry::Live(stored.clone()));
    assert!(matches!(sessions.known(id), Known::Gone));
    assert!(
        fixture
            .server
            .store()
            .get(KIND_SESSION, &id.to_string())
            .await
            .unwrap()
            .is_none()
    );
    // Revoking again, or what never was, is no error.
    sessions.revoke(id).await.unwrap();
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_no_session() {
    let (fixture, _stop) = following().await;
    let (sessions, store) = (fixture.server.sessions(), fixture.server.store());
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let id = stored.session.id;
    store
        .put(
            KIND_SESSION,
            &id.to_string(),
            bytes::Bytes::from_static(b"garbage"),
            IfVersion::Any,
        )
        .await
        .unwrap();
    until(|| matches!(sessions.known(id), Known::Gone)).await;

    // A whole session under another's id is as bad.
    let (other, _) = fixture.session("other@example.com", no_claims()).await;
    let other_id = other.session.id;
    let data = stored.session.encode().unwrap();
    store
        .put(KIND_SESSION, &other_id.to_string(), data, IfVersion::Any)
        .await
        .unwrap();
    until(|| matches!(sessions.known(other_id), Known::Gone)).await;
}

#[tokio::test]
async fn an_id_is_used_once() {
    let fixture = Fixture::of(&any_user());
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let again = fixture.server.sessions().insert(stored.session.clone()).await;
    assert!(matches!(again, Err(SessionError::Exists)));
}

#[tokio::test]
async fn ended_sessions_leave_memory() {
    let (fixture, _stop) = following().await;
    let sessions = fixture.server.sessions();
    let (ended, _) = fixture.session("user@example.com", no_claims()).await;
    let (revoked, _) = fixture.session("other@example.com", no_claims()).await;
    sessions.revoke(revoked.session.id).await.unwrap();
    fixture.server.sweep().await;
    assert_eq!(sessions.entries.len(), 2);
    fixture.clock.advance(14 * 3600);
    fixture.server.sweep().await;
    assert_eq!(sessions.entries.len(), 0);
    assert!(matches!(sessions.known(ended.session.id), Known::Ask));
}

#[tokio::test]
async fn all_that_have_something_in_common_are_found_in_memory_and_in_the_store() {
    let (fixture, stop) = following().await;
    let sessions = fixture.server.sessions();
    let (one, _) = fixture.session("user@example.com", no_claims()).await;
    for number in 1..=2_500 {
        let mut more = one.session.clone();
        more.id = portcullis_model::SessionId(uuid::Uuid::from_u128(number));
        more.email = if number % 5 == 0 { "these" } else { "those" }.to_owned();
        sessions.insert(more).await.unwrap();
    }
    let found = || async {
        let these = picked(&fixture.server, |session| session.email == "these").await;
        let mut these = these.unwrap();
        these.sort();
        these
    };
    let in_memory = found().await;
    assert_eq!(in_memory.len(), 500);
    drop(stop);
    until(|| !sessions.is_connected()).await;
    assert_eq!(found().await, in_memory);
}
