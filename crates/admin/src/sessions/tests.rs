use super::*;
use crate::fixture::{Failing, TOKENS, id, ids_in, keep, now, session, store_of, time};
use crate::protocol::State;
use bytes::Bytes;
use jiff::SignedDuration;
use portcullis_store::IfVersion;

/// Ada with two sessions, one of them old; Bob at another provider.
fn people() -> [Session; 3] {
    let mut old = session(2, "ada");
    old.issued_at = time("2026-10-31T08:00:00Z");
    let mut bob = session(3, "bob");
    bob.provider_id = "p2".to_owned();
    [session(1, "ada"), old, bob]
}

fn selection(user: &str, subject: &str, provider: &str, before: &str) -> Selection {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Selection {
        user: said(user),
        subject: said(subject),
        provider: said(provider),
        before: said(before).map(|text| time(&text)),
    }
}

#[tokio::test]
async fn a_selection_is_met_by_who_meets_all_of_it() {
    let issued = "2026-11-01T10:00:00Z";
    let later = "2026-11-01T10:00:00.000000001Z";
    let table = [
        (selection("", "", "", ""), vec![1, 2, 3]),
        (selection("ada@example.com", "", "", ""), vec![1, 2]),
        (selection("ADA@EXAMPLE.COM", "", "", ""), vec![1, 2]),
        (selection("ada@example.co", "", "", ""), vec![]),
        (selection("id-of-ada", "", "", ""), vec![1, 2]),
        (selection("ID-OF-ADA", "", "", ""), vec![]),
        (selection("", "subject-of-bob", "", ""), vec![3]),
        (selection("", "Subject-of-bob", "", ""), vec![]),
        (selection("", "id-of-bob", "", ""), vec![]),
        (selection("", "", "p1", ""), vec![1, 2]),
        (selection("", "", "p", ""), vec![]),
        (selection("", "", "", issued), vec![2]),
        (selection("", "", "", later), vec![1, 2, 3]),
        (
            selection("ada@example.com", "subject-of-ada", "p1", issued),
            vec![2],
        ),
        (selection("ada@example.com", "", "p2", ""), vec![]),
        (selection("id-of-bob", "subject-of-ada", "", ""), vec![]),
    ];
    for (selection, wanted) in table {
        let store = store_of(&people()).await;
        let wanted: Vec<SessionId> = wanted.into_iter().map(id).collect();
        let asked = ListRequest {
            selection: selection.clone(),
            limit: 100,
            after: None,
        };
        let mut listed: Vec<_> = list(&store, now(), &asked)
            .await
            .unwrap()
            .sessions
            .iter()
            .map(|row| row.id)
            .collect();
        listed.sort();
        assert_eq!(listed, wanted, "{selection:?}");
        // What is listed is what is revoked.
        let asked = RevokeRequest {
            all: selection == Selection::default(),
            selection: selection.clone(),
            ..RevokeRequest::default()
        };
        revoke(&store, now(), &asked, 1000).await.unwrap();
        let mut left: Vec<SessionId> = [1, 2, 3].into_iter().map(id).collect();
        left.retain(|id| !wanted.contains(id));
        assert_eq!(ids_in(&store).await, left, "{selection:?}");
    }
}

#[tokio::test]
async fn nobody_is_meant_by_an_empty_name() {
    let nameless = Session {
        email: String::new(),
        ..session(1, "ada")
    };
    let store = store_of(&[nameless]).await;
    let asked = RevokeRequest {
        selection: Selection {
            user: Some(String::new()),
            ..Selection::default()
        },
        ..RevokeRequest::default()
    };
    let answer = revoke(&store, now(), &asked, 0).await.unwrap();
    assert!(answer.revoked.is_empty());
}

