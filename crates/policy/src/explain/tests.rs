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
    let http = Http {
        method: "GET",
        host: "app.example.com",
        path: "/",
        source_ip: "10.1.2.3".parse().ok(),
        ..Http::default()
    };
    let session = email.map(|email| Subject {
        session_id: "s",
        user_id: "u",
        email,
        claims: &claims,
        groups: None,
        devices: &[],
    });
    let input = Input::http(http, session, jiff::Timestamp::UNIX_EPOCH);
    explain(&program, &input)
}

#[test]
fn a_trace_reads_as_text() {
    assert_eq!(
        trace(POLICY, Some("a@example.com")).to_string(),
        "\
allow, decided by allow[0].and at 2:5
allow: true (claim-ok,domain-ok,http-method-ok)
deny: false (source-ip-ok)
> allow[0] holds
>   and at 2:5: true (claim-ok,domain-ok,http-method-ok)
      [0] at 3:9: domain is \"example.com\" holds, found \"example.com\" (domain-ok)
      [1] at 4:9: claim/groups has \"admins\" and exclude [\"guests\"] holds, found [\"staff\", \"admins\"] (claim-ok)
      [2] at 5:9: http_method is one of [\"GET\", \"HEAD\"] holds, found \"GET\" (http-method-ok)
  deny[1] does not hold
    not at 7:5: false (source-ip-ok)
      [0] at 8:9: source_ip in [10.0.0.0/8, 192.0.2.0/24] holds, found 10.1.2.3 (source-ip-ok)
"
    );
    let anonymous = trace(POLICY, None).to_string();
    assert!(
        anonymous.starts_with("login, decided by allow[0].and[0] at 3:9\n"),
        "{anonymous}"
    );
    assert!(
        anonymous.contains(">     [0] at 3:9: domain is \"example.com\" fails (user-unauthenticated)"),
        "{anonymous}"
    );
    let denied = trace(POLICY, Some("b@other.test")).to_string();
    assert!(
        denied
            .starts_with("deny:403, decided by allow[0].and[0] at 3:9\nallow: false (domain-unauthorized)\n"),
        "{denied}"
    );
    assert!(
        trace("[]", None)
            .to_string()
            .starts_with("deny:403, no allow rule has a criterion\n")
    );
    let deny_only = trace("deny: {or: [{source_ip: 192.0.2.0/24}]}", None).to_string();
    assert!(
        deny_only.starts_with("deny:403, no allow rule has a criterion\n")
            && deny_only.contains("deny[0] does not hold"),
        "{deny_only}"
    );
}

#[test]
fn a_trace_is_json() {
    let trace = serde_json::to_value(trace(POLICY, Some("b@other.test"))).unwrap();
    assert_eq!(trace["outcome"], "deny");
    assert_eq!(trace["refusal"], "403");
    assert_eq!(trace["decided_by"], "allow[0].and[0]");
    assert_eq!((&trace["line"], &trace["column"]), (&json!(3), &json!(9)));
    assert_eq!(
        trace["allow"],
        json!({"value": false, "reasons": ["domain-unauthorized"]})
    );
    let block = &trace["rules"][0]["operators"][0];
    assert_eq!(
        (
            &block["operator"],
            &block["line"],
            &block["value"],
            &block["decided"]
        ),
        (&json!("and"), &json!(2), &json!(false), &json!(true))
    );
    assert_eq!(
        block["criteria"][0],
        json!({
            "path": "allow[0].and[0]", "line": 3, "column": 9, "condition": "domain is \"example.com\"",
            "seen": "\"other.test\"", "holds": false, "value": false, "reason": "domain-unauthorized",
            "decided": true,
        })
    );
    let denied = &trace["rules"][1]["operators"][0]["criteria"][0];
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
    let step = trace.steps().next().unwrap();
    assert!(step.condition.ends_with(", and 35 more]"), "{}", step.condition);
    let seen = step.seen.clone().unwrap();
    assert!(seen.len() < 200 && seen.starts_with("\"\\u{1b}[2J"), "{seen}");
}

#[test]
fn lists_of_any_length_stay_short() {
    let listed: Vec<_> = (0..2_000).map(|i| format!("u{i}@example.com")).collect();
    let list = format!("allow: {{or: [{{email: {{in: [{}]}}}}]}}", listed.join(", "));
    let listed = trace(&list, Some("u3@example.com"));
    let step = listed.deciding_step().unwrap();
    assert_eq!(step.condition, "email is one of 2000 listed");

    let criteria: Vec<_> = (0..2_000)
        .map(|i| format!("    - email: u{i}@example.com\n"))
        .collect();
    let policy = format!("allow:\n  or:\n{}", criteria.concat());
    let matched = trace(&policy, Some("u1500@example.com"));
    let step = matched.deciding_step().unwrap();
    assert_eq!(step.path.to_string(), "allow[0].or[1500]");
    assert_eq!(step.span.unwrap().to_string(), "1503:7");
    assert_eq!(matched.deciding_span(), step.span);
    assert_eq!(matched.steps().count(), 101);
    assert_eq!(matched.rules[0].blocks[0].omitted, 1_899);
    assert!(matched.to_string().contains("… and 1899 more criteria\n"));

    // What decided is shown wherever it stands.
    let claims = "      - claim/x: a\n".repeat(300);
    let failed = trace(
        &format!("allow:\n    and:\n{claims}      - reject:\n"),
        Some("a@b"),
    );
    let place = failed.deciding_step().unwrap().path.to_string();
    assert_eq!(place, "allow[0].and[300]", "the cheapest that failed");
    assert_eq!(
        (failed.steps().count(), failed.rules[0].blocks[0].omitted),
        (101, 200)
    );

    let rules: Vec<_> = (0..1_500)
        .map(|i| format!("- allow: {{or: [{{user: u{i}}}]}}\n"))
        .collect();
    let many = trace(
        &format!("{}- allow: {{and: [{{user: u}}]}}\n", rules.concat()),
        Some("a@b"),
    );
    assert_eq!((many.rules.len(), many.omitted), (1_001, 500));
    assert!(many.rules.last().unwrap().decided && many.rules[0].rule == 0);
}

#[test]
fn every_criterion_says_what_it_wants_and_what_it_sees() {
    use crate::arbitrary::{Person, Request, condition};
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let request = Request {
        session: Some(Person::default()),
        ..Request::default()
    };
    for _ in 0..500 {
        let condition = condition().new_tree(&mut runner).unwrap().current();
        let name = condition.name();
        let criterion = crate::ast::Criterion {
            span: None,
            condition,
        };
        let block = crate::ast::Block {
            span: None,
            operator: crate::Operator::Or,
            criteria: vec![criterion],
        };
        let policy = crate::arbitrary::of_rules(vec![crate::ast::Rule {
            action: crate::Action::Allow,
            blocks: vec![block],
        }]);
        let trace = explain(&compile(&policy).unwrap(), &request.input());
        let step = trace.steps().next().unwrap();
        assert!(step.condition.starts_with(name), "{name}: {}", step.condition);
        assert!(
            !step.condition.chars().any(char::is_control),
            "{}",
            step.condition
        );
    }
}
