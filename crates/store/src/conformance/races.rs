//! Writers that race, as the interleavings that can come out of it.

use std::sync::Arc;

use bytes::Bytes;

use crate::{IfVersion, Store, StoreError};

/// A refresh reads, works, and writes on the version that it read; a sign-out
/// comes in anywhere between. Whatever the order, the session ends deleted.
pub(super) async fn a_deletion_wins_over_a_refresh(store: Arc<impl Store>) {
    let fresh = Bytes::from_static(b"fresh");
    for delete_at in 0..3 {
        let id = format!("session-{delete_at}");
        store
            .put("session", &id, Bytes::from_static(b"old"), IfVersion::Absent)
            .await
            .expect("put");
        if delete_at == 0 {
            store.delete("session", &id).await.expect("delete");
        }
        let read = store
            .get("session", &id)
            .await
            .expect("get")
            .map(|record| record.version);
        if delete_at == 1 {
            store.delete("session", &id).await.expect("delete");
        }
        if let Some(version) = read {
            let written = store
                .put("session", &id, fresh.clone(), IfVersion::Is(version))
                .await;
            assert_eq!(
                written.is_ok(),
                delete_at == 2,
                "a write after the deletion is refused"
            );
        }
        if delete_at == 2 {
            store.delete("session", &id).await.expect("delete");
        }
        assert_eq!(
            store.get("session", &id).await,
            Ok(None),
            "deleted at step {delete_at}"
        );
    }
}

/// Two writers that read the same version: one writes, one is told.
pub(super) async fn one_of_two_writers_wins(store: Arc<impl Store>) {
    let base = store
        .put("user", "a", Bytes::from_static(b"0"), IfVersion::Absent)
        .await
        .expect("put");
    let write =
        |data: &'static [u8]| store.put("user", "a", Bytes::from_static(data), IfVersion::Is(base.version));
    let (left, right) = futures::join!(write(b"left"), write(b"right"));
    let (winner, loser) = match (left, right) {
        (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
        (left, right) => {
            assert_eq!(
                (left.is_ok(), right.is_ok()),
                (true, false),
                "exactly one writer wins"
            );
            return;
        }
    };
    assert_eq!(
        loser,
        StoreError::Conflict {
            current: Some(winner.version)
        }
    );
    assert_eq!(store.get("user", "a").await, Ok(Some(winner)));
}
