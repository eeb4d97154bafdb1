//! Files under one secret, used with others.

use super::*;

fn secrets(numbers: &[u8]) -> Secrets {
    Secrets::new(numbers.iter().map(|number| [*number; 32])).unwrap()
}

fn open(place: &Place, numbers: &[u8]) -> Result<RedbStore, OpenError> {
    RedbStore::open(&place.path, &secrets(numbers))
}

/// A store with some history under the first secret.
async fn filled(place: &Place) -> (RedbStore, Position) {
    let store = open(place, &[1]).unwrap();
    let (_, start) = replay(&store, None).await;
    for number in 0..300 {
        put(&store, &format!("id-{number}"), "x").await;
    }
    for number in 0..300 {
        if number % 3 == 0 {
            store.delete("session", &format!("id-{number}")).await.unwrap();
        }
    }
    (store, start)
}

#[tokio::test]
async fn a_file_under_any_of_the_secrets_opens_and_is_under_the_first_then() {
    let place = place();
    let (store, start) = filled(&place).await;
    let (before, end) = replay(&store, Some(start)).await;
    let all = ids(&store).await;
    drop(store);

    // Added as the second: nothing changes.
    let store = open(&place, &[1, 2]).unwrap();
    assert_eq!(replay(&store, Some(start)).await, (before.clone(), end));
    drop(store);
    assert!(matches!(open(&place, &[2]), Err(OpenError::WrongKey(_))));

    // The first one: everything is sealed anew, at its place in the history.
    let store = open(&place, &[2, 1]).unwrap();
    assert_eq!(replay(&store, Some(start)).await, (before.clone(), end));
    assert_eq!(ids(&store).await, all);
    assert_eq!(store.get("session", "id-0").await, Ok(None));
    drop(store);
    assert!(matches!(open(&place, &[1]), Err(OpenError::WrongKey(_))));

    // Alone: it has all, and goes on from there.
    let store = open(&place, &[2]).unwrap();
    assert_eq!(replay(&store, Some(start)).await, (before, end));
    let old = store.get("session", "id-1").await.unwrap().unwrap();
    let data = Bytes::from_static(b"new");
    let new = store
        .put("session", "id-1", data, IfVersion::Is(old.version))
        .await;
    assert_eq!(new.unwrap().version, end.version + 1);
    assert_eq!((ids(&store).await, store.corrupt_records()), (all, 0));
}

#[tokio::test]
async fn a_running_store_follows_the_secrets() {
    let place = place();
    let (store, start) = filled(&place).await;
    let (before, end) = replay(&store, Some(start)).await;
    let mut follower = store.sync(Some(end)).await.unwrap();
    assert!(matches!(follower.next().await, Some(Ok(SyncEvent::CaughtUp(_)))));
    // A replay that began before reads on after.
    let mut slow = store.sync(Some(start)).await.unwrap();
    let first = slow.next().await.unwrap().unwrap();

    store.use_secrets(&secrets(&[1, 2])).await.unwrap();
    assert!(store.is_sealed_with(&[1; 32]) && !store.is_sealed_with(&[2; 32]));
    assert_eq!(replay(&store, Some(start)).await, (before.clone(), end));
    // Even without the former one in the list: this process knows it.
    store.use_secrets(&secrets(&[2])).await.unwrap();
    assert!(store.is_sealed_with(&[2; 32]) && !store.is_sealed_with(&[1; 32]));
    assert_eq!(replay(&store, Some(start)).await, (before.clone(), end));
    assert!(store.get("session", "id-1").await.unwrap().is_some());

    let mut late = vec![first];
    while late.len() < before.len() {
        late.push(slow.next().await.unwrap().unwrap());
    }
    assert_eq!(late, before);

    let written = put(&store, "later", "x").await;
    let event = follower.next().await.unwrap().unwrap();
    assert_eq!(event, SyncEvent::Record(written), "and nothing in between");
    assert_eq!(store.corrupt_records(), 0);
    drop((follower, slow, store));
    assert!(matches!(open(&place, &[1]), Err(OpenError::WrongKey(_))));
    assert!(
        ids(&open(&place, &[2]).unwrap())
            .await
            .contains(&"later".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_misses_a_record_while_it_is_sealed_anew() {
    let place = place();
    let (store, _) = filled(&place).await;
    let readers = (0..3).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..300 {
                let found = store.get("session", "id-1").await.unwrap();
                assert!(found.is_some(), "it is there at every moment");
                assert_eq!(store.query("session", None, 500).await.unwrap().len(), 200);
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for round in 0..20 {
        let other = if round % 2 == 0 { [2, 1] } else { [1, 2] };
        store.use_secrets(&secrets(&other)).await.unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(store.corrupt_records(), 0);
}

#[tokio::test]
async fn what_could_not_be_read_before_is_dropped_and_counted() {
    let place = place();
    let store = open(&place, &[1]).unwrap();
    for id in ["a", "b", "c"] {
        put(&store, id, "x").await;
    }
    let damaged = store.inner.sealer().key("session", "b");
    drop(store);
    damage::tamper(&place.path, |entries| {
        for (_, blob) in entries.iter_mut().filter(|(key, _)| *key == damaged) {
            blob[20] ^= 1;
        }
    });
    let store = open(&place, &[2, 1]).unwrap();
    assert_eq!(store.corrupt_records(), 1);
    assert_eq!(ids(&store).await, ["a", "c"]);
    let (events, _) = replay(&store, None).await;
    assert_eq!((events.len(), store.corrupt_records()), (3, 1), "it is gone");
    put(&store, "b", "again").await;
    assert_eq!(ids(&store).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_new_file_is_under_the_first() {
    let place = place();
    drop(open(&place, &[2, 1]).unwrap());
    assert!(matches!(open(&place, &[1]), Err(OpenError::WrongKey(_))));
    assert!(open(&place, &[2]).is_ok());
}
