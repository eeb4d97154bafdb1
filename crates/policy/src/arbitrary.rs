//! Arbitrary policies and requests for property tests. The values come from a
//! few, so that criteria pass and fail about as often.

mod world;

use std::sync::LazyLock;

use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ast::{
    Action, Block, Condition, Criterion, ListClause, Operator, Policy, Rule, TextClause, TextField,
};
pub(crate) use world::{Message, Person, Request, request};

/// Criteria whose values have types of their own, as a policy spells them.
const WRITTEN: &[&str] = &[
    "date: {after: 2026-01-01}",
    "date: {after: '2025-01-01T00:00:00', before: '2026-01-10T12:00:00'}",
    "day_of_week: mon-wed",
    "day_of_week: sat,sun",
    "time_of_day: {timezone: Europe/Berlin, after: '9:00', before: 5 PM}",
    "time_of_day: {timezone: UTC, before: '12:00:00'}",
    "device: {}",
    "device: {approved: true}",
    "device: {approved: false, type: b}",
    "device: {is: a, type: any}",
    "client_certificate: {}",
    "client_certificate: {san_dns: {not: a}}",
    "client_certificate: {san_email: a@b, fingerprint: '0101010101010101010101010101010101010101010101010101010101010101'}",
    "invalid_client_certificate: true",
    "ssh_publickey: KEY1",
    "ssh_publickey: [KEY2, KEY1]",
    "ssh_publickey: []",
    "ssh_ca: CA1",
    "ssh_username_matches_email: true",
    "ssh_username_matches_claim: a",
    "record: {type: people, exists: true}",
    "record: {type: people, field: a, is: b}",
    "record: {type: people, field: a, has: a}",
    "record: {type: networks, field: n, '>=': '5'}",
    "record: {type: networks, exists: false}",
    "record: {type: nothing, exists: false}",
];

/// The same, read once.
static CONDITIONS: LazyLock<Vec<Condition>> =
    LazyLock::new(|| WRITTEN.iter().map(|criterion| written(criterion)).collect());

/// An SSH key, another, a certificate over the first for `a`, and who signed it.
pub(crate) const KEYS: [&str; 4] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMizSjHfRWedEUz0u0fm+KhMlfhYp+I5tyMmj07IxwXy",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGr882am/me+VYQbCBelJJ8x+lzYY3r6lB4/RgPWzYbvdeFby0YgZM/GNPd6YZBXTdGYI+V+/CO2C8qYXwk9AR4=",
    "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIFVwa7WefRPuVCPZIZv2oYaphsEsaSmFAOHMyiy3U+G3AAAAIMizSjHfRWedEUz0u0fm+KhMlfhYp+I5tyMmj07IxwXyAAAAAAAAAAcAAAABAAAAA3ZlYwAAAAkAAAAFYWxpY2UAAAAAZ3SFgAAAAACNEyMAAAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACAMpeBFwMsJXaSFlDor2mNl8d2y3BDhO+EJoEXp3Y5G8gAAAFMAAAALc3NoLWVkMjU1MTkAAABAQmaaX7G1Ce5qwVWf+s44LnZPJQUOcssxdNIj78D2y72y8RoePJsV220yjAxkBx2ciO0w2BhKwgq629wedk3ICw==",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAyl4EXAywldpIWUOivaY2Xx3bLcEOE74QmgRendjkby",
];

/// The condition of a criterion as a policy spells it.
fn written(criterion: &str) -> Condition {
    let criterion = criterion
        .replace("KEY1", KEYS[0])
        .replace("KEY2", KEYS[1])
        .replace("CA1", KEYS[3]);
    let text = format!("allow:\n  or:\n    - {criterion}\n");
    let node = parse_yaml(&text, &Limits::default())
        .expect("YAML")
        .expect("a document");
    let policy = crate::parse(&node).unwrap_or_else(|errors| panic!("{criterion}: {errors:?}"));
    policy.rules[0].blocks[0].criteria[0].condition.clone()
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "a@b", "b@a", "c@a@b", "GET", "OPTIONS", "/a"])
        .prop_map(String::from)
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::String),
        1 => prop::sample::select(vec![
            json!(5), json!(5.0), json!(true), json!(null), json!(["a"]), json!({"a": 1, "b": 2}),
        ]),
    ]
}

