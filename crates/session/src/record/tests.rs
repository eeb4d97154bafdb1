use serde_json::json;
use uuid::Uuid;

use super::*;

pub(crate) fn session() -> Session {
    let claims = json!({
        "groups": ["admins", "staff"], "name": "Ada Admin", "address": {"country": "CH"}, "level": 3,
        "email_verified": true, "nothing": null,
    });
    let issued_at: Timestamp = "2026-11-01T10:00:00.5Z".parse().unwrap();
    Session {
        id: SessionId(Uuid::from_u128(0x0195_a000_a000_7000_8000_0000_0000_a01a)),
        user_id: "user-1".to_owned(),
        email: "admin@example.com".to_owned(),
        name: "Ada Admin".to_owned(),
        provider_id: "p1".to_owned(),
        claims: Claims::flatten(claims.as_object().unwrap()).unwrap(),
        issued_at,
        expires_at: issued_at + jiff::SignedDuration::from_hours(14),
        id_token: SecretString::from("the-id-token"),
        access_token: SecretString::from("the-access-token"),
        refresh_token: Some(SecretString::from("the-refresh-token")),
        access_token_expires_at: Some(issued_at + jiff::SignedDuration::from_hours(1)),
        id_token_expires_at: None,
        progress: Progress::default(),
    }
}

#[test]
fn a_session_is_read_back() {
    let session = session();
    let bytes = session.encode().unwrap();
    let read = Session::decode(&bytes).unwrap();
    assert_eq!(read.encode().unwrap(), bytes);
    assert_eq!(read.id, session.id);
    assert_eq!(read.claims, session.claims);
    assert_eq!(
        (read.issued_at, read.expires_at),
        (session.issued_at, session.expires_at)
    );
    assert_eq!(read.access_token.expose_secret(), "the-access-token");
    assert_eq!(read.refresh_token.unwrap().expose_secret(), "the-refresh-token");

    let bare = Session {
        refresh_token: None,
        access_token_expires_at: None,
        ..session
    };
    let read = Session::decode(&bare.encode().unwrap()).unwrap();
    assert!(read.refresh_token.is_none() && read.access_token_expires_at.is_none());
}

#[test]
fn debug_shows_neither_tokens_nor_the_person() {
    let shown = format!("{:?}", session());
    for secret in ["token", "admin", "Ada", "CH", "user-1"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("2026-11-01"));
}

#[test]
fn a_damaged_or_unknown_record_is_refused() {
    let bytes = session().encode().unwrap();
    for end in 0..bytes.len() {
        assert_eq!(
            Session::decode(&bytes[..end]).unwrap_err(),
            RecordError::Malformed
        );
    }
    let trailing = [&bytes[..], b"x"].concat();
    assert_eq!(Session::decode(&trailing).unwrap_err(), RecordError::Malformed);
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let newer = text.replace("\"format\":1", "\"format\":2");
    assert_eq!(
        Session::decode(newer.as_bytes()).unwrap_err(),
        RecordError::UnknownFormat
    );
    let without = text.replace("expires_at", "expired_at");
    assert_eq!(
        Session::decode(without.as_bytes()).unwrap_err(),
        RecordError::Malformed
    );
    let twice = text.replacen('{', "{\"user_id\":\"other\",", 1);
    assert_eq!(
        Session::decode(twice.as_bytes()).unwrap_err(),
        RecordError::Malformed
    );
    for garbage in ["", "null", "{}", "[]", "{\"format\":\"1\"}", &"[".repeat(100_000)] {
        assert_eq!(
            Session::decode(garbage.as_bytes()).unwrap_err(),
            RecordError::Malformed
        );
    }
}

#[test]
fn a_record_is_bounded() {
    let huge = Session {
        id_token: SecretString::from("x".repeat(MAX_RECORD)),
        ..session()
    };
    assert_eq!(huge.encode().unwrap_err(), RecordError::TooLarge);
    assert_eq!(
        Session::decode(&vec![b' '; MAX_RECORD + 1]).unwrap_err(),
        RecordError::TooLarge
    );
}
