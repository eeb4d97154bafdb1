use portcullis_document::{Limits, parse_yaml};

use super::{Challenge, Evaluation, Finding, Observer, Outcome, Refusal, evaluate, run};
use crate::arbitrary::{Message, Person, Request};
use crate::plan::Leaf;
use crate::reason::Reason;
use crate::{Program, compile, parse};

fn program(text: &str) -> Program {
    compile(&parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()).unwrap()
}

fn anonymous() -> Request {
    Request::default()
}

fn signed_in() -> Request {
    person("u", "a@example.com")
}

fn person(user_id: &str, email: &str) -> Request {
    Request {
        session: Some(Person {
            user_id: user_id.into(),
            email: email.into(),
            ..Person::default()
        }),
        ..Request::default()
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
    let place = |text: &str, request: &Request| decide(text, request).decided_by.unwrap().to_string();
    assert_eq!(place(text, &signed_in()), "allow[0].and", "all of them together");
    let elsewhere = Request {
        path: "/x".into(),
        ..signed_in()
    };
    assert_eq!(place(text, &elsewhere), "deny[1].or[1]");
    assert_eq!(
        place(text, &anonymous()),
        "allow[0].and[1]",
        "what asked for the login"
    );

    assert_eq!(decide("[]", &anonymous()).decided_by, None);
    let two = "- allow: {or: [{http_path: /y}]}\n- allow: {or: [{reject: }, {http_path: /x}]}\n";
    assert_eq!(
        place(two, &anonymous()),
        "allow[1].or[0]",
        "the cheapest of those that failed"
    );
    assert_eq!(place(two, &elsewhere), "allow[1].or[1]");
    // The look-up is one; its criteria are not.
    let emails =
        "- allow: {or: [{email: a@b}]}\n- allow: {or: [{reject: }, {email: {in: [c@d, a@example.com]}}]}\n";
    assert_eq!(place(emails, &signed_in()), "allow[1].or[1]");
    assert_eq!(place(emails, &person("u", "c@d")), "allow[1].or[1]");
    assert_eq!(place(emails, &person("u", "a@b")), "allow[0].or[0]");
    let not = "allow: {not: [{email: a@b}, {email: c@d}]}";
    assert_eq!(place(not, &person("u", "c@d")), "allow[0].not[1]");
    assert_eq!(place(not, &signed_in()), "allow[0].not", "neither of them");
    assert_eq!(
        place("allow: {and: [{accept: }]}", &anonymous()),
        "allow[0].and[0]"
    );
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
    let nobody = person("", "");
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
        let mut request = person("u", email);
        request.session.as_mut().unwrap().claims = claims;
        request
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
        (false, "allow[0].or[0]".into())
    );
}

#[test]
fn what_no_longer_matters_is_not_looked_at() {
    /// Counts the leaves that the interpreter looks at.
    struct Counting(usize);
    impl Observer for Counting {
        const EXHAUSTIVE: bool = false;
        fn leaf(&mut self, _: &Leaf, _: Finding) {
            self.0 += 1;
        }
    }
    let looks = |text: &str, request: &Request| {
        let mut counting = Counting(0);
        let _ = run(&program(text), &request.input(), &mut counting);
        counting.0
    };
    // An alternative that can add no reason once one holds.
    let paths = "allow: {or: [{http_path: {starts_with: /}}, {http_path: {contains: x}}]}";
    assert_eq!(looks(paths, &anonymous()), 1);
    let elsewhere = Request {
        path: "x".into(),
        ..anonymous()
    };
    assert_eq!(looks(paths, &elsewhere), 2);
    // Another reason may still come.
    assert_eq!(
        looks("allow: {or: [{accept: }, {http_path: /}]}", &anonymous()),
        2
    );
    // A rule that has failed already, beside one that holds.
    let rules = "- allow: {or: [{accept: }]}\n- allow: {and: [{http_path: /x}, {claim/a: b}]}\n";
    assert_eq!(looks(rules, &signed_in()), 2);
    // A device may be asked for.
    let devices = "allow: {or: [{accept: }, {device: {}}, {device: {type: b}}]}";
    assert_eq!(looks(devices, &anonymous()), 3);
}

#[test]
fn the_last_device_of_the_policy_is_asked_for() {
    let device = |text: &str| {
        let evaluation = decide(text, &signed_in());
        evaluation.device_type.map(|device| device.to_string())
    };
    assert_eq!(device("allow: {or: [{accept: }]}"), None);
    assert_eq!(
        device("allow: {or: [{device: {approved: true}}]}").unwrap(),
        "any"
    );
    let two = "- allow: {and: [{device: {type: b}}, {claim/a: b}]}\n- allow: {or: [{device: {type: c}}]}\n";
    assert_eq!(device(two).unwrap(), "c");
    // Only criteria on the side that decided count.
    assert_eq!(
        device("allow: {and: [{device: {type: b}}, {device: {}}]}").unwrap(),
        "b"
    );
    let deny = "- deny: {or: [{device: {type: d}}]}\n- allow: {or: [{device: {type: c}}]}\n";
    assert_eq!(device(deny).unwrap(), "d", "deny rules come last");
}

#[test]
fn directory_groups_need_a_directory() {
    let with = |groups: Option<&[&str]>| {
        let mut request = signed_in();
        request.session.as_mut().unwrap().groups =
            groups.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
        request
    };
    for (criterion, groups, holds) in [
        ("groups: a", Some(&["b", "a"][..]), true),
        ("groups: a", Some(&["b"]), false),
        ("groups: {exclude: a}", Some(&[]), true),
        ("groups: {exclude: a}", None, false),
        ("groups: {}", None, false),
        ("groups: [a]", Some(&["a"]), false),
    ] {
        let text = format!("allow: {{or: [{{{criterion}}}]}}");
        let evaluation = decide(&text, &with(groups));
        assert_eq!(allowed(&evaluation), holds, "{criterion} {groups:?}");
        // One look-up for several decides alike.
        let text = format!("allow: {{or: [{{{criterion}}}, {{groups: z}}]}}");
        assert_eq!(
            allowed(&decide(&text, &with(groups))),
            holds,
            "{criterion} {groups:?}"
        );
    }
}

#[test]
fn tools_that_cannot_be_read_count_against_the_request() {
    let with = |mcp| Request { mcp, ..anonymous() };
    let deny = "- allow: {or: [{accept: }]}\n- deny: {or: [{mcp_tool: {starts_with: admin_}}]}\n";
    let denied = decide(deny, &with(Message::Unreadable));
    assert_eq!(denied.outcome, Outcome::Deny(Reason::EvaluationError.into()));
    assert!(!allowed(&decide(deny, &with(Message::Call("tools/call", None)))));
    assert!(!allowed(&decide(
        "allow: {not: [{mcp_tool: a}]}",
        &with(Message::Unreadable)
    )));
    assert!(allowed(&decide(deny, &with(Message::Call("initialize", None)))));
    assert!(allowed(&decide(
        deny,
        &with(Message::Call("tools/call", Some("search".into())))
    )));
    let call = decide(deny, &with(Message::Call("tools/call", Some("admin_x".into()))));
    assert_eq!(call.refusal(), Some(Refusal::McpJsonRpc));
}
