use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;

use super::{Challenge, Evaluation, Outcome, evaluate};
use crate::arbitrary::{Request, policy, request, rule};
use crate::ast::Action;
use crate::reason::Reason;
use crate::{Policy, Program, compile, explain, parse};

fn program(text: &str) -> Program {
    compile(&parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()).unwrap()
}

fn anonymous() -> Request {
    let source_ip = Some("10.0.0.1".parse().unwrap());
    Request {
        method: "GET".into(),
        path: "/".into(),
        source_ip,
        preflight: false,
        session: None,
    }
}

fn signed_in() -> Request {
    let session = Some((
        "u".into(),
        "a@example.com".into(),
        portcullis_model::Claims::default(),
    ));
    Request {
        session,
        ..anonymous()
    }
}

fn decide(text: &str, request: &Request) -> Evaluation {
    evaluate(&program(text), &request.input())
}

const fn allowed(evaluation: &Evaluation) -> bool {
    matches!(evaluation.outcome, Outcome::Allow(_))
}

#[test]
fn what_cannot_be_decided_counts_against_the_request() {
    let nowhere = Request {
        source_ip: None,
        ..anonymous()
    };
    let deny = "allow: {or: [{accept: }]}\ndeny: ";
    for (rule, name) in [
        ("{or: [{source_ip: 10.0.0.0/8}]}", "or"),
        ("{and: [{accept: }, {source_ip: 10.0.0.0/8}]}", "and"),
        ("{not: [{source_ip: 10.0.0.0/8}]}", "not"),
        ("{nor: [{accept: }, {source_ip: 10.0.0.0/8}]}", "nor"),
    ] {
        let denied = decide(&format!("{deny}{rule}"), &nowhere);
        assert!(denied.deny.value && !allowed(&denied), "deny {name}");
        assert!(
            denied.deny.reasons.contains(Reason::EvaluationError),
            "deny {name}"
        );
        let refused = decide(&format!("allow: {rule}"), &nowhere);
        assert!(!refused.allow.value && !allowed(&refused), "allow {name}");
        assert!(
            refused.allow.reasons.contains(Reason::EvaluationError),
            "allow {name}"
        );
    }
    // What decides regardless still does.
    assert!(allowed(&decide(
        "allow: {or: [{accept: }, {source_ip: 10.0.0.0/8}]}",
        &nowhere
    )));
    assert!(allowed(&decide(
        &format!("{deny}{{and: [{{reject: }}, {{source_ip: 10.0.0.0/8}}]}}"),
        &nowhere
    )));
}

#[test]
fn the_deciding_place_is_named() {
    let text =
        "- allow: {and: [{accept: }, {domain: example.com}]}\n- deny: {or: [{reject: }, {http_path: /x}]}\n";
    let place = |request: &Request| decide(text, request).decided_by.map(|path| path.to_string());
    assert_eq!(
        place(&signed_in()).unwrap(),
        "allow[0].and",
        "all of them together"
    );
    let elsewhere = Request {
        path: "/x".into(),
        ..signed_in()
    };
    assert_eq!(place(&elsewhere).unwrap(), "deny[1].or[1]");
    assert_eq!(
        place(&anonymous()).unwrap(),
        "allow[0].and[1]",
        "what asked for the login"
    );

    assert_eq!(decide("[]", &anonymous()).decided_by, None);
    let two = "- allow: {or: [{reject: }]}\n- allow: {or: [{http_path: /x}]}\n";
    assert_eq!(decide(two, &anonymous()).decided_by, None, "no alternative alone");
    let found = decide(two, &elsewhere).decided_by.unwrap();
    assert_eq!(found.to_string(), "allow[1].or[0]");
}

#[test]
fn a_login_is_asked_for_by_an_inverted_criterion_too() {
    let evaluation = decide("allow: {not: [{email: b@example.com}]}", &anonymous());
    assert!(evaluation.allow.value);
    assert_eq!(evaluation.outcome, Outcome::Challenge(Challenge::Login));
    assert!(allowed(&decide(
        "allow: {not: [{email: b@example.com}]}",
        &signed_in()
    )));
}

