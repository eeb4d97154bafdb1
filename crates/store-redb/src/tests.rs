use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use futures::StreamExt as _;
use portcullis_store::{SyncEvent, conformance};
use redb::Database;
use tempfile::TempDir;

use super::*;

mod damage;
mod disk;
mod kill;
mod rotation;

struct Place {
    _dir: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state").join("portcullis.redb");
    Place { _dir: dir, path }
}

fn key(number: u8) -> Secrets {
    [number; 32].into()
}

impl Place {
    fn open(&self) -> RedbStore {
        RedbStore::open(&self.path, &key(1)).unwrap()
    }
}

async fn put(store: &RedbStore, id: &str, data: &'static str) -> Record {
    store
        .put("session", id, Bytes::from_static(data.as_bytes()), IfVersion::Any)
        .await
        .unwrap()
}

async fn ids(store: &RedbStore) -> Vec<String> {
    let mut ids: Vec<String> = store
        .query("session", None, 1000)
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.id)
        .collect();
    ids.sort_unstable();
    ids
}

/// Everything up to `CaughtUp`.
async fn replay(store: &RedbStore, from: Option<Position>) -> (Vec<SyncEvent>, Position) {
    let mut stream = store.sync(from).await.unwrap();
    let mut events = Vec::new();
    loop {
        match stream.next().await.unwrap().unwrap() {
            SyncEvent::CaughtUp(position) => return (events, position),
            event => events.push(event),
        }
    }
}

#[tokio::test]
async fn conforms() {
    // Files in memory-backed or slow storage alike: each case has its own.
    let dir = tempfile::tempdir().unwrap();
    let number = AtomicU64::new(0);
    conformance::run(|| {
        let path = dir
            .path()
            .join(number.fetch_add(1, Ordering::Relaxed).to_string());
        let limits = Limits {
            max_behind: 64,
            ..Limits::default()
        };
        future(path, limits)
    })
    .await;
    async fn future(path: PathBuf, limits: Limits) -> RedbStore {
        RedbStore::open_with_limits(&path, &key(1), limits).unwrap()
    }
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let place = place();
    let store = place.open();
    let kept = put(&store, "kept", "old").await;
    let kept = store
        .put(
            "session",
            "kept",
            Bytes::from_static(b"new"),
            IfVersion::Is(kept.version),
        )
        .await
        .unwrap();
    put(&store, "gone", "x").await;
    let (_, before) = replay(&store, None).await;
    store.delete("session", "gone").await.unwrap();
    let (_, end) = replay(&store, None).await;
    drop(store);

    let store = place.open();
    assert_eq!(store.get("session", "kept").await, Ok(Some(kept.clone())));
    assert_eq!(store.get("session", "gone").await, Ok(None));
    let (events, position) = replay(&store, None).await;
    assert_eq!(events, [SyncEvent::Snapshot, SyncEvent::Record(kept.clone())]);
    assert_eq!(position, end, "the same epoch, and versions go on");
    let (events, _) = replay(&store, Some(before)).await;
    assert!(
        matches!(events.as_slice(), [SyncEvent::Record(record)] if record.id == "gone" && record.deleted)
    );
    let late = store
        .put("session", "gone", Bytes::new(), IfVersion::Is(before.version))
        .await;
    assert_eq!(
        late,
        Err(StoreError::Conflict { current: None }),
        "the deletion is remembered"
    );
    assert!(put(&store, "next", "x").await.version > end.version);
}

#[tokio::test]
async fn two_stores_have_two_epochs() {
    let (one, two) = (place(), place());
    assert_ne!(one.open().inner.epoch, two.open().inner.epoch);
}

