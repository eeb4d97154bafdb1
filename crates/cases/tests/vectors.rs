//! The decisions of Pomerium, as data in `tests/conformance/policy/pomerium.json`:
//! every vector must come out as written there, down to the reasons.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_cases::{Failure, VectorsError, run_vectors};
use serde_json::{Value, json};

const FILE: &str = include_str!("../../../tests/conformance/policy/pomerium.json");
/// How many vectors the file holds. One that is lost would pass in silence.
const COUNT: usize = 265;

#[test]
fn every_vector_comes_out_as_written() {
    let ran = run_vectors(FILE).unwrap();
    assert_eq!(ran.len(), COUNT);
    let failed: Vec<String> = ran
        .iter()
        .flat_map(|vector| {
            vector
                .failures
                .iter()
                .map(move |failure| format!("{}: {failure}", vector.id))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// A vector that would pass whatever we decide shows nothing.
#[test]
fn every_vector_can_fail() {
    let mut file: Value = serde_json::from_str(FILE).unwrap();
    for list in ["vectors", "documented_only"] {
        for vector in file[list].as_array_mut().unwrap() {
            let expect = vector["expect"].as_object_mut().unwrap();
            *expect = match (expect.get("parse_error"), expect.get("allow")) {
                (Some(_), _) => json!({"parse_error": false}),
                (None, Some(allow)) => json!({"allow": !allow.as_bool().unwrap()}),
                (None, None) => json!({"outcome": "something else"}),
            }
            .as_object()
            .unwrap()
            .clone();
        }
    }
    let ran = run_vectors(&file.to_string()).unwrap();
    assert_eq!(ran.len(), COUNT);
    let passed: Vec<_> = ran
        .iter()
        .filter(|vector| vector.passed())
        .map(|vector| &vector.id)
        .collect();
    assert!(passed.is_empty(), "{passed:?}");
}

/// Deviations are such: Pomerium's own outcome is another one.
#[test]
fn deviations_deviate() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let deviations = file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vector| vector["deviation"] == true);
    let mut count = 0;
    for vector in deviations {
        assert_ne!(
            vector["expect"]["outcome"], vector["pomerium_outcome"],
            "{}",
            vector["id"]
        );
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

fn one(vector: &Value) -> Vec<Failure> {
    let file = json!({"vectors": [vector]}).to_string();
    let mut ran = run_vectors(&file).unwrap();
    assert_eq!(ran.len(), 1);
    ran.remove(0).failures
}

fn with(key: &str, value: Value) -> Value {
    let mut vector = json!({"id": "x-1", "policy": "allow: {or: [{accept: 1}]}", "expect": {"allow": true}});
    vector[key] = value;
    vector
}

#[test]
fn what_a_vector_leaves_out_is_absent() {
    assert_eq!(one(&with("note", json!("as it is"))), []);
    for key in [
        "request",
        "session",
        "service_account",
        "user",
        "groups",
        "records",
        "now",
        "route",
        "rego",
    ] {
        assert_eq!(one(&with(key, Value::Null)), [], "{key}");
    }
    for expect in [
        json!({"deny": false, "deny_reasons": [], "allow_reasons": ["accept"], "outcome": "allow"}),
        json!({"reasons": ["accept", "accept"], "additional_data": {}, "parse_error": false}),
    ] {
        assert_eq!(one(&with("expect", expect.clone())), [], "{expect}");
    }
}

#[test]
fn what_nobody_knows_has_failed() {
    for (key, value) in [
        ("requets", json!({})),
        ("expect", json!({"allow": true, "alow": true})),
        ("expect", json!({})),
        ("expect", json!({"error_stage": "yaml"})),
        ("expect", json!({"allow": "yes"})),
        ("expect", json!(null)),
        ("expect", json!({"reasons": [1]})),
        ("policy", json!(null)),
        ("policy", json!(["allow"])),
        ("id", json!(17)),
        ("now", json!("yesterday")),
        ("request", json!({"body": "x"})),
        ("request", json!({"source_ip": "nowhere"})),
        ("request", json!({"client_cert": {"leaf": "nobody"}})),
        ("request", json!({"ssh": {"publickey": "nobody"}})),
        ("session", json!({"id": "s", "mood": "good"})),
        ("records", json!([{"type": "x", "id": "y"}])),
        ("records", json!([{"type": "x", "id": "y", "data": 1}])),
        ("route", json!({"prefix": "/"})),
        ("rego", json!("allow = true")),
        ("rego", json!(["", "allow = true"])),
    ] {
        assert_ne!(one(&with(key, value.clone())), [], "{key}: {value}");
    }
    assert_ne!(one(&json!("a text")), []);
    assert_ne!(one(&json!({"id": "x-1"})), []);
}

#[test]
fn rego_is_refused_where_that_is_expected() {
    let mut vector = with("rego", json!(["package x"]));
    vector["expect"] = json!({"parse_error": true});
    assert_eq!(one(&vector), []);
}

#[test]
fn a_refused_policy_is_not_a_decision() {
    let mut vector = with("policy", json!("nonsense: 1"));
    assert_ne!(one(&vector), []);
    vector["expect"] = json!({"allow": false});
    assert_ne!(one(&vector), []);
    vector["expect"] = json!({"parse_error": true, "error_stage": "whatever"});
    assert_eq!(one(&vector), []);
    vector["policy"] = json!("allow: {or: []}");
    assert_ne!(one(&vector), []);
}

#[test]
fn a_file_without_vectors_is_an_error() {
    assert!(matches!(run_vectors("{"), Err(VectorsError::Json(_))));
    assert!(matches!(run_vectors("[]"), Err(VectorsError::Shape(_))));
    assert!(matches!(
        run_vectors(r#"{"vectors": {}}"#),
        Err(VectorsError::Shape(_))
    ));
    assert_eq!(run_vectors("{}"), Err(VectorsError::Empty));
    assert_eq!(run_vectors(r#"{"vectors": []}"#), Err(VectorsError::Empty));
    let documented = r#"{"documented_only": [{"id": "a", "policy": "[]", "expect": {"allow": false}}]}"#;
    assert_eq!(run_vectors(documented).unwrap().len(), 1);
}

/// The look-ups of a server, each with a policy that sees what it found.
#[test]
fn sessions_are_looked_up_as_a_server_does() {
    let outcome = |vector: Value| {
        let mut vector = vector;
        vector["id"] = json!("x");
        one(&vector)
    };
    let user = |id: &str| format!("allow: {{or: [{{user: {id}}}]}}");
    let carol = json!({"type": "session", "id": "s-carol", "data": {"user_id": "carol", "expires_at": "2026-01-15T12:00:00Z"}});
    for (session, at, expected) in [
        (
            json!({"id": "s", "user_id": "bob"}),
            "2026-01-15T12:00:00Z",
            "deny:403",
        ),
        (
            json!({"id": "s", "user_id": "carol"}),
            "2026-01-15T12:00:00Z",
            "allow",
        ),
        (
            json!({"id": "s", "user_id": "bob", "impersonate_session_id": ""}),
            "2026-01-15T12:00:00Z",
            "deny:403",
        ),
        (
            json!({"id": "s", "user_id": "bob", "impersonate_session_id": "s-carol"}),
            "2026-01-15T12:00:00Z",
            "allow",
        ),
        (
            json!({"id": "s", "user_id": "bob", "impersonate_session_id": "s-carol"}),
            "2026-01-15T12:00:01Z",
            "login",
        ),
        (
            json!({"id": "s", "user_id": "carol", "impersonate_session_id": "s-none"}),
            "2026-01-15T12:00:00Z",
            "login",
        ),
        (
            json!({"id": "s", "user_id": "carol", "expires_at": "2026-01-15T11:00:00Z"}),
            "2026-01-15T12:00:00Z",
            "login",
        ),
    ] {
        let vector = json!({
            "policy": user("carol"), "session": session, "records": [carol], "now": at,
            "expect": {"outcome": expected},
        });
        assert_eq!(outcome(vector), [], "{session} at {at}");
    }
    let account = json!({
        "policy": "allow: {and: [{user: svc}, {groups: g1}, {email: svc@corp.example}]}",
        "service_account": {"id": "sa", "user_id": "svc"}, "groups": ["g1"],
        "user": {"email": "svc@example.com"}, "directory_email": "svc@corp.example", "expect": {"outcome": "allow"},
    });
    assert_eq!(outcome(account), []);
    let directory = json!({
        "policy": "allow: {and: [{groups: g2}, {email: bob@corp.example}]}",
        "session": {"id": "s", "user_id": "alice", "impersonate_session_id": "s-bob"}, "groups": ["g1"],
        "records": [
            {"type": "session", "id": "s-bob", "data": {"user_id": "bob"}},
            {"type": "user", "id": "bob", "data": {"email": "bob@example.com"}},
            {"type": "directory_user", "id": "bob", "data": {"email": "bob@corp.example", "group_ids": ["g2"]}},
        ],
        "expect": {"outcome": "allow"},
    });
    assert_eq!(outcome(directory), []);
}

#[test]
fn an_ssh_request_has_an_address_and_a_host() {
    let mut vector = with("policy", json!("allow: {or: [{source_ip: 10.0.0.0/8}]}"));
    vector["request"] =
        json!({"source_ip": "10.1.2.3", "method": "GET", "path": "/x", "ssh": {"username": "root"}});
    vector["expect"] = json!({"allow": true, "allow_reasons": ["source-ip-ok"]});
    assert_eq!(one(&vector), []);
    for criterion in ["http_method: GET", "http_path: /x"] {
        vector["policy"] = json!(format!("allow: {{or: [{{{criterion}}}]}}"));
        vector["expect"] = json!({"allow": false});
        assert_eq!(one(&vector), [], "{criterion}");
    }
}

#[test]
fn a_single_claim_may_stand_without_a_list() {
    for (values, allow) in [
        (json!("a"), true),
        (json!(["b", "a"]), true),
        (json!("a,b"), false),
        (json!([]), false),
        (json!(null), false),
    ] {
        let vector = json!({
            "id": "x", "route": {"allowed_idp_claims": {"g": values}},
            "session": {"id": "s", "user_id": "u", "claims": {"g": ["a"]}}, "expect": {"allow": allow},
        });
        assert_eq!(one(&vector), [], "{values}");
    }
}

/// The end that stands beside the data counts for what is looked up too.
#[test]
fn a_record_that_has_expired_is_absent() {
    let expected = |mut vector: Value, at: usize, live: &str, expired: &str| {
        vector["id"] = json!("x");
        for (end, outcome) in [("2026-01-15T12:00:00Z", live), ("2026-01-15T11:59:59Z", expired)] {
            vector["now"] = json!("2026-01-15T12:00:00Z");
            vector["records"][at]["expires_at"] = json!(end);
            vector["expect"] = json!({"outcome": outcome});
            assert_eq!(one(&vector), [], "{end}: {vector}");
        }
    };
    let impersonating = json!({
        "policy": "allow: {and: [{user: bob}, {email: bob@corp.example}]}",
        "session": {"id": "s", "user_id": "alice", "impersonate_session_id": "s-bob"},
        "records": [
            {"type": "session", "id": "s-bob", "data": {"user_id": "bob"}},
            {"type": "user", "id": "bob", "data": {"email": "bob@corp.example"}},
        ],
    });
    expected(impersonating.clone(), 0, "allow", "login");
    expected(impersonating, 1, "allow", "deny:403");
    let device = json!({
        "policy": "allow: {and: [{device: {is: c}}]}",
        "session": {"id": "s", "user_id": "u", "device_credentials": [{"type_id": "any", "id": "c"}]},
        "records": [
            {"type": "device_credential", "id": "c", "data": {"enrollment_id": "e"}},
            {"type": "device_enrollment", "id": "e", "data": {"approved_by": "admin"}},
        ],
    });
    expected(device, 0, "allow", "webauthn");
}
