use portcullis_config::{Advice, Route, RoutePolicy};
use portcullis_document::{Limits, parse_yaml};
use portcullis_policy::{Legacy, Policy, compile, parse};
use serde_json::json;

use crate::support::{any_route, codes, route};

/// The route with these sub-policies, each a flow map.
fn with(sub_policies: &[&str]) -> Route {
    route(&lines(sub_policies))
}

fn lines(sub_policies: &[&str]) -> String {
    let items: Vec<_> = sub_policies
        .iter()
        .map(|item| format!("      - {item}\n"))
        .collect();
    format!(
        "    allowed_users: [u@a.test]\n    sub_policies:\n{}",
        items.concat()
    )
}

/// Whether both mean the same, wherever they stand.
#[track_caller]
fn same(route: &Route, expected: &Policy) {
    let RoutePolicy::Valid(policy) = &route.policy else {
        panic!("the policy is invalid: {:?}", route.invalid)
    };
    assert_eq!(compile(policy).unwrap(), compile(expected).unwrap());
}

fn embedded(text: &str) -> Policy {
    parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()
}

fn users(users: &[&str]) -> Legacy {
    Legacy {
        users: users.iter().map(|&user| user.to_owned()).collect(),
        ..Legacy::default()
    }
}

#[test]
fn route_key_sub_policies() {
    let alone = Policy::from_route(&users(&["u@a.test"]), None);
    for nothing in [
        "[]",
        "~",
        "{}",
        "[{}]",
        "[{name: a}]",
        "[{Rego: []}]",
        "[{rego: ['', ' ']}]",
        "[{source_ppl: ' '}]",
    ] {
        same(
            &route(&format!(
                "    allowed_users: [u@a.test]\n    sub_policies: {nothing}\n"
            )),
            &alone,
        );
    }
    // One may stand without a list.
    let one = route("    sub_policies: {Allowed_Users: [u@a.test]}\n");
    same(&one, &alone);
    assert_eq!(one.advice, []);
    for wrong in [
        "x",
        "[x]",
        "[[]]",
        "[{allowed_users: {a: b}}]",
        "[{source_ppl: [a]}]",
        "[{id: {}}]",
    ] {
        let route = any_route(&format!(
            "{}    sub_policies: {wrong}\n",
            "    allowed_users: [u@a.test]\n"
        ));
        assert!(matches!(route.policy, RoutePolicy::Invalid), "{wrong}");
        assert!(route.invalid.is_some(), "{wrong}");
    }
}

#[test]
fn route_key_sub_policies_allowed_users() {
    let route = with(&["{allowed_users: [v@a.test, w@a.test]}", "{allowed_users: 'x,y'}"]);
    same(
        &route,
        &Policy::from_route(&users(&["u@a.test", "v@a.test", "w@a.test", "x", "y"]), None),
    );
    let text = format!("{}{}", crate::support::ROUTE, lines(&["{allowed_users: ['']}"]));
    assert!(codes(&text).contains(&"empty_entry"));
}

#[test]
fn route_key_sub_policies_allowed_domains() {
    let route = with(&["{allowed_domains: [a.test]}", "{allowed_domains: [b.test]}"]);
    let legacy = Legacy {
        domains: vec!["a.test".into(), "b.test".into()],
        ..users(&["u@a.test"])
    };
    same(&route, &Policy::from_route(&legacy, None));
}

#[test]
fn route_key_sub_policies_allowed_idp_claims() {
    let route = with(&[
        "{allowed_idp_claims: {Team: [a, 1]}}",
        "{allowed_idp_claims: {Team: b, x: y}}",
    ]);
    let of = |value: [(&str, Vec<serde_json::Value>); 3]| Legacy {
        claims: value.map(|(name, values)| (name.to_owned(), values)).into(),
        ..users(&["u@a.test"])
    };
    let expected = of([
        ("Team", vec![json!("a"), json!(1)]),
        ("Team", vec![json!("b")]),
        ("x", vec![json!("y")]),
    ]);
    same(&route, &Policy::from_route(&expected, None));
}

