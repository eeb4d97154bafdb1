use portcullis_document::{Limits, parse_yaml};
use portcullis_model::Claims;
use serde_json::json;

use super::{Trace, explain};
use crate::{Http, Input, Subject, compile, parse};

const POLICY: &str = "\
- allow:
    and:
      - domain: example.com
      - claim/groups: {has: admins, exclude: [guests]}
      - http_method: {in: [GET, HEAD]}
- deny:
    not:
      - source_ip: [10.0.0.0/8, 192.0.2.0/24]
";

fn trace(text: &str, email: Option<&str>) -> Trace {
    let program = compile(&parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()).unwrap();
    let claims: Claims = [("groups".to_owned(), vec![json!("staff"), json!("admins")])]
        .into_iter()
        .collect();
    let input = Input {
        http: Http {
            method: "GET",
            host: "app.example.com",
            path: "/",
            source_ip: "10.1.2.3".parse().ok(),
            origin: None,
            access_control_request_method: None,
        },
        session: email.map(|email| Subject {
            session_id: "s",
            user_id: "u",
            email,
            claims: &claims,
        }),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    explain(&program, &input)
}

#[test]
fn a_trace_reads_as_text() {
    assert_eq!(
        trace(POLICY, Some("a@example.com")).to_string(),
        "\
allow, decided by allow[0].and
allow: true (claim-ok,domain-ok,http-method-ok)
deny: false (source-ip-ok)
  allow[0].and[0] at 3:9: domain is \"example.com\" holds, found \"example.com\" (domain-ok)
  allow[0].and[1] at 4:9: claim/groups has \"admins\" and exclude [\"guests\"] holds, found [\"staff\", \"admins\"] (claim-ok)
  allow[0].and[2] at 5:9: http_method in [\"GET\", \"HEAD\"] holds, found \"GET\" (http-method-ok)
  deny[1].not[0] at 8:9: source_ip in [10.0.0.0/8, 192.0.2.0/24] holds, found 10.1.2.3 (source-ip-ok)
"
    );
    let anonymous = trace(POLICY, None).to_string();
    assert!(
        anonymous.starts_with("login, decided by allow[0].and[0]\n"),
        "{anonymous}"
    );
    assert!(
        anonymous.contains("domain is \"example.com\" fails (user-unauthenticated)"),
        "{anonymous}"
    );
    assert!(
        trace("[]", None)
            .to_string()
            .starts_with("deny, the policy has no criteria\n")
    );
}

#[test]
fn a_trace_is_json() {
    let trace = serde_json::to_value(trace(POLICY, Some("b@other.test"))).unwrap();
    assert_eq!(trace["outcome"], "deny");
    assert_eq!(trace["decided_by"], "allow[0].and[0]");
    assert_eq!(
        trace["allow"],
        json!({"value": false, "reasons": ["domain-unauthorized"]})
    );
    assert_eq!(
        trace["steps"][0],
        json!({
            "path": "allow[0].and[0]", "line": 3, "column": 9, "condition": "domain is \"example.com\"",
            "seen": "\"other.test\"", "holds": false, "value": false, "reason": "domain-unauthorized",
        })
    );
    let denied = &trace["steps"][3];
    assert_eq!(
        (&denied["holds"], &denied["value"]),
        (&json!(true), &json!(false)),
        "inverted by `not`"
    );
}

#[test]
fn long_and_hostile_values_are_cut_and_escaped() {
    let long = format!("\u{1b}[2J{}@example.com", "x".repeat(10_000));
    let listed: Vec<_> = (0..40).map(|i| format!("u{i}@example.com")).collect();
    let policy = format!("allow: {{or: [{{email: {{in: [{}]}}}}]}}", listed.join(", "));
    let trace = trace(&policy, Some(&long));
    let step = &trace.steps[0];
    assert!(step.condition.ends_with(", and 35 more]"), "{}", step.condition);
    let seen = step.seen.clone().unwrap();
    assert!(seen.len() < 200 && seen.starts_with("\"\\u{1b}[2J"), "{seen}");
}

#[test]
fn many_alternatives_are_one_step_that_names_the_one_that_matched() {
    let criteria: Vec<_> = (0..20)
        .map(|i| format!("    - email: u{i}@example.com\n"))
        .collect();
    let policy = format!("allow:\n  or:\n{}", criteria.concat());
    let matched = trace(&policy, Some("u3@example.com"));
    assert_eq!(matched.steps.len(), 1);
    let step = &matched.steps[0];
    assert_eq!(step.path.to_string(), "allow[0].or[3]");
    assert_eq!(step.span.unwrap().to_string(), "6:7");
    assert_eq!(step.condition, "email is one of 20 listed");
    let missed = trace(&policy, Some("u20@example.com"));
    assert_eq!(missed.steps[0].path.to_string(), "allow[0].or");
    assert_eq!(
        missed.steps[0].span.unwrap().to_string(),
        "3:7",
        "where they begin"
    );
}