/// Operators of a string matcher, none twice, as a document has them.
fn text_clauses() -> impl Strategy<Value = Vec<TextClause>> {
    let clause = prop_oneof![
        4 => value().prop_map(TextClause::Is),
        1 => value().prop_map(TextClause::Not),
        2 => prop::collection::vec(value(), 0..12).prop_map(TextClause::In),
        1 => prop::collection::vec(value(), 0..4).prop_map(TextClause::NotIn),
        1 => text().prop_map(TextClause::Contains),
        1 => text().prop_map(TextClause::StartsWith),
        1 => text().prop_map(TextClause::EndsWith),
    ];
    several(clause)
}

fn list_clauses() -> impl Strategy<Value = Vec<ListClause>> {
    let clause = prop_oneof![
        4 => value().prop_map(ListClause::Has),
        1 => value().prop_map(ListClause::Is),
        1 => value().prop_map(ListClause::Exclude),
    ];
    several(clause)
}

/// Mostly one, so that criteria can be put together.
fn several<T: Clone + core::fmt::Debug>(clause: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    let size = prop::sample::select(vec![0_usize, 1, 1, 1, 1, 1, 2]);
    (prop::collection::vec(clause, 2), size).prop_map(|(mut clauses, size)| {
        clauses.truncate(size);
        clauses.dedup_by_key(|clause| core::mem::discriminant(clause));
        clauses
    })
}

/// What may be compared with a domain: texts alone.
fn loadable(mut clauses: Vec<TextClause>) -> Vec<TextClause> {
    for clause in &mut clauses {
        match clause {
            TextClause::Is(value) | TextClause::Not(value) if !value.is_string() => *value = "a".into(),
            TextClause::In(values) | TextClause::NotIn(values) => values.retain(Value::is_string),
            _ => {}
        }
    }
    clauses
}

/// Any criterion.
pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let field = prop::sample::select(vec![
        TextField::User,
        TextField::Email,
        TextField::Email,
        TextField::Domain,
        TextField::HttpMethod,
        TextField::HttpPath,
        TextField::SshUsername,
        TextField::McpTool,
    ]);
    let range = prop::sample::select(vec!["10.0.0.0/16", "10.9.0.0/16", "2001:db8::/32", "0.0.0.0/0"]);
    prop_oneof![
        1 => Just(Condition::Accept),
        1 => Just(Condition::Reject),
        1 => Just(Condition::AuthenticatedUser),
        1 => Just(Condition::CorsPreflight),
        7 => (field, text_clauses()).prop_map(|(field, clauses)| Condition::Text {
            field,
            clauses: if field == TextField::Domain { loadable(clauses) } else { clauses },
        }),
        3 => (text(), list_clauses()).prop_map(|(path, clauses)| Condition::Claim { path, clauses }),
        2 => list_clauses().prop_map(Condition::Groups),
        2 => prop::collection::vec(range, 0..3).prop_map(|ranges| {
            Condition::SourceIp(ranges.iter().map(|text| text.parse().expect("a range")).collect())
        }),
        6 => prop::sample::select(&CONDITIONS[..]),
    ]
}

/// A rule of any criteria.
pub(crate) fn rule(action: impl Strategy<Value = Action>) -> impl Strategy<Value = Rule> {
    rule_of(action, condition())
}

/// A rule of these criteria.
pub(crate) fn rule_of(
    action: impl Strategy<Value = Action>,
    condition: impl Strategy<Value = Condition>,
) -> impl Strategy<Value = Rule> {
    let operator = prop::sample::select(vec![
        Operator::And,
        Operator::Or,
        Operator::Or,
        Operator::Not,
        Operator::Nor,
    ]);
    let criterion = condition.prop_map(|condition| Criterion {
        span: None,
        condition,
    });
    let block = (operator, prop::collection::vec(criterion, 0..6)).prop_map(|(operator, criteria)| Block {
        span: None,
        operator,
        criteria,
    });
    (action, prop::collection::vec(block, 0..3)).prop_map(|(action, mut blocks)| {
        // A document has no key twice.
        blocks.sort_by_key(|block| block.operator);
        blocks.dedup_by_key(|block| block.operator);
        Rule { action, blocks }
    })
}

/// A policy of any rules.
pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let action = prop::sample::select(vec![Action::Allow, Action::Allow, Action::Deny]);
    prop::collection::vec(rule(action), 0..5).prop_map(of_rules)
}

/// The policy of these rules.
pub(crate) const fn of_rules(rules: Vec<Rule>) -> Policy {
    Policy {
        rules,
        warnings: Vec::new(),
    }
}

#[test]
fn every_criterion_is_tried() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut names: Vec<_> = (0..2_000)
        .map(|_| {
            condition()
                .new_tree(&mut runner)
                .expect("a condition")
                .current()
                .name()
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, crate::parse::SUPPORTED);
}
