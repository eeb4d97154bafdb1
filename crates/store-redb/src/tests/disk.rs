//! A disk that fails for a while.

use std::io;
use std::sync::atomic::AtomicBool;

use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};

use super::*;

/// For the one test that uses it: whether writes fail.
static FULL: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
struct Disk(FileBackend);

fn room() -> io::Result<()> {
    if FULL.load(Ordering::SeqCst) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        room()?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        room()?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        room()?;
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

fn open(path: &Path) -> Result<Database, OpenError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).unwrap();
    }
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false);
    let backend = FileBackend::new(file.open(path).unwrap()).unwrap();
    let database = Builder::new().create_with_backend(Disk(backend));
    database.map_err(|error| OpenError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

#[tokio::test]
async fn a_full_disk_fails_writes_until_there_is_room_and_loses_nothing() {
    let place = place();
    let store = RedbStore::open_by(&place.path, &key(1), Limits::default(), open).unwrap();
    let kept = put(&store, "kept", "1").await;
    put(&store, "gone", "1").await;
    let (_, position) = replay(&store, None).await;
    let mut follower = store.sync(Some(position)).await.unwrap();
    assert!(matches!(follower.next().await, Some(Ok(SyncEvent::CaughtUp(_)))));

    FULL.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let refused = store
            .put("session", "new", Bytes::from_static(b"1"), IfVersion::Absent)
            .await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    let deleted = store.delete("session", "gone").await;
    assert!(matches!(deleted, Err(StoreError::Unavailable(_))), "{deleted:?}");
    // Whoever follows no longer knows, and is told so.
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), follower.next());
    assert!(told.await.unwrap().unwrap().is_err());

    FULL.store(false, Ordering::SeqCst);
    let again = async {
        while store.delete("session", "gone").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), again)
        .await
        .expect("there is room again");
    put(&store, "later", "1").await;
    assert_eq!(store.get("session", "kept").await.unwrap(), Some(kept));
    assert_eq!(ids(&store).await, ["kept", "later"]);
    let (events, _) = replay(&store, Some(position)).await;
    assert_eq!(events.len(), 2, "{events:?}");
}