#[tokio::test]
async fn without_a_word_of_which_none_is_revoked() {
    let store = store_of(&people()).await;
    let nothing = RevokeRequest::default();
    let both = RevokeRequest {
        all: true,
        selection: selection("ada@example.com", "", "", ""),
        ..RevokeRequest::default()
    };
    let both_ids = RevokeRequest {
        all: true,
        ids: vec![id(1)],
        ..RevokeRequest::default()
    };
    let many = RevokeRequest {
        ids: vec![id(1); MAX_IDS + 1],
        ..RevokeRequest::default()
    };
    for (asked, code) in [
        (nothing, "bad_request"),
        (both, "bad_request"),
        (both_ids, "bad_request"),
        (many, "too_large"),
    ] {
        let fault = revoke(&store, now(), &asked, 0).await.unwrap_err();
        assert_eq!(fault.code(), code);
    }
    assert_eq!(ids_in(&store).await.len(), 3);
}

#[tokio::test]
async fn ids_are_looked_up_and_narrowed_by_the_selection() {
    let store = store_of(&people()).await;
    let asked = RevokeRequest {
        ids: vec![id(3), id(1), id(1), id(9)],
        selection: selection("ada@example.com", "", "", ""),
        ..RevokeRequest::default()
    };
    let answer = revoke(&store, now(), &asked, 0).await.unwrap();
    let revoked: Vec<_> = answer.revoked.iter().map(|row| row.id).collect();
    assert_eq!(
        (revoked, answer.unknown, answer.unmet),
        (vec![id(1)], vec![id(9)], vec![id(3)])
    );
    assert_eq!(ids_in(&store).await, [id(2), id(3)]);
}

#[tokio::test]
async fn a_dry_run_ends_nothing() {
    let store = store_of(&people()).await;
    let asked = RevokeRequest {
        all: true,
        dry_run: true,
        ..RevokeRequest::default()
    };
    let answer = revoke(&store, now(), &asked, 0).await.unwrap();
    assert_eq!((answer.revoked.len(), ids_in(&store).await.len()), (3, 3));
}

#[tokio::test]
async fn what_cannot_be_read_is_passed_over_and_counted() {
    let store = store_of(&people()).await;
    let kind = KIND_SESSION;
    let garbage = Bytes::from_static(b"{\"format\":9}");
    store
        .put(kind, &id(7).to_string(), garbage, IfVersion::Any)
        .await
        .unwrap();
    // A session that lies under another's id is nobody's.
    let moved = session(8, "eve").encode().unwrap();
    store
        .put(kind, &id(9).to_string(), moved, IfVersion::Any)
        .await
        .unwrap();
    let asked = ListRequest {
        limit: 100,
        ..ListRequest::default()
    };
    let listed = list(&store, now(), &asked).await.unwrap();
    assert_eq!((listed.sessions.len(), listed.unreadable), (3, 2));
    let all = RevokeRequest {
        all: true,
        ..RevokeRequest::default()
    };
    let answer = revoke(&store, now(), &all, 0).await.unwrap();
    assert_eq!((answer.revoked.len(), answer.unreadable), (3, 2));
    let named = RevokeRequest {
        ids: vec![id(7)],
        ..RevokeRequest::default()
    };
    let answer = revoke(&store, now(), &named, 0).await.unwrap();
    assert_eq!((answer.revoked.len(), answer.unreadable), (0, 1));
    let fault = show(&store, now(), id(7)).await.unwrap_err();
    assert_eq!(fault.code(), "unreadable");
}

