use serde_json::json;

use super::*;
use crate::lifetime::is_live;
use crate::record::tests::session as recorded;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn session() -> Session {
    recorded()
}

fn early(session: &Session) -> SignedDuration {
    MARGIN + spread(session)
}

fn answer(profile: Option<Profile>) -> Renewed {
    Renewed {
        access_token: "access-2".to_owned().into(),
        access_token_expires_at: Some(session().issued_at + SignedDuration::from_hours(2)),
        refresh_token: Some("refresh-2".to_owned().into()),
        profile,
    }
}

fn profile(claims: serde_json::Value, id_token: Option<&str>) -> Profile {
    Profile {
        email: "new@example.com".to_owned(),
        name: "New Name".to_owned(),
        claims: Claims::flatten(claims.as_object().unwrap()).unwrap(),
        id_token: id_token.map(|token| token.to_owned().into()),
    }
}

#[test]
fn tokens_are_due_a_minute_before_the_first_of_them_expires() {
    let session = session();
    let access = session.access_token_expires_at.unwrap();
    assert_eq!(due_at(&session), Some(access - early(&session)));
    let id = access - SignedDuration::from_mins(20);
    let with = |access, id| Session {
        access_token_expires_at: access,
        id_token_expires_at: id,
        ..session.clone()
    };
    assert_eq!(
        due_at(&with(Some(access), Some(id))),
        Some(id - early(&session)),
        "the id token is first"
    );
    assert_eq!(due_at(&with(None, Some(id))), Some(id - early(&session)));
    assert_eq!(
        due_at(&with(None, None)),
        None,
        "nobody said that anything expires"
    );
    assert!(
        early(&session) <= MARGIN + SignedDuration::from_secs(10),
        "the spread is bounded"
    );
    // Times at either end of the calendar.
    assert_eq!(
        due_at(&with(Some(Timestamp::MIN), None)),
        Some(session.issued_at + COOL_OFF)
    );
    assert_eq!(
        due_at(&with(Some(Timestamp::MAX), None)),
        None,
        "the session ends first"
    );
}

#[test]
fn what_cannot_be_refreshed_or_ends_before_is_never_due() {
    let session = session();
    let without = Session {
        refresh_token: None,
        ..session.clone()
    };
    assert_eq!(due_at(&without), None);
    let short = Session {
        expires_at: due_at(&session).unwrap(),
        ..session.clone()
    };
    assert_eq!(due_at(&short), None);
    let lasting = Session {
        expires_at: due_at(&session).unwrap() + SECOND,
        ..session
    };
    assert!(due_at(&lasting).is_some());
}

#[test]
fn tries_are_ten_seconds_apart_whatever_the_lifetime() {
    let short = Session {
        access_token_expires_at: Some(session().issued_at + SECOND),
        ..session()
    };
    assert_eq!(due_at(&short), Some(short.issued_at + COOL_OFF));
    let now = short.issued_at + COOL_OFF;
    let again = Renewed {
        access_token_expires_at: Some(now + SECOND),
        ..answer(Some(profile(json!({}), None)))
    };
    assert_eq!(due_at(&renewed(&short, &again, now)), Some(now + COOL_OFF));
}

#[test]
fn a_lease_keeps_the_others_away_until_it_has_ended_by_any_clock() {
    let session = session();
    let now = due_at(&session).unwrap();
    let held = leased(&session, Uuid::from_u128(1), now);
    assert_eq!(held.progress.lease.unwrap().holder, Uuid::from_u128(1));
    assert_eq!(due_at(&held), Some(now + LEASE + CLOCK_SKEW));
    let again = leased(&held, Uuid::from_u128(1), now + SignedDuration::from_secs(10));
    assert_eq!(
        due_at(&again),
        Some(now + SignedDuration::from_secs(10) + LEASE + CLOCK_SKEW)
    );
    assert!(
        holds(&held, session.refresh_token.as_ref().unwrap()),
        "nothing else has changed"
    );
    assert!(SignedDuration::try_from(RENEW_LEASE).unwrap() * 2 < LEASE);
}

