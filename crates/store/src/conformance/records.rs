//! Reading, writing, deleting, paging.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::{IfVersion, Store, StoreError};

pub(super) async fn an_empty_store_has_nothing(store: Arc<impl Store>) {
    assert_eq!(store.get("session", "a").await, Ok(None));
    assert_eq!(store.query("session", None, 10).await, Ok(Vec::new()));
    assert_eq!(store.delete("session", "a").await, Ok(()));
}

pub(super) async fn a_put_record_is_read_back(store: Arc<impl Store>) {
    let data = Bytes::from_static(b"\x00first\xff");
    let put = store
        .put("session", "a", data.clone(), IfVersion::Any)
        .await
        .expect("put");
    assert_eq!((put.kind.as_str(), put.id.as_str()), ("session", "a"));
    assert_eq!((&put.data, put.deleted), (&data, false));
    assert!(put.version > 0, "versions count from 1");
    assert_eq!(store.get("session", "a").await, Ok(Some(put)));

    let empty = store
        .put("session", "a", Bytes::new(), IfVersion::Any)
        .await
        .expect("put");
    assert_eq!(store.get("session", "a").await, Ok(Some(empty)));
}

pub(super) async fn kinds_do_not_mix(store: Arc<impl Store>) {
    let session = store
        .put("session", "a", Bytes::from_static(b"s"), IfVersion::Absent)
        .await
        .expect("put");
    let user = store
        .put("user", "a", Bytes::from_static(b"u"), IfVersion::Absent)
        .await
        .expect("put");
    // The same text, cut elsewhere, is another record.
    assert_eq!(store.get("sessiona", "").await, Ok(None));
    assert_eq!(store.get("sessio", "na").await, Ok(None));
    store.delete("session", "a").await.expect("delete");
    assert_eq!(store.get("user", "a").await, Ok(Some(user.clone())));
    assert_eq!(store.query("user", None, 10).await, Ok(vec![user]));
    assert_eq!(store.query("session", None, 10).await, Ok(Vec::new()));
    assert_eq!(session.kind, "session");
}

pub(super) async fn versions_rise_over_the_whole_store(store: Arc<impl Store>) {
    let mut last = 0;
    for (kind, id) in [
        ("session", "a"),
        ("user", "a"),
        ("session", "a"),
        ("session", "b"),
    ] {
        let record = store
            .put(kind, id, Bytes::from_static(b"x"), IfVersion::Any)
            .await
            .expect("put");
        assert!(
            record.version > last,
            "each write has a higher version than any before"
        );
        last = record.version;
    }
    store.delete("session", "a").await.expect("delete");
    let record = store
        .put("session", "a", Bytes::new(), IfVersion::Any)
        .await
        .expect("put");
    assert!(record.version > last + 1, "a deletion has a version too");
}

pub(super) async fn conditions_are_kept(store: Arc<impl Store>) {
    let put = |data: &'static [u8], condition| store.put("user", "a", Bytes::from_static(data), condition);

    assert_eq!(
        put(b"0", IfVersion::Is(1)).await,
        Err(StoreError::Conflict { current: None })
    );
    let first = put(b"1", IfVersion::Absent).await.expect("absent");
    let current = Some(first.version);
    assert_eq!(
        put(b"2", IfVersion::Absent).await,
        Err(StoreError::Conflict { current })
    );
    assert_eq!(
        put(b"2", IfVersion::Is(first.version + 1)).await,
        Err(StoreError::Conflict { current })
    );
    assert_eq!(store.get("user", "a").await, Ok(Some(first.clone())));

    let second = put(b"2", IfVersion::Is(first.version)).await.expect("is");
    let current = Some(second.version);
    assert_eq!(
        put(b"3", IfVersion::Is(first.version)).await,
        Err(StoreError::Conflict { current })
    );
    assert_eq!(store.get("user", "a").await, Ok(Some(second)));
}

pub(super) async fn a_deleted_record_is_gone(store: Arc<impl Store>) {
    let old = store
        .put("session", "a", Bytes::from_static(b"1"), IfVersion::Any)
        .await
        .expect("put");
    store.delete("session", "a").await.expect("delete");
    store.delete("session", "a").await.expect("delete again");
    assert_eq!(store.get("session", "a").await, Ok(None));
    assert_eq!(store.query("session", None, 10).await, Ok(Vec::new()));
    let late = store
        .put(
            "session",
            "a",
            Bytes::from_static(b"2"),
            IfVersion::Is(old.version),
        )
        .await;
    assert_eq!(late, Err(StoreError::Conflict { current: None }));
    let new = store
        .put("session", "a", Bytes::from_static(b"3"), IfVersion::Absent)
        .await
        .expect("put");
    assert_eq!(store.get("session", "a").await, Ok(Some(new)));
}

pub(super) async fn strange_ids_are_only_ids(store: Arc<impl Store>) {
    let ids = [
        "",
        "/",
        "..",
        "a/b",
        "a\0b",
        "a'; DROP TABLE records; --",
        "\u{10ffff}",
        "*",
        "%",
        "ä@example.com",
    ];
    for (index, id) in ids.iter().enumerate() {
        let data = Bytes::from(vec![u8::try_from(index).unwrap_or(0)]);
        store.put("user", id, data, IfVersion::Absent).await.expect("put");
    }
    for (index, id) in ids.iter().enumerate() {
        let record = store.get("user", id).await.expect("get").expect("present");
        assert_eq!(
            record.data.first().copied().map(usize::from),
            Some(index),
            "id `{}`",
            id.escape_debug()
        );
    }
}

pub(super) async fn too_large_a_record_is_refused(store: Arc<impl Store>) {
    let huge = Bytes::from(vec![0; 64 * 1024 * 1024]);
    let refused = store.put("session", "a", huge, IfVersion::Any).await;
    assert_eq!(refused, Err(StoreError::TooLarge));
    let long = "x".repeat(1024 * 1024);
    let refused = store.put("session", &long, Bytes::new(), IfVersion::Any).await;
    assert_eq!(refused, Err(StoreError::TooLarge));
    let refused = store.put(&long, "a", Bytes::new(), IfVersion::Any).await;
    assert_eq!(refused, Err(StoreError::TooLarge));
    assert_eq!(store.get("session", "a").await, Ok(None));
    assert_eq!(store.get("session", &long).await, Ok(None));
}

pub(super) async fn pages_show_each_record_once(store: Arc<impl Store>) {
    let mut all = BTreeSet::new();
    for number in 0..23 {
        let id = format!("id-{number}");
        store
            .put("session", &id, Bytes::new(), IfVersion::Absent)
            .await
            .expect("put");
        all.insert(id);
    }
    store
        .put("user", "id-0", Bytes::new(), IfVersion::Absent)
        .await
        .expect("put");
    store.delete("session", "id-7").await.expect("delete");
    all.remove("id-7");

    assert_eq!(store.query("session", None, 0).await, Ok(Vec::new()));
    let mut seen = BTreeSet::new();
    let mut after: Option<String> = None;
    // More rounds than there are pages would mean that it does not end.
    for _ in 0..10 {
        let page = store.query("session", after.as_deref(), 5).await.expect("query");
        assert!(page.len() <= 5, "a page is no longer than asked");
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for record in page {
            assert_eq!(record.kind, "session");
            assert!(seen.insert(record.id), "each record once");
        }
    }
    assert_eq!(seen, all);
}