#[tokio::test]
async fn a_long_way_is_gone_in_bounded_steps() {
    let sessions: Vec<Session> = (1..=250).map(|number| session(number, "ada")).collect();
    let store = store_of(&sessions).await;
    let mut asked = ListRequest {
        limit: 40,
        ..ListRequest::default()
    };
    let (mut seen, mut steps) = (Vec::new(), 0);
    loop {
        let page = list(&store, now(), &asked).await.unwrap();
        assert!(page.sessions.len() <= 40);
        seen.extend(page.sessions.iter().map(|row| row.id));
        steps += 1;
        asked.after = page.next;
        if asked.after.is_none() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), steps), (250, 7));

    // Also where nothing is found on the way.
    let bounds = Bounds { examined: 60, ..STEP };
    let mut asked = RevokeRequest {
        selection: selection("", "", "p2", ""),
        ..RevokeRequest::default()
    };
    let mut steps = 0;
    loop {
        let answer = revoke_within(&store, now(), &asked, 0, bounds).await.unwrap();
        assert!(answer.revoked.is_empty());
        steps += 1;
        asked.after = answer.next;
        if asked.after.is_none() {
            break;
        }
    }
    assert_eq!(steps, 5);

    // And where each step has no time at all.
    let bounds = Bounds {
        time: Duration::ZERO,
        ..STEP
    };
    let mut asked = RevokeRequest {
        all: true,
        ..RevokeRequest::default()
    };
    let mut revoked = 0;
    loop {
        let answer = revoke_within(&store, now(), &asked, 0, bounds).await.unwrap();
        revoked += answer.revoked.len();
        asked.after = answer.next;
        if asked.after.is_none() {
            break;
        }
    }
    assert_eq!((revoked, ids_in(&store).await.len()), (250, 0));
}

#[tokio::test]
async fn a_store_that_fails_halfway_leaves_no_doubt_what_was_done() {
    let all = RevokeRequest {
        all: true,
        ..RevokeRequest::default()
    };
    // The query and two deletions.
    let store = Failing::after(3, store_of(&people()).await);
    let answer = revoke(&store, now(), &all, 0).await.unwrap();
    assert_eq!(answer.revoked.len(), 2);
    let why = answer.broke_off.unwrap();
    assert_eq!(why.code, "store_unavailable");
    assert!(why.message.contains("the disk is full"), "{}", why.message);
    assert_eq!(answer.next, None);

    let store = Failing::after(0, store_of(&people()).await);
    let fault = revoke(&store, now(), &all, 0).await.unwrap_err();
    assert_eq!(
        (fault.code(), fault.status().as_u16()),
        ("store_unavailable", 503)
    );
    let asked = ListRequest::default();
    assert!(
        list(&store, now(), &ListRequest { limit: 1, ..asked })
            .await
            .is_err()
    );
    assert!(show(&store, now(), id(1)).await.is_err());
}

#[tokio::test]
async fn no_answer_has_a_token_in_it() {
    let store = store_of(&people()).await;
    let asked = ListRequest {
        limit: 100,
        ..ListRequest::default()
    };
    let listed = serde_json::to_string(&list(&store, now(), &asked).await.unwrap()).unwrap();
    let details = show(&store, now(), id(1)).await.unwrap();
    let shown = serde_json::to_string(&details).unwrap();
    let all = RevokeRequest {
        all: true,
        ..RevokeRequest::default()
    };
    let revoked = serde_json::to_string(&revoke(&store, now(), &all, 0).await.unwrap()).unwrap();
    for token in TOKENS {
        for text in [&listed, &shown, &revoked] {
            assert!(!text.contains(token), "{text}");
        }
    }
    assert_eq!(details.claims["groups"][0], "staff");
    assert_eq!(details.row.email, "ada@Example.com");
    assert!(details.refreshable);
    assert_eq!(details.record_version, 1);
}

#[tokio::test]
async fn a_session_that_lets_nobody_in_is_shown_as_such() {
    let live = session(1, "ada");
    let cases = [
        (live.clone(), State::Live),
        (
            Session {
                expires_at: now(),
                ..live.clone()
            },
            State::Expired,
        ),
        (
            Session {
                refresh_token: None,
                access_token_expires_at: Some(now()),
                ..live.clone()
            },
            State::TokenExpired,
        ),
        (
            Session {
                issued_at: now() + SignedDuration::from_hours(1),
                ..live
            },
            State::NotYetValid,
        ),
    ];
    for (session, wanted) in cases {
        let store = store_of(&[]).await;
        keep(&store, &session).await;
        assert_eq!(show(&store, now(), session.id).await.unwrap().row.state, wanted);
    }
}
