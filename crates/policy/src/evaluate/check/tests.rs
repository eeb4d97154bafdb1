//! What single criteria look at, each with a request that meets it and one that
//! does not. (Mutation testing found that the vectors alone held these.)

use jiff::Timestamp;
use portcullis_document::{Limits, parse_yaml};
use portcullis_model::Claims;
use serde_json::json;

use crate::{Evaluation, Http, Input, Outcome, Ssh, Subject, compile, evaluate, parse};

fn decide(policy: &str, input: &Input<'_>) -> Evaluation {
    let node = parse_yaml(policy, &Limits::default()).unwrap().unwrap();
    evaluate(&compile(&parse(&node).unwrap()).unwrap(), input)
}

fn allows(policy: &str, input: &Input<'_>) -> bool {
    matches!(decide(policy, input).outcome, Outcome::Allow(_))
}

#[test]
fn a_preflight_has_its_method_and_both_headers() {
    let preflight = Http {
        method: "OPTIONS",
        origin: Some("https://other.example.com"),
        access_control_request_method: Some("PUT"),
        ..Http::default()
    };
    let policy = "allow: {or: [{cors_preflight: }]}";
    let holds = |http| allows(policy, &Input::http(http, None, Timestamp::UNIX_EPOCH));
    assert!(holds(preflight));
    for other in [
        Http {
            method: "options",
            ..preflight
        },
        Http {
            method: "GET",
            ..preflight
        },
        Http {
            origin: None,
            ..preflight
        },
        Http {
            origin: Some(""),
            ..preflight
        },
        Http {
            access_control_request_method: None,
            ..preflight
        },
        Http {
            access_control_request_method: Some(""),
            ..preflight
        },
    ] {
        assert!(!holds(other), "{other:?}");
    }
}

#[test]
fn the_login_name_is_that_of_the_ssh_request() {
    let claims: Claims = [("names".to_owned(), vec![json!("ally"), json!("root")])]
        .into_iter()
        .collect();
    let session = Subject {
        session_id: "s",
        user_id: "u",
        email: "alice@example.com",
        claims: &claims,
        groups: None,
        devices: &[],
    };
    let holds = |policy, username, session| {
        let input = Input {
            ssh: Some(Ssh { username, key: None }),
            ..Input::http(Http::default(), session, Timestamp::UNIX_EPOCH)
        };
        allows(policy, &input)
    };
    let name = "allow: {or: [{ssh_username: alice}]}";
    assert!(holds(name, "alice", None));
    assert!(!holds(name, "bob", None));
    let email = "allow: {or: [{ssh_username_matches_email: }]}";
    assert!(holds(email, "alice", Some(session)));
    assert!(!holds(email, "bob", Some(session)));
    assert!(!holds(email, "alice", None));
    let claim = "allow: {or: [{ssh_username_matches_claim: names}]}";
    assert!(holds(claim, "root", Some(session)));
    assert!(!holds(claim, "alice", Some(session)));
    let http = Input::http(Http::default(), None, Timestamp::UNIX_EPOCH);
    assert!(
        allows("allow: {or: [{ssh_username: ''}]}", &http),
        "as in Pomerium"
    );
    assert!(!allows(name, &http));
}

#[test]
fn claims_of_several_names_are_not_mixed_up() {
    let claims: Claims = [
        ("a".to_owned(), vec![json!("x")]),
        ("b".to_owned(), vec![json!("y")]),
    ]
    .into_iter()
    .collect();
    let session = Subject {
        session_id: "s",
        user_id: "u",
        email: "",
        claims: &claims,
        groups: None,
        devices: &[],
    };
    let input = Input::http(Http::default(), Some(session), Timestamp::UNIX_EPOCH);
    assert!(allows(
        "allow: {and: [{claim/a: x}, {claim/b: y}, {claim/a: x}]}",
        &input
    ));
    for wrong in ["{claim/a: x}, {claim/b: x}", "{claim/b: y}, {claim/a: y}"] {
        assert!(!allows(&format!("allow: {{and: [{wrong}]}}"), &input), "{wrong}");
    }
}

#[test]
fn of_several_devices_the_last_in_the_policy_is_asked_for() {
    let input = Input::http(Http::default(), None, Timestamp::UNIX_EPOCH);
    let policy = |types: [&str; 3]| {
        let criteria = types
            .map(|name| format!("{{device: {{type: {name}}}}}"))
            .join(", ");
        format!("allow: {{or: [{criteria}]}}")
    };
    for types in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let wanted = decide(&policy(types), &input).device_type;
        assert_eq!(wanted.as_deref(), Some(types[2]));
    }
}
