use bytes::Bytes;
use portcullis_store::{IfVersion, Position, Record, StoreError, SyncEvent};
use tonic::{Code, Status};

use super::{
    PutRequest, error, from_event, from_record, if_version, position, put_request, status, sync_request,
    to_event, to_record,
};

fn record() -> Record {
    Record {
        kind: "session".to_owned(),
        id: "x".to_owned(),
        version: u64::MAX,
        data: Bytes::from_static(b"\0data"),
        deleted: true,
    }
}

#[test]
fn every_error_survives_the_way() {
    let errors = [
        StoreError::Conflict { current: None },
        StoreError::Conflict { current: Some(0) },
        StoreError::Conflict { current: Some(7) },
        StoreError::Unavailable("the disk is gone".to_owned()),
        StoreError::Unavailable(String::new()),
        StoreError::Corrupt("a page".to_owned()),
        StoreError::TooLarge,
        StoreError::Lagged,
    ];
    for one in errors {
        let sent = status(&one);
        assert_ne!(sent.code(), Code::Ok);
        // As it arrives: the status in headers.
        let mut headers = http::HeaderMap::new();
        sent.add_header(&mut headers).unwrap();
        let arrived = Status::from_header_map(&headers).unwrap();
        assert_eq!(error(&arrived), one);
    }
}

#[test]
fn a_long_reason_is_cut() {
    let StoreError::Unavailable(why) = error(&status(&StoreError::Unavailable("ü".repeat(10_000)))) else {
        panic!("another error");
    };
    assert_eq!(why.chars().count(), 512);
}

#[test]
fn what_is_not_a_store_s_word_is_unavailable() {
    for code in [
        Code::Unavailable,
        Code::Unauthenticated,
        Code::Unknown,
        Code::FailedPrecondition,
    ] {
        assert!(matches!(
            error(&Status::new(code, "why")),
            StoreError::Unavailable(_)
        ));
    }
    // Details that are not ours are no word either.
    let foreign = Status::with_details(Code::Internal, "why", Bytes::from_static(b"\xff\xff\xff"));
    assert!(matches!(error(&foreign), StoreError::Unavailable(_)));
    // Nothing larger than this is even read.
    assert_eq!(error(&Status::out_of_range("too long")), StoreError::TooLarge);
}

#[test]
fn records_conditions_and_events_survive_the_way() {
    assert_eq!(to_record(from_record(record())), record());
    for condition in [
        IfVersion::Any,
        IfVersion::Absent,
        IfVersion::Is(0),
        IfVersion::Is(u64::MAX),
    ] {
        let request = put_request("session", "x", Bytes::new(), condition);
        assert_eq!(if_version(&request).unwrap(), condition);
    }
    let from = Position {
        epoch: u64::MAX,
        version: 3,
    };
    assert_eq!(position(&sync_request(Some(from))), Some(from));
    assert_eq!(position(&sync_request(None)), None);
    for event in [
        SyncEvent::Snapshot,
        SyncEvent::Record(record()),
        SyncEvent::CaughtUp(from),
    ] {
        assert_eq!(to_event(from_event(Some(event.clone()))), Ok(Some(event)));
    }
    assert_eq!(to_event(from_event(None)), Ok(None), "a heartbeat");
}

#[test]
fn a_put_without_a_condition_is_refused() {
    let refused = if_version(&PutRequest::default()).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[test]
fn an_event_of_an_unknown_kind_is_an_error() {
    assert!(matches!(
        to_event(super::WireEvent { kind: None }),
        Err(StoreError::Unavailable(_))
    ));
}
