//! Decisions of a policy alone.

use crate::{Run, repeat};
use core::fmt::Write as _;
use core::hint::black_box;
use jiff::Timestamp;
use portcullis_document::{Limits, parse_yaml};
use portcullis_model::Claims;
use portcullis_policy::{Http, Input, Legacy, Outcome, Policy, Program, Subject, compile, evaluate, parse};
use serde_json::json;

/// Alice's claims, as an identity provider sends them.
pub(crate) fn claims() -> Claims {
    let claims = json!({
        "iss": "https://idp.example.com", "aud": "portcullis", "sub": "00u1a2b3c4",
        "email": "alice@example.com", "email_verified": true,
        "name": "Alice Example", "given_name": "Alice", "family_name": "Example", "locale": "en",
        "groups": ["everyone", "engineering", "admins", "team-5"],
        "auth_time": 1_767_225_600, "exp": 1_767_229_200, "iat": 1_767_225_600, "nonce": "n-0S6_WzA2Mj",
    });
    Claims::flatten(claims.as_object().unwrap()).unwrap()
}

fn decide(program: Program) -> Run {
    let claims = claims();
    let now = Timestamp::from_second(1_767_225_700).unwrap();
    repeat(move || {
        let input = Input::http(
            Http {
                method: "GET",
                host: "admin.localhost",
                path: "/reports/2026",
                source_ip: Some([192, 0, 2, 7].into()),
                origin: None,
                access_control_request_method: None,
            },
            Some(Subject {
                session_id: "0197b0c1-2f6e-7a3b-9c4d-5e6f708192a3",
                user_id: "00u1a2b3c4",
                email: "alice@example.com",
                claims: &claims,
                groups: None,
                devices: &[],
            }),
            now,
        );
        let evaluation = evaluate(black_box(&program), black_box(&input));
        assert!(matches!(black_box(&evaluation).outcome, Outcome::Allow(_)));
    })
}

fn program(text: &str) -> Program {
    let node = parse_yaml(text, &Limits::default()).unwrap().unwrap();
    compile(&Policy::from_route(
        &Legacy::default(),
        Some(&parse(&node).unwrap()),
    ))
    .unwrap()
}

/// The demo's policy of the route `admin`.
pub(crate) fn admin() -> Run {
    decide(program("- allow: {or: [claim/groups: admins]}"))
}

/// A thousand rules, of which the last allows.
pub(crate) fn thousand_rules() -> Run {
    let mut text = String::new();
    for index in 0..1_000 {
        let group = if index == 999 {
            "admins".to_owned()
        } else {
            format!("group-{index}")
        };
        writeln!(
            text,
            "- allow: {{and: [claim/groups: {group}, domain: {{is: example.com}}]}}"
        )
        .unwrap();
    }
    decide(program(&text))
}

/// A list of `length` e-mail addresses, of which the last is Alice's.
pub(crate) fn list(length: usize) -> Run {
    let mut users: Vec<String> = (1..length)
        .map(|index| format!("user-{index}@example.com"))
        .collect();
    users.push("alice@example.com".to_owned());
    let legacy = Legacy {
        users,
        ..Legacy::default()
    };
    decide(compile(&Policy::from_route(&legacy, None)).unwrap())
}
