use portcullis_model::SessionId;
use uuid::Uuid;

use super::*;
use crate::record::tests::session;

fn handle() -> Handle {
    let session = session();
    Handle {
        session_id: session.id,
        provider_id: session.provider_id,
        issued_at: session.issued_at,
    }
}

#[test]
fn a_session_lives_until_it_expires() {
    let session = session();
    let nano = SignedDuration::from_nanos(1);
    assert_eq!(is_live(&session, session.issued_at), Ok(()));
    assert_eq!(is_live(&session, session.expires_at - nano), Ok(()));
    assert_eq!(is_live(&session, session.expires_at), Err(Dead::Expired));
    assert_eq!(is_live(&session, Timestamp::MAX), Err(Dead::Expired));
    assert_eq!(is_live(&session, session.issued_at - CLOCK_SKEW), Ok(()));
    assert_eq!(
        is_live(&session, session.issued_at - CLOCK_SKEW - nano),
        Err(Dead::NotYetIssued)
    );
    assert_eq!(is_live(&session, Timestamp::MIN), Err(Dead::NotYetIssued));
}

#[test]
fn an_expired_access_token_ends_what_cannot_be_refreshed() {
    let session = session();
    let late = session.access_token_expires_at.unwrap();
    assert_eq!(is_live(&session, late), Ok(()), "it can be refreshed");
    let fixed = Session {
        refresh_token: None,
        ..session.clone()
    };
    assert_eq!(is_live(&fixed, late - SignedDuration::from_secs(1)), Ok(()));
    assert_eq!(is_live(&fixed, late), Err(Dead::TokenExpired));
    let unknown = Session {
        refresh_token: None,
        access_token_expires_at: None,
        ..session
    };
    assert_eq!(is_live(&unknown, late), Ok(()), "the provider did not say when");
}

#[test]
fn cookie_record_and_provider_belong_together() {
    let session = session();
    let now = session.issued_at;
    assert_eq!(admit(&handle(), &session, "p1", now), Ok(()));
    assert_eq!(admit(&handle(), &session, "p2", now), Err(Dead::OtherProvider));
    assert_eq!(admit(&handle(), &session, "", now), Err(Dead::OtherProvider));
    let foreign = Handle {
        provider_id: "p2".to_owned(),
        ..handle()
    };
    assert_eq!(admit(&foreign, &session, "p1", now), Err(Dead::OtherProvider));
    assert_eq!(admit(&foreign, &session, "p2", now), Err(Dead::OtherProvider));
    let other = Handle {
        session_id: SessionId(Uuid::from_u128(1)),
        ..handle()
    };
    assert_eq!(admit(&other, &session, "p1", now), Err(Dead::OtherSession));
    let future = Handle {
        issued_at: now + SignedDuration::from_secs(61),
        ..handle()
    };
    assert_eq!(admit(&future, &session, "p1", now), Err(Dead::NotYetIssued));
    assert_eq!(
        admit(&handle(), &session, "p1", session.expires_at),
        Err(Dead::Expired)
    );
}