#[tokio::test]
async fn long_histories_are_replayed_whole_and_in_order() {
    let place = place();
    let store = place.open();
    let (_, start) = replay(&store, None).await;
    let count = u64::try_from(replay::PAGE).unwrap() + 20;
    for number in 0..count {
        put(&store, &format!("id-{number}"), "x").await;
        if number % 3 == 0 {
            store.delete("session", &format!("id-{number}")).await.unwrap();
        }
    }
    let (events, end) = replay(&store, Some(start)).await;
    let versions: Vec<u64> = events
        .iter()
        .map(|event| match event {
            SyncEvent::Record(record) => record.version,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(versions.is_sorted());
    assert_eq!(versions.len() as u64, count, "each record in its last state");
    assert_eq!(versions.last(), Some(&end.version));
    let (events, _) = replay(&store, None).await;
    assert_eq!(
        events.len() as u64,
        1 + count - count.div_ceil(3),
        "the live ones"
    );
}

#[tokio::test]
async fn old_tombstones_are_forgotten() {
    let place = place();
    let limits = Limits {
        max_tombstones: 2,
        ..Limits::default()
    };
    let store = RedbStore::open_with_limits(&place.path, &key(1), limits).unwrap();
    let epoch = store.inner.epoch;
    for id in ["a", "b", "c"] {
        put(&store, id, "x").await;
        store.delete("session", id).await.unwrap();
    }
    let (events, _) = replay(&store, Some(Position { epoch, version: 2 })).await;
    assert_eq!(events.len(), 2);
    let (events, _) = replay(&store, Some(Position { epoch, version: 1 })).await;
    assert_eq!(events, [SyncEvent::Snapshot]);
}

#[tokio::test]
async fn a_full_store_takes_no_more() {
    let place = place();
    let limits = Limits {
        max_records: 1,
        ..Limits::default()
    };
    let store = RedbStore::open_with_limits(&place.path, &key(1), limits).unwrap();
    put(&store, "a", "1").await;
    put(&store, "a", "2").await;
    let refused = store.put("session", "b", Bytes::new(), IfVersion::Any).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    store.delete("session", "a").await.unwrap();
    put(&store, "b", "1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deletions_win_over_refreshes_that_race_them() {
    let place = place();
    let store = place.open();
    for round in 0..30 {
        let id = format!("session-{round}");
        put(&store, &id, "old").await;
        let refresh = {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move {
                while let Some(record) = store.get("session", &id).await.unwrap() {
                    let data = Bytes::from_static(b"fresh");
                    match store
                        .put("session", &id, data, IfVersion::Is(record.version))
                        .await
                    {
                        Ok(_) | Err(StoreError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        };
        store.delete("session", &id).await.unwrap();
        refresh.await.unwrap();
        assert_eq!(store.get("session", &id).await, Ok(None), "round {round}");
    }
}

#[tokio::test]
async fn only_the_owner_reads_the_file() {
    let place = place();
    drop(place.open());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path), 0o600);
    assert_eq!(
        mode(place.path.parent().unwrap()),
        0o700,
        "a directory that had to be made"
    );
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(place.open());
    assert_eq!(mode(&place.path), 0o600, "and of a file that was there");
}

#[tokio::test]
async fn nothing_can_be_read_from_the_file() {
    let place = place();
    let store = place.open();
    let secret = "refresh-token-5b1f";
    for kind in ["session-kind", "user-kind"] {
        for round in 0..3 {
            let data = Bytes::from(format!("{{\"token\":\"{secret}\",\"round\":{round}}}"));
            store
                .put(kind, "admin@example.com", data, IfVersion::Any)
                .await
                .unwrap();
        }
        store
            .put(
                kind,
                "doomed@example.com",
                Bytes::from_static(secret.as_bytes()),
                IfVersion::Any,
            )
            .await
            .unwrap();
        store.delete(kind, "doomed@example.com").await.unwrap();
    }
    drop(store);
    let file = fs::read(&place.path).unwrap();
    assert!(file.len() > 1000);
    for text in [
        secret,
        "token",
        "round",
        "session-kind",
        "user-kind",
        "example.com",
        "admin",
        "doomed",
        "store\0",
    ] {
        let found = file.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found, "`{text}` is in the file");
    }
    let secret = [1; 32];
    assert!(
        !file.windows(32).any(|window| window == secret),
        "the key is in the file"
    );
}