#[test]
fn route_key_sub_policies_source_ppl() {
    let sub = r#"{source_ppl: "allow:\n  and:\n    - claim/Team: a\n"}"#;
    let json = r#"{source_ppl: '[{"deny": {"or": [{"http_path": "/x"}]}}]'}"#;
    let rules = "- allow: {and: [claim/Team: a]}\n- deny: {or: [http_path: /x]}\n";
    same(
        &with(&[sub, json]),
        &Policy::from_route(&users(&["u@a.test"]), Some(&embedded(rules))),
    );
    let lines =
        format!("    policy: {{deny: {{or: [http_method: TRACE]}}}}\n    sub_policies: [{sub}, {json}]\n");
    let before = format!("- deny: {{or: [http_method: TRACE]}}\n{rules}");
    same(
        &route(&lines),
        &Policy::from_route(&Legacy::default(), Some(&embedded(&before))),
    );
    // Words of the language are not lowered in what is text to a loader.
    for wrong in [
        "{source_ppl: 'Allow: {}'}",
        "{source_ppl: 'allow'}",
        "{source_ppl: '[[]]'}",
        "{source_ppl: 'allow: {and: [emial: x]}'}",
        "{source_ppl: '{a: 1, a: 2}'}",
        "{source_ppl: '- ['}",
        "{source_ppl: 5}",
    ] {
        let route = any_route(&self::lines(&[wrong]));
        assert!(matches!(route.policy, RoutePolicy::Invalid), "{wrong}");
        let invalid = route.invalid.unwrap();
        assert!(invalid.contains(": config.yaml:6:10: "), "at the key: {invalid}");
    }
    assert_eq!(with(&["{source_ppl: '# nothing'}"]).invalid, None);
}

/// A short text that aliases blow up is refused.
#[test]
fn source_ppl_is_bounded() {
    let bomb =
        "a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]";
    let route = any_route(&lines(&[&format!("{{source_ppl: \"{bomb}\"}}")]));
    assert!(route.invalid.unwrap().contains("in `source_ppl`"), "too much");
}

#[test]
fn rego_is_an_error_of_its_route() {
    for rego in ["x", "[x]", "['', 'allow := true']"] {
        let route = any_route(&lines(&[&format!("{{name: a, rego: {rego}}}")]));
        assert!(matches!(route.policy, RoutePolicy::Invalid), "{rego}");
        assert!(
            route
                .invalid
                .unwrap()
                .starts_with("rego_unsupported: config.yaml:6:19: ")
        );
    }
}

fn advice(explanation: &str, remediation: &str) -> Advice {
    Advice {
        explanation: explanation.into(),
        remediation: remediation.into(),
    }
}

#[test]
fn route_key_sub_policies_explanation() {
    let route = with(&[
        "{explanation: ' For sales. '}",
        "{name: silent}",
        "{explanation: 5}",
    ]);
    assert_eq!(route.advice, [advice("For sales.", ""), advice("5", "")]);
    let long = "ä".repeat(2_000);
    let text = format!(
        "{}{}",
        crate::support::ROUTE,
        lines(&[&format!("{{explanation: {long}}}")])
    );
    assert_eq!(
        codes(&text).iter().filter(|code| **code == "advice_cut").count(),
        1
    );
    let route = with(&[&format!("{{explanation: {long}}}")]);
    assert_eq!(route.advice, [advice(&format!("{}…", "ä".repeat(1_024)), "")]);
}

#[test]
fn route_key_sub_policies_remediation() {
    let route = with(&["{explanation: a, remediation: b}", "{remediation: c}"]);
    assert_eq!(route.advice, [advice("a", "b"), advice("", "c")]);
    let many = vec!["{remediation: c}"; 40];
    let text = format!("{}{}", crate::support::ROUTE, lines(&many));
    assert_eq!(
        codes(&text).iter().filter(|code| **code == "advice_cut").count(),
        8
    );
    assert_eq!(with(&many).advice.len(), 32);
}

#[test]
fn route_key_sub_policies_id() {
    assert_eq!(with(&["{id: a}", "{id: 5}"]).advice, []);
}

#[test]
fn route_key_sub_policies_name() {
    assert_eq!(with(&["{name: a}"]).advice, []);
}

#[test]
fn route_key_show_error_details() {
    let shows = |lines: &str| route(&format!("    allowed_users: [a]\n{lines}")).show_error_details;
    assert!(!shows(""));
    assert!(!shows("    show_error_details: false\n"));
    assert!(shows("    show_error_details: true\n"));
}