#[test]
fn a_session_without_a_user_passes_nothing_about_the_user() {
    let claims = portcullis_model::Claims::default();
    let nobody = Request {
        session: Some((String::new(), String::new(), claims)),
        ..anonymous()
    };
    for criterion in [
        "user: {}",
        "user: ''",
        "user: {not: a}",
        "user: {not_in: [a]}",
        "authenticated_user: ",
    ] {
        let evaluation = decide(&format!("allow: {{or: [{{{criterion}}}]}}"), &nobody);
        assert!(!allowed(&evaluation), "{criterion}");
        assert_eq!(
            evaluation.allow.reasons,
            Reason::UserUnauthorized.into(),
            "{criterion}"
        );
    }
}

#[test]
fn long_lists_of_alternatives_decide_and_name_their_criterion() {
    let mut text = String::from("allow:\n  or:\n");
    for i in 0..50 {
        text.push_str(&format!(
            "    - email: user{i}@example.com\n    - claim/groups: g{i}\n"
        ));
    }
    let program = program(&text);
    let with = |email: &str, group: &str| {
        let claims = [("groups".to_owned(), vec!["other".into(), group.into()])]
            .into_iter()
            .collect();
        Request {
            session: Some(("u".into(), email.into(), claims)),
            ..anonymous()
        }
    };
    let place = |request: &Request| {
        let evaluation = evaluate(&program, &request.input());
        (allowed(&evaluation), evaluation.decided_by.unwrap().to_string())
    };
    assert_eq!(
        place(&with("user7@example.com", "")),
        (true, "allow[0].or[14]".into())
    );
    assert_eq!(place(&with("", "g49")), (true, "allow[0].or[99]".into()));
    assert_eq!(
        place(&with("user50@example.com", "g50")),
        (false, "allow[0].or".into())
    );
}

/// The same policy with one more rule.
fn plus(policy: &Policy, rule: crate::ast::Rule) -> Policy {
    let mut more = policy.clone();
    more.rules.push(rule);
    more
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_deny_rule_never_lets_anybody_in(
        policy in policy(), deny in rule(Just(Action::Deny)), request in request(),
    ) {
        let before = evaluate(&compile(&policy).unwrap(), &request.input());
        let after = evaluate(&compile(&plus(&policy, deny)).unwrap(), &request.input());
        prop_assert!(allowed(&before) || !allowed(&after));
        prop_assert_eq!(before.allow, after.allow);
    }

    #[test]
    fn an_explanation_is_the_decision(policy in policy(), request in request()) {
        let program = compile(&policy).unwrap();
        let evaluation = evaluate(&program, &request.input());
        let trace = explain(&program, &request.input());
        prop_assert_eq!(&trace.evaluation, &evaluation);
        // Allowed only by the two verdicts, and only where nothing asks for more.
        let asks = |reason| evaluation.allow.reasons.contains(reason) || evaluation.deny.reasons.contains(reason);
        prop_assert_eq!(
            allowed(&evaluation),
            evaluation.allow.value && !evaluation.deny.value && !asks(Reason::UserUnauthenticated)
        );
        if let Some(path) = evaluation.decided_by
            && path.criterion.is_some()
        {
            prop_assert!(trace.steps.iter().any(|step| step.path == path));
        }
    }

    #[test]
    fn nothing_about_a_session_passes_without_one(policy in policy(), request in request()) {
        let request = Request { session: None, ..request };
        for step in explain(&compile(&policy).unwrap(), &request.input()).steps {
            let about_http = ["accept", "reject", "cors_preflight", "source_ip", "http_"];
            let about_session = !about_http.iter().any(|name| step.condition.starts_with(name));
            prop_assert_eq!(about_session, step.reason == Reason::UserUnauthenticated, "{}", step);
            prop_assert!(!about_session || step.holds == Some(false));
        }
    }

    #[test]
    fn not_knowing_never_permits_more_than_knowing(policy in policy(), request in request()) {
        let program = compile(&policy).unwrap();
        let unknown = evaluate(&program, &Request { source_ip: None, ..request.clone() }.input());
        for ip in ["10.0.0.1", "10.9.0.1", "2001:db8::1", "192.0.2.1"] {
            let known = Request { source_ip: ip.parse().ok(), ..request.clone() };
            let known = evaluate(&program, &known.input());
            prop_assert!(known.allow.value || !unknown.allow.value);
            prop_assert!(unknown.deny.value || !known.deny.value);
        }
    }
}
