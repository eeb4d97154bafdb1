use futures::executor::block_on;

use super::*;
use crate::conformance;

fn small() -> Limits {
    Limits {
        max_behind: 64,
        ..Limits::default()
    }
}

#[test]
fn conforms() {
    block_on(conformance::run(|| async {
        MemoryStore::with_limits(7, small())
    }));
}

#[test]
fn refuses_more_records_than_its_bound() {
    let store = MemoryStore::with_limits(
        7,
        Limits {
            max_records: 2,
            ..small()
        },
    );
    let put = |id: &'static str| block_on(store.put("session", id, Bytes::new(), IfVersion::Any));
    assert!(put("a").is_ok());
    assert!(put("b").is_ok());
    assert!(matches!(put("c"), Err(StoreError::Unavailable(_))));
    assert!(put("a").is_ok(), "an update needs no room");
    block_on(store.delete("session", "b")).unwrap();
    assert!(put("c").is_ok(), "a deletion makes room");
}

#[test]
fn refuses_more_bytes_than_its_bound() {
    let store = MemoryStore::with_limits(
        7,
        Limits {
            max_total: 10,
            ..small()
        },
    );
    let put = |id: &'static str, length: usize| {
        block_on(store.put("session", id, Bytes::from(vec![0; length]), IfVersion::Any))
    };
    assert!(put("a", 6).is_ok());
    assert!(matches!(put("b", 5), Err(StoreError::Unavailable(_))));
    assert!(
        put("a", 10).is_ok(),
        "the old data does not count against the new"
    );
    assert!(matches!(put("b", 1), Err(StoreError::Unavailable(_))));
    assert!(put("a", 9).is_ok());
    assert!(put("b", 1).is_ok());
}

#[test]
fn forgets_old_tombstones_and_sends_a_snapshot_instead() {
    let store = MemoryStore::with_limits(
        7,
        Limits {
            max_tombstones: 2,
            ..small()
        },
    );
    block_on(async {
        for id in ["a", "b", "c"] {
            store
                .put("session", id, Bytes::new(), IfVersion::Any)
                .await
                .unwrap();
            store.delete("session", id).await.unwrap();
        }
        // Version 2 is the deletion of `a`, the only one forgotten.
        let mut known = store.sync(Some(Position { epoch: 7, version: 2 })).await.unwrap();
        assert!(matches!(known.next().await, Some(Ok(SyncEvent::Record(record))) if record.id == "b"));
        let mut lost = store.sync(Some(Position { epoch: 7, version: 1 })).await.unwrap();
        assert_eq!(lost.next().await, Some(Ok(SyncEvent::Snapshot)));
    });
    assert_eq!(store.state().tombstones.len(), 2);
}

#[test]
fn debug_shows_no_data() {
    let store = MemoryStore::new(7);
    let data = Bytes::from_static(b"refresh-token");
    let record = block_on(store.put("session", "a", data, IfVersion::Any)).unwrap();
    assert!(format!("{record:?}").contains("13 bytes"));
    assert!(!format!("{record:?} {store:?}").contains("refresh"));
}

#[test]
fn a_follower_that_is_gone_costs_nothing() {
    let store = MemoryStore::with_limits(7, small());
    for _ in 0..100 {
        drop(block_on(store.sync(None)).unwrap());
    }
    assert_eq!(store.state().feed.followers(), 0);
    block_on(store.put("session", "a", Bytes::new(), IfVersion::Any)).unwrap();
    let _kept = block_on(store.sync(None)).unwrap();
    assert_eq!(store.state().feed.followers(), 1);
}
