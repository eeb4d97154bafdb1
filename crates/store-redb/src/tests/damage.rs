//! Files that are not what they should be.

use redb::{ReadableTable as _, TableDefinition};

use super::*;
use crate::tables::RECORDS;

/// Changes the stored blobs behind the store's back.
pub(super) fn tamper(path: &Path, change: impl Fn(&mut Vec<(Vec<u8>, Vec<u8>)>)) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(RECORDS).unwrap();
        let mut entries: Vec<(Vec<u8>, Vec<u8>)> = table
            .iter()
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|(key, blob)| (key.value().to_vec(), blob.value().to_vec()))
            .collect();
        change(&mut entries);
        for (key, blob) in entries {
            table.insert(key.as_slice(), blob.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[tokio::test]
async fn another_key_is_one_clear_error() {
    let place = place();
    let record = put(&place.open(), "a", "x").await;
    let error = RedbStore::open(&place.path, &key(2)).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey(_)));
    let text = error.to_string();
    assert!(
        text.contains("another shared secret") && text.contains("portcullis.redb"),
        "{text}"
    );
    // Nothing was changed by the attempt.
    assert_eq!(place.open().get("session", "a").await, Ok(Some(record)));
}

#[tokio::test]
async fn a_damaged_record_is_absent_and_the_rest_goes_on() {
    let place = place();
    let store = place.open();
    for id in ["a", "b", "c"] {
        put(&store, id, "some data").await;
    }
    let damaged = store.inner.sealer().key("session", "b");
    drop(store);
    for at in [0, 7, 8, 19, 20, 30, usize::MAX] {
        tamper(&place.path, |entries| {
            for (key, blob) in entries {
                if *key == damaged {
                    if at == usize::MAX {
                        blob.clear()
                    } else {
                        blob[at] ^= 1
                    }
                }
            }
        });
        let store = place.open();
        assert_eq!(store.get("session", "b").await, Ok(None), "byte {at}");
        assert_eq!(store.corrupt_records(), 1);
        assert_eq!(ids(&store).await, ["a", "c"]);
        let (events, _) = replay(&store, None).await;
        assert_eq!(events.len(), 3, "the snapshot's start and two records");
        assert!(store.corrupt_records() > 1);
        let late = store.put("session", "b", Bytes::new(), IfVersion::Is(2)).await;
        assert_eq!(late, Err(StoreError::Conflict { current: None }));
        // It can be written anew.
        let new = store
            .put("session", "b", Bytes::from_static(b"new data"), IfVersion::Absent)
            .await
            .unwrap();
        assert_eq!(store.get("session", "b").await, Ok(Some(new)));
        assert_eq!(ids(&store).await, ["a", "b", "c"]);
        let (events, _) = replay(&store, None).await;
        assert_eq!(events.len(), 4, "byte {at}");
    }
}

#[tokio::test]
async fn a_record_does_not_pass_for_another() {
    let place = place();
    let store = place.open();
    put(&store, "mine", "guest").await;
    put(&store, "theirs", "admin").await;
    drop(store);
    tamper(&place.path, |entries| {
        let [(_, one), (_, two)] = entries.as_mut_slice() else {
            panic!("two records")
        };
        core::mem::swap(one, two);
    });
    let store = place.open();
    assert_eq!(store.get("session", "mine").await, Ok(None));
    assert_eq!(store.get("session", "theirs").await, Ok(None));
    assert_eq!(store.corrupt_records(), 2);
}

#[tokio::test]
async fn a_damaged_record_can_be_deleted() {
    let place = place();
    let store = place.open();
    put(&store, "a", "x").await;
    drop(store);
    tamper(&place.path, |entries| entries[0].1.clear());
    let store = place.open();
    store.delete("session", "a").await.unwrap();
    assert!(ids(&store).await.is_empty());
    assert_eq!(store.corrupt_records(), 0, "it is gone");
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let place = place();
    fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    let text = "not a store, but somebody's notes\n".repeat(1000);
    fs::write(&place.path, &text).unwrap();
    let error = RedbStore::open(&place.path, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(fs::read_to_string(&place.path).unwrap(), text);

    let error = RedbStore::open(place.path.parent().unwrap(), &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
    let below_a_file = place.path.join("x");
    let error = RedbStore::open(&below_a_file, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}

#[test]
fn a_foreign_or_newer_database_is_refused() {
    let other = place();
    fs::create_dir_all(other.path.parent().unwrap()).unwrap();
    let database = Database::create(&other.path).unwrap();
    let transaction = database.begin_write().unwrap();
    let table: TableDefinition<'_, &[u8], &[u8]> = RECORDS;
    transaction
        .open_table(table)
        .unwrap()
        .insert(&b"k"[..], &b"v"[..])
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = RedbStore::open(&other.path, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");

    let newer = place();
    drop(newer.open());
    let database = Database::open(&newer.path).unwrap();
    let transaction = database.begin_write().unwrap();
    Tables::new(&transaction)
        .unwrap()
        .set_number(tables::FORMAT, 2)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = RedbStore::open(&newer.path, &key(1)).unwrap_err();
    assert!(
        matches!(error, OpenError::UnknownFormat { found: 2, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_in_use_is_refused() {
    let place = place();
    let store = place.open();
    let error = RedbStore::open(&place.path, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    put(&store, "a", "x").await;
    drop(store);
    assert_eq!(ids(&place.open()).await, ["a"]);
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let place = place();
    let store = place.open();
    for number in 0..50 {
        put(&store, &number.to_string(), "some data").await;
    }
    drop(store);
    let whole = fs::read(&place.path).unwrap();
    for length in [1, 100, 4096, whole.len() / 2] {
        fs::write(&place.path, &whole[..length]).unwrap();
        let error = RedbStore::open(&place.path, &key(1)).unwrap_err();
        assert!(
            matches!(error, OpenError::Damaged { .. } | OpenError::File { .. }),
            "{length}: {error}"
        );
    }
    fs::write(&place.path, &whole).unwrap();
    assert_eq!(ids(&place.open()).await.len(), 50);
}
