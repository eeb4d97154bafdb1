use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;

use super::{compile, compile_with};
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
        "a4b63be90f6416af17c63e943b9a4b711713d4f86622539225acd03dd723a76a"
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
    assert_eq!(program.span(path(None)), None);
    let travelled: Program = serde_json::from_str(&serde_json::to_string(&program).unwrap()).unwrap();
    assert_eq!(travelled.span(path(Some(1))), None);
}

#[test]
fn too_many_criteria_are_refused() {
    let policy = read("- allow: {or: [{accept: }, {user: a}]}\n- deny: {or: [{reject: }]}\n");
    assert!(compile_with(&policy, 8, 3).is_ok());
    let errors = compile_with(&policy, 8, 2).unwrap_err();
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

/// Every operator, every mix of values and every answer to them: two criteria
/// that could share a look-up decide as they do apart.
#[test]
fn a_choice_is_its_criteria_under_every_operator() {
    for operator in ["and", "or", "not", "nor"] {
        for (one, other) in [("a", "a"), ("a", "b"), ("b", "a"), ("c", "d")] {
            for criterion in ["email", "claim/x"] {
                let text =
                    format!("allow: {{{operator}: [{{{criterion}: {one}}}, {{{criterion}: {other}}}]}}");
                let apart = compile_with(&read(&text), usize::MAX, 2).unwrap();
                let together = compile_with(&read(&text), 2, 2).unwrap();
                for (email, values) in [("a", vec!["b"]), ("b", vec!["a", "b"]), ("e", vec![])] {
                    let claims: Vec<_> = values.into_iter().map(serde_json::Value::from).collect();
                    let claims = [("x".to_owned(), claims)].into_iter().collect();
                    let request = arbitrary::Request {
                        method: "GET".into(),
                        path: "/".into(),
                        source_ip: None,
                        preflight: false,
                        session: Some(("u".into(), email.into(), claims)),
                    };
                    let (apart, together) = (
                        evaluate(&apart, &request.input()),
                        evaluate(&together, &request.input()),
                    );
                    assert_eq!(apart.allow, together.allow, "{text} {email}");
                    assert_eq!(apart.outcome, together.outcome, "{text} {email}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Putting criteria together to one look-up changes neither verdict, reason
    /// nor outcome.
    #[test]
    fn choices_decide_as_their_criteria(
        policy in arbitrary::policy(), request in arbitrary::request(), choice_from in 1_usize..4,
    ) {
        let apart = evaluate(&compile_with(&policy, usize::MAX, 1_000).unwrap(), &request.input());
        let together = evaluate(&compile_with(&policy, choice_from, 1_000).unwrap(), &request.input());
        prop_assert_eq!(apart.allow, together.allow);
        prop_assert_eq!(apart.deny, together.deny);
        prop_assert_eq!(apart.outcome, together.outcome);
    }

    #[test]
    fn programs_travel_unchanged(policy in arbitrary::policy(), request in arbitrary::request()) {
        let program = compile_with(&policy, 2, 1_000).unwrap();
        let travelled: Program = serde_json::from_str(&serde_json::to_string(&program).unwrap()).unwrap();
        prop_assert_eq!(&travelled, &program);
        prop_assert_eq!(evaluate(&travelled, &request.input()), evaluate(&program, &request.input()));
    }

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
