//! What the store says when the way to it is broken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use portcullis_proto::credential::Key;
use portcullis_store::{
    IfVersion, KIND_SESSION, Limits, MemoryStore, Position, Store, StoreError, SyncEvent,
};
use portcullis_store_remote::RemoteStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use crate::world::{Door, channel};

fn is_unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
}

async fn put(store: &dyn Store, id: &str) -> Result<u64, StoreError> {
    let written = store.put(KIND_SESSION, id, Bytes::from_static(b"x"), IfVersion::Any);
    written.await.map(|record| record.version)
}

#[tokio::test]
async fn a_store_that_went_away_is_unavailable_and_comes_back() {
    let inner = Arc::new(MemoryStore::new(7));
    let mut door = Door::open(inner.clone());
    let store = RemoteStore::new(door.channel());
    put(&store, "a").await.unwrap();
    door.kill().await;
    is_unavailable(put(&store, "b").await);
    // Known to be away: nobody is held up.
    let started = Instant::now();
    for _ in 0..1_000 {
        is_unavailable(store.get(KIND_SESSION, "a").await);
    }
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
    door.reopen(inner);
    let back = async {
        while store.get(KIND_SESSION, "a").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), back).await.unwrap();
    put(&store, "b").await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_holds_up_for_two_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grpc.sock");
    // Connections are made, and nobody answers them.
    let _silent = UnixListener::bind(&path).unwrap();
    let store = RemoteStore::new(channel(&path, None));
    let started = Instant::now();
    is_unavailable(store.get(KIND_SESSION, "a").await);
    let held_up = started.elapsed();
    assert!(held_up < Duration::from_millis(3_500), "{held_up:?}");
    let started = Instant::now();
    is_unavailable(store.get(KIND_SESSION, "a").await);
    assert!(started.elapsed() < Duration::from_millis(500), "known to be away");
    is_unavailable(store.sync(None).await.map(drop));
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_and_is_resumed() {
    let inner = Arc::new(MemoryStore::new(7));
    let mut door = Door::open(inner.clone());
    let store = RemoteStore::new(door.channel());
    put(&store, "a").await.unwrap();
    let mut changes = store.sync(None).await.unwrap();
    assert_eq!(changes.next().await, Some(Ok(SyncEvent::Snapshot)));
    let Some(Ok(SyncEvent::Record(record))) = changes.next().await else {
        panic!("no record");
    };
    let caught_up = changes.next().await.unwrap().unwrap();
    let at = Position {
        epoch: 7,
        version: record.version,
    };
    assert_eq!(caught_up, SyncEvent::CaughtUp(at));
    door.kill().await;
    let broken = tokio::time::timeout(Duration::from_secs(2), changes.next()).await;
    is_unavailable(broken.expect("noticed at once").unwrap());
    assert_eq!(changes.next().await, None);

    // Meanwhile something changed, which is all that is sent.
    put(&*inner, "b").await.unwrap();
    door.reopen(inner);
    let mut changes = loop {
        match store.sync(Some(at)).await {
            Ok(changes) => break changes,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let Some(Ok(SyncEvent::Record(record))) = changes.next().await else {
        panic!("no record");
    };
    assert_eq!(record.id, "b");
    // Heartbeats pass unseen; the stream lives.
    let caught_up = changes.next().await.unwrap().unwrap();
    assert!(matches!(caught_up, SyncEvent::CaughtUp(_)));
    let quiet = tokio::time::timeout(Duration::from_secs(3), changes.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test]
async fn without_the_credential_nothing_opens() {
    let inner = Arc::new(MemoryStore::new(7));
    put(&*inner, "a").await.unwrap();
    let door = Door::open(inner);
    for key in [None, Some(Key::derive(&[9; 32].into()))] {
        let store = RemoteStore::new(channel(&door.path(), key));
        let refused = store.get(KIND_SESSION, "a").await.unwrap_err();
        assert!(refused.to_string().contains("Unauthenticated"), "{refused}");
        is_unavailable(put(&store, "b").await);
        is_unavailable(store.sync(None).await.map(drop));
    }
}

#[tokio::test]
async fn what_the_store_refuses_is_told_as_it_is() {
    let limits = Limits {
        max_data: 4,
        ..Limits::default()
    };
    let door = Door::open(Arc::new(MemoryStore::with_limits(7, limits)));
    let store = RemoteStore::new(door.channel());
    let data = Bytes::from_static(b"12345");
    let refused = store.put(KIND_SESSION, "a", data, IfVersion::Any).await;
    assert_eq!(refused, Err(StoreError::TooLarge));
    let version = put(&store, "a").await.unwrap();
    let refused = store
        .put(KIND_SESSION, "a", Bytes::new(), IfVersion::Absent)
        .await;
    assert_eq!(
        refused,
        Err(StoreError::Conflict {
            current: Some(version)
        })
    );
}

#[tokio::test]
async fn a_page_of_large_records_comes_in_several() {
    let inner = Arc::new(MemoryStore::new(7));
    for number in 0..20 {
        let data = Bytes::from(vec![number; 400 * 1024]);
        let id = format!("{number:02}");
        inner.put(KIND_SESSION, &id, data, IfVersion::Any).await.unwrap();
    }
    let door = Door::open(inner);
    let store = RemoteStore::new(door.channel());
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.query(KIND_SESSION, after.as_deref(), 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() < 20, "one message would be too large");
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|record| record.id));
    }
    let all: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(seen, all);
}

/// Passes bytes on between `path` and the door, until it is told to swallow
/// them: both ends look open.
fn relay(path: &std::path::Path, door: &Door) -> tokio::sync::watch::Sender<bool> {
    let swallow = tokio::sync::watch::Sender::new(false);
    let listener = UnixListener::bind(path).unwrap();
    let (to, swallowing) = (door.path(), swallow.subscribe());
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = tokio::net::UnixStream::connect(&to).await.unwrap();
            let (near, far) = (near.into_split(), far.into_split());
            tokio::spawn(pass(near.0, far.1, swallowing.clone()));
            tokio::spawn(pass(far.0, near.1, swallowing.clone()));
        }
    });
    swallow
}

async fn pass(
    mut from: tokio::net::unix::OwnedReadHalf,
    mut to: tokio::net::unix::OwnedWriteHalf,
    swallow: tokio::sync::watch::Receiver<bool>,
) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !*swallow.borrow() && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_connection_that_only_looks_open_is_noticed_within_ten_seconds() {
    let door = Door::open(Arc::new(MemoryStore::new(7)));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.sock");
    let swallow = relay(&path, &door);
    let store = RemoteStore::new(channel(&path, Some(Key::derive(&crate::world::SECRET.into()))));
    let mut changes = store.sync(None).await.unwrap();
    assert_eq!(changes.next().await, Some(Ok(SyncEvent::Snapshot)));
    assert!(matches!(changes.next().await, Some(Ok(SyncEvent::CaughtUp(_)))));
    swallow.send_replace(true);
    let noticed = tokio::time::timeout(Duration::from_secs(10), changes.next()).await;
    is_unavailable(noticed.expect("it is never noticed").unwrap());
}