#[test]
fn the_name_of_the_session_at_the_provider_is_remembered() {
    let session = session();
    let first = profile(json!({"sub": "user-1", "sid": "s-1"}), Some("id-1"));
    let session = with_profile(session.clone(), &first, session.issued_at);
    let now = session.issued_at + SECOND;
    // By an id token without it, by userinfo, and in the record.
    for id_token in [Some("id-2"), None] {
        let next = profile(json!({"sub": "user-1", "groups": ["a"]}), id_token);
        let after = renewed(&session, &answer(Some(next)), now);
        let read = Session::decode(&after.encode().unwrap()).unwrap();
        assert_eq!(read.claims.get(SID), Some(&[json!("s-1")][..]));
        assert_eq!(read.claims.len(), 3);
    }
    let other = profile(json!({"sub": "user-1", "sid": "s-2"}), Some("id-2"));
    let after = renewed(&session, &answer(Some(other)), now);
    assert_eq!(after.claims.get(SID), Some(&[json!("s-2")][..]));
}

#[test]
fn claims_are_replaced_and_not_merged() {
    let session = session();
    let now = due_at(&session).unwrap();
    let exp = (now + SignedDuration::from_hours(1)).as_second();
    let said = profile(json!({"groups": ["staff"], "exp": exp}), Some("id-2"));
    let after = renewed(&leased(&session, Uuid::nil(), now), &answer(Some(said)), now);
    assert_eq!(after.claims.get("groups"), Some(&[json!("staff")][..]));
    assert_eq!(
        after.claims.get("address.country"),
        None,
        "a claim that was taken away is gone"
    );
    assert_eq!(
        (after.email.as_str(), after.name.as_str()),
        ("new@example.com", "New Name")
    );
    assert_eq!(after.id_token.expose_secret(), "id-2");
    assert_eq!(after.access_token.expose_secret(), "access-2");
    assert_eq!(after.id_token_expires_at, Timestamp::from_second(exp).ok());
    assert!(holds(&after, &"refresh-2".to_owned().into()));
    assert_eq!(
        after.progress,
        Progress {
            refreshed_at: Some(now),
            userinfo_at: Some(now),
            ..Progress::default()
        }
    );
    // Neither the handle in the cookie nor the end changes.
    assert_eq!(
        (after.id, after.issued_at, after.expires_at),
        (session.id, session.issued_at, session.expires_at)
    );
    assert_eq!(
        (&after.user_id, &after.provider_id),
        (&session.user_id, &session.provider_id)
    );
}

#[test]
fn what_the_provider_leaves_out_stays() {
    let session = session();
    let now = due_at(&session).unwrap();
    let old_id = Session {
        id_token_expires_at: Some(now),
        ..session.clone()
    };
    let bare = Renewed {
        refresh_token: None,
        ..answer(Some(profile(json!({"a": 1}), None)))
    };
    let after = renewed(&old_id, &bare, now);
    assert!(holds(&after, session.refresh_token.as_ref().unwrap()));
    assert_eq!(after.id_token.expose_secret(), "the-id-token");
    assert_eq!(
        after.id_token_expires_at, None,
        "what is not renewed is no reason to ask again"
    );
    // Tokens without a profile: kept, and asked again soon.
    let after = renewed(&old_id, &answer(None), now);
    assert_eq!(after.claims, session.claims);
    assert_eq!(after.access_token.expose_secret(), "access-2");
    assert!(holds(&after, &"refresh-2".to_owned().into()));
    assert_eq!(after.progress.failures, 1);
    assert_eq!(due_at(&after), after.progress.not_before);
}

