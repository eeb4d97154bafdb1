//! Streams: snapshot, replay, following, lagging.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;

use crate::{IfVersion, Position, Record, Store, StoreError, SyncEvent, SyncStream};

async fn put(store: &Arc<impl Store>, id: &str) -> Record {
    store
        .put("session", id, Bytes::from_static(b"data"), IfVersion::Any)
        .await
        .expect("put")
}

async fn next(stream: &mut SyncStream) -> SyncEvent {
    stream
        .next()
        .await
        .expect("the stream goes on")
        .expect("no error")
}

/// Reads until the reader has caught up: whether it was a snapshot, the records
/// and the position.
async fn catch_up(stream: &mut SyncStream) -> (bool, Vec<Record>, Position) {
    let mut snapshot = false;
    let mut records = Vec::new();
    loop {
        match next(stream).await {
            SyncEvent::Snapshot => {
                assert!(
                    records.is_empty() && !snapshot,
                    "a snapshot is announced once and first"
                );
                snapshot = true;
            }
            SyncEvent::Record(record) => records.push(record),
            SyncEvent::CaughtUp(position) => return (snapshot, records, position),
        }
    }
}

pub(super) async fn a_new_reader_gets_everything(store: Arc<impl Store>) {
    let mut stream = store.sync(None).await.expect("sync");
    let (snapshot, records, start) = catch_up(&mut stream).await;
    assert!(snapshot && records.is_empty());
    drop(stream);

    let kept = [put(&store, "a").await, put(&store, "b").await];
    put(&store, "gone").await;
    store.delete("session", "gone").await.expect("delete");
    let mut stream = store.sync(None).await.expect("sync");
    let (snapshot, records, end) = catch_up(&mut stream).await;
    assert!(snapshot);
    let by_id = |records: &[Record]| -> BTreeMap<String, Record> {
        records
            .iter()
            .map(|record| (record.id.clone(), record.clone()))
            .collect()
    };
    assert_eq!(by_id(&records), by_id(&kept), "live records, and no others");
    assert_eq!(records.len(), kept.len());
    assert_eq!(end.epoch, start.epoch);
    assert!(end.version >= kept.iter().map(|record| record.version).max().unwrap_or(0));
}

pub(super) async fn a_reader_follows(store: Arc<impl Store>) {
    let mut stream = store.sync(None).await.expect("sync");
    catch_up(&mut stream).await;
    let first = put(&store, "a").await;
    let second = put(&store, "a").await;
    store.delete("session", "a").await.expect("delete");
    store.delete("session", "a").await.expect("delete what is gone");
    let third = put(&store, "a").await;
    assert_eq!(next(&mut stream).await, SyncEvent::Record(first));
    assert_eq!(next(&mut stream).await, SyncEvent::Record(second.clone()));
    let SyncEvent::Record(tombstone) = next(&mut stream).await else {
        assert_eq!("another event", "a tombstone");
        return;
    };
    assert_eq!(
        (tombstone.id.as_str(), tombstone.deleted, tombstone.data.len()),
        ("a", true, 0)
    );
    assert!((second.version..third.version).contains(&tombstone.version));
    assert_eq!(next(&mut stream).await, SyncEvent::Record(third));
}

pub(super) async fn a_reader_resumes(store: Arc<impl Store>) {
    put(&store, "old").await;
    put(&store, "doomed").await;
    let mut stream = store.sync(None).await.expect("sync");
    let (_, _, position) = catch_up(&mut stream).await;
    drop(stream);

    store.delete("session", "doomed").await.expect("delete");
    let new = put(&store, "new").await;
    let mut stream = store.sync(Some(position)).await.expect("sync");
    let (snapshot, records, end) = catch_up(&mut stream).await;
    assert!(!snapshot, "the history is still there");
    assert_eq!(
        records.len(),
        2,
        "what changed since, and nothing else: {records:?}"
    );
    let tombstone = records.first().expect("two records");
    assert_eq!((tombstone.id.as_str(), tombstone.deleted), ("doomed", true));
    assert_eq!(records.last(), Some(&new));
    assert_eq!(
        end,
        Position {
            epoch: position.epoch,
            version: new.version
        }
    );

    // And from the position of a single change.
    let mut stream = store
        .sync(Some(Position {
            version: tombstone.version,
            ..position
        }))
        .await
        .expect("sync");
    let (snapshot, records, _) = catch_up(&mut stream).await;
    assert!(!snapshot);
    assert_eq!(records, [new]);

    let mut stream = store.sync(Some(end)).await.expect("sync");
    assert_eq!(catch_up(&mut stream).await, (false, Vec::new(), end));
    let next_put = put(&store, "next").await;
    assert_eq!(next(&mut stream).await, SyncEvent::Record(next_put));
}

pub(super) async fn a_foreign_position_gets_a_snapshot(store: Arc<impl Store>) {
    put(&store, "a").await;
    let mut stream = store.sync(None).await.expect("sync");
    let (_, _, position) = catch_up(&mut stream).await;
    let foreign = [
        Position {
            epoch: position.epoch.wrapping_add(1),
            ..position
        },
        Position {
            version: position.version + 1,
            ..position
        },
        Position {
            version: u64::MAX,
            ..position
        },
    ];
    for from in foreign {
        let mut stream = store.sync(Some(from)).await.expect("sync");
        let (snapshot, records, end) = catch_up(&mut stream).await;
        assert!(snapshot, "from {from:?}");
        assert_eq!((records.len(), end), (1, position));
    }
}

pub(super) async fn a_slow_reader_is_told(store: Arc<impl Store>) {
    let mut stream = store.sync(None).await.expect("sync");
    catch_up(&mut stream).await;
    // The suite does not know the bound; a store under test must have one below
    // this.
    const MANY: usize = 200;
    for _ in 0..MANY {
        put(&store, "a").await;
    }
    let mut last = 0;
    let mut seen = 0;
    let error = loop {
        match stream.next().await {
            Some(Ok(SyncEvent::Record(record))) => {
                assert!(record.version > last, "in order up to the gap");
                last = record.version;
                seen += 1;
            }
            Some(Err(error)) => break Some(error),
            Some(Ok(_)) | None => break None,
        }
    };
    assert_eq!(error, Some(StoreError::Lagged), "after {seen} of {MANY} changes");
    assert!(seen < MANY);
    assert_eq!(stream.next().await, None, "the stream ends after its error");
}

pub(super) async fn readers_do_not_disturb_each_other(store: Arc<impl Store>) {
    let mut left = store.sync(None).await.expect("sync");
    let mut right = store.sync(None).await.expect("sync");
    catch_up(&mut left).await;
    catch_up(&mut right).await;
    let first = put(&store, "a").await;
    assert_eq!(next(&mut left).await, SyncEvent::Record(first.clone()));
    drop(left);
    let second = put(&store, "b").await;
    assert_eq!(next(&mut right).await, SyncEvent::Record(first));
    assert_eq!(next(&mut right).await, SyncEvent::Record(second));
}
