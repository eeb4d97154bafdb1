use std::sync::{Arc, Mutex};

use portcullis_store::{Limits, MemoryStore, Store, conformance};
use portcullis_store_redb::RedbStore;
use portcullis_store_remote::RemoteStore;

use crate::world::Door;

/// Few enough that the suite's slow reader is one.
const MAX_BEHIND: usize = 16;

async fn over(make: impl Fn() -> Arc<dyn Store>) {
    // Each case has a store of its own, which is served until all are done.
    let doors = Mutex::new(Vec::new());
    conformance::run(|| {
        let door = Door::open(make());
        let store = RemoteStore::with_max_behind(door.channel(), MAX_BEHIND);
        doors.lock().unwrap().push(door);
        async { store }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_store_over_a_socket_conforms() {
    over(|| Arc::new(MemoryStore::with_limits(7, Limits::default()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_disk_over_a_socket_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    let secret = [1; 32].into();
    over(|| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = directory.path().join(format!("{number}.redb"));
        Arc::new(RedbStore::open(&path, &secret).unwrap())
    })
    .await;
}