#[test]
fn a_failure_that_may_pass_never_ends_a_session() {
    let mut session = session();
    let mut now = due_at(&session).unwrap();
    let mut last = SignedDuration::ZERO;
    while let Some(due) = due_at(&session) {
        now = now.max(due);
        session = failed(&leased(&session, Uuid::nil(), now), now);
        assert_eq!(session.progress.lease, None);
        assert_eq!(is_live(&session, now), Ok(()), "{now}");
        last = session.progress.not_before.unwrap().duration_since(now);
        assert!((COOL_OFF..=LAST_PAUSE + SECOND).contains(&last), "{last}");
    }
    assert!(last >= LAST_PAUSE, "the pauses grow");
    assert!(session.progress.failures > 100, "it is tried until the end");
    assert_eq!(
        session.expires_at,
        recorded().expires_at,
        "which stays where it was"
    );
    let after = renewed(&session, &answer(Some(profile(json!({}), None))), now);
    assert_eq!((after.progress.failures, after.progress.not_before), (0, None));
    let pauses: Vec<i64> = [0, 1, 2, 3, 4, 5, 6, 7, u32::MAX]
        .map(|failures| pause(failures).as_secs())
        .to_vec();
    assert_eq!(pauses, [10, 10, 20, 40, 80, 160, 300, 300, 300]);
}

#[test]
fn a_failure_for_good_ends_it_at_once() {
    let session = session();
    let now = due_at(&session).unwrap();
    let over = ended(&leased(&session, Uuid::nil(), now), now);
    assert!(is_live(&over, now).is_err());
    assert_eq!(due_at(&over), None);
    assert_eq!(ended(&session, Timestamp::MAX).expires_at, session.expires_at);
}

#[test]
fn userinfo_is_due_every_ten_minutes_while_the_access_token_is_good() {
    let session = session();
    let due = session.issued_at + USERINFO_EVERY + spread(&session);
    assert!(!userinfo_is_due(&session, due - SECOND));
    assert!(userinfo_is_due(&session, due));
    let read = with_profile(session.clone(), &profile(json!({"groups": []}), None), due);
    assert_eq!(read.claims.get("groups"), Some(&[][..]));
    assert_eq!(read.id_token.expose_secret(), "the-id-token");
    assert!(!userinfo_is_due(&read, due + USERINFO_EVERY - SECOND));
    assert!(userinfo_is_due(
        &read,
        due + USERINFO_EVERY + SignedDuration::from_secs(10)
    ));
    let end = session.access_token_expires_at.unwrap();
    assert!(userinfo_is_due(&session, end - SECOND));
    assert!(!userinfo_is_due(&session, end), "the token is of no use");
    assert!(!userinfo_is_due(&session, session.expires_at));
}

#[test]
fn progress_is_kept_in_the_record_and_absent_in_older_ones() {
    let now = recorded().issued_at;
    let mut session = failed(&session(), now);
    session = leased(&session, Uuid::from_u128(7), now);
    session.id_token_expires_at = Some(now);
    session.progress.refreshed_at = Some(now);
    let bytes = session.encode().unwrap();
    let read = Session::decode(&bytes).unwrap();
    assert_eq!(read.progress, session.progress);
    assert_eq!(read.id_token_expires_at, Some(now));
    let mut older: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    older.as_object_mut().unwrap().remove("progress").unwrap();
    older
        .as_object_mut()
        .unwrap()
        .remove("id_token_expires_at")
        .unwrap();
    let read = Session::decode(older.to_string().as_bytes()).unwrap();
    assert_eq!(read.progress, Progress::default());
}

#[test]
fn only_a_time_that_can_be_is_an_expiry() {
    let of = |exp: serde_json::Value| {
        let claims = json!({ "exp": exp });
        id_token_expiry(&Claims::flatten(claims.as_object().unwrap()).unwrap())
    };
    assert_eq!(
        of(json!(1_767_225_600)),
        Timestamp::from_second(1_767_225_600).ok()
    );
    for odd in [
        json!("1767225600"),
        json!(i64::MAX),
        json!(-1.5),
        json!([]),
        json!(null),
    ] {
        assert_eq!(of(odd.clone()), None, "{odd}");
    }
    assert_eq!(id_token_expiry(&Claims::default()), None);
}
