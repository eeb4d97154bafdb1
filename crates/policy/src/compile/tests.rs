use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;

use super::{compile, compile_within};
use crate::ast::Policy;
use crate::program::Program;
use crate::{Legacy, arbitrary, evaluate, parse};

fn read(text: &str) -> Policy {
    parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()
}

fn program(text: &str) -> Program {
    compile(&read(text)).unwrap()
}

#[test]
fn equal_policies_are_equal_programs() {
    for (one, other) in [
        (
            "allow: {or: [{user: {in: [b, a, b]}}]}",
            "allow:\n  or:\n  - user: {in: [a, b, 5]}\n",
        ),
        (
            "allow: {or: [{user: {is: a, not: b}}]}",
            "allow: {or: [{user: {not: b, is: a}}]}",
        ),
        (
            "allow: {or: [{claim/x: {has: 5, exclude: 6}}]}",
            "allow: {or: [{claim/x: {exclude: 6.0, has: 5.0}}]}",
        ),
        (
            "allow: {or: [{claim/x: {is: {a: 1, b: 2}}}]}",
            "allow: {or: [{claim/x: {is: {b: 2, a: 1}}}]}",
        ),
        (
            "allow: {or: [{source_ip: 10.1.2.3/8}]}",
            "allow: {or: [{source_ip: [10.0.0.0/8]}]}",
        ),
        (
            "allow: {or: [{accept: true}], and: []}",
            "allow: {or: [{accept/x: false}]}",
        ),
    ] {
        assert_eq!(program(one), program(other), "{one} {other}");
        assert_eq!(program(one).digest(), program(other).digest());
    }
}

#[test]
fn different_policies_are_different_programs() {
    let texts = [
        "[]",
        "allow: {or: [{accept: }]}",
        "deny: {or: [{accept: }]}",
        "allow: {and: [{accept: }]}",
        "allow: {or: [{reject: }]}",
        "allow: {or: [{user: a}]}",
        "allow: {or: [{user: {not: a}}]}",
        "allow: {or: [{email: a}]}",
        "allow: {or: [{claim/a: a}]}",
        "allow: {or: [{claim/A: a}]}",
        "allow: {or: [{claim/a: 5}]}",
        "allow: {or: [{claim/a: '5'}]}",
        "allow: {or: [{claim/a: {is: a}}]}",
        "allow: {or: [{user: {}}]}",
        "allow: {or: [{user: {in: []}}]}",
        "allow: {or: [{groups: a}]}",
        "allow: {or: [{ssh_username: a}]}",
        "allow: {or: [{mcp_tool: a}]}",
        "allow: {or: [{invalid_client_certificate: }]}",
        "allow: {or: [{client_certificate: {}}]}",
        "allow: {or: [{client_certificate: {san_dns: a}}]}",
        "allow: {or: [{device: {}}]}",
        "allow: {or: [{device: {approved: false}}]}",
        "allow: {or: [{device: {type: any}}]}",
        "allow: {or: [{ssh_publickey: []}]}",
        "allow: {or: [{ssh_ca: []}]}",
        "allow: {or: [{ssh_username_matches_email: }]}",
        "allow: {or: [{ssh_username_matches_claim: a}]}",
        "allow: {or: [{date: {after: 2026-01-01}}]}",
        "allow: {or: [{date: {before: 2026-01-01}}]}",
        "allow: {or: [{day_of_week: mon}]}",
        "allow: {or: [{time_of_day: {timezone: UTC, after: '9:00'}}]}",
        "allow: {or: [{time_of_day: {timezone: Europe/Berlin, after: '9:00'}}]}",
        "allow: {or: [{record: {type: a, exists: true}}]}",
        "allow: {or: [{record: {type: a, exists: false}}]}",
    ];
    let digests: std::collections::HashSet<_> = texts.iter().map(|text| program(text).digest()).collect();
    assert_eq!(digests.len(), texts.len());
}

#[test]
fn the_digest_is_a_constant_of_the_content() {
    // It names programs across processes and versions: when this changes, the
    // form in `program::digest` must get another number.
    let text = "- allow: {or: [{email: {in: [b@example.com, a@example.com]}}, {claim/x: 5}]}\n- deny: {not: [{source_ip: 10.0.0.0/8}]}\n";
    assert_eq!(
        hex::encode(program(text).digest()),
        "a86d794e1d7bff0a51f41310d52d86349ad8c461dee21252ca55c24af09f86cc"
    );
}

#[test]
fn positions_are_kept_beside_the_content() {
    let program = program("- allow:\n    or:\n      - accept:\n      - user: a\n");
    let moved = self::program("\n\n- allow:\n    or:\n      - accept:\n      - user: a\n");
    assert_eq!(program, moved);
    let path = |at| crate::NodePath {
        action: crate::Action::Allow,
        rule: 0,
        operator: crate::Operator::Or,
        criterion: at,
    };
    assert_eq!(program.span(path(Some(1))).unwrap().to_string(), "4:9");
    assert_eq!(moved.span(path(Some(1))).unwrap().to_string(), "6:9");
    assert_eq!(program.span(path(Some(2))), None);
    assert_eq!(
        program.span(path(None)).unwrap().to_string(),
        "2:5",
        "the operator"
    );
    let travelled: Program = serde_json::from_str(&serde_json::to_string(&program).unwrap()).unwrap();
    assert_eq!(travelled.span(path(Some(1))), None);
}

#[test]
fn too_many_criteria_are_refused() {
    let policy = read("- allow: {or: [{accept: }, {user: a}]}\n- deny: {or: [{reject: }]}\n");
    assert!(compile_within(&policy, 3).is_ok());
    let errors = compile_within(&policy, 2).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].code, errors[0].span.to_string().as_str()),
        ("policy_too_large", "1:17")
    );
    assert_eq!(
        errors[0].message,
        "the policy has 3 criteria, at most 2 are possible"
    );
}

#[test]
fn a_program_that_is_no_program_is_refused() {
    for text in [
        "{}",
        "null",
        r#"{"allow":[],"deny":[],"more":[]}"#,
        r#"{"allow":[{"rule":0}],"deny":[]}"#,
    ] {
        assert!(serde_json::from_str::<Program>(text).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Route fields widen and never narrow what a document allows.
    #[test]
    fn route_fields_only_add(policy in arbitrary::policy(), request in arbitrary::request()) {
        let legacy = Legacy { public: true, ..Legacy::default() };
        let alone = evaluate(&compile(&policy).unwrap(), &request.input());
        let merged = compile(&Policy::from_route(&legacy, Some(&policy))).unwrap();
        let merged = evaluate(&merged, &request.input());
        prop_assert!(merged.allow.value);
        prop_assert_eq!(alone.deny, merged.deny);
        let unchanged = compile(&Policy::from_route(&Legacy::default(), Some(&policy))).unwrap();
        prop_assert_eq!(unchanged, compile(&policy).unwrap());
    }
}
