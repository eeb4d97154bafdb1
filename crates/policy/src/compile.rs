//! From a checked policy to its canonical program.

use std::collections::{BTreeMap, HashMap};

use portcullis_document::Span;
use portcullis_model::CidrSet;
use serde_json::Value;

use crate::ast::{Action, Block, Condition, Criterion, ListClause, Operator, Policy, TextClause, TextField};
use crate::error::{PolicyError, code};
use crate::matcher::{Keyed, ListTest, TextSet, TextTest, ValueChoice, canonical};
use crate::program::{Member, NodePath, Program, Spans, Term, Test, Tree};

#[cfg(test)]
mod tests;

/// More criteria than a document within its own limits can hold.
const MAX_CRITERIA: usize = 1_000_000;

/// From this many on, criteria of one block that compare the same thing become
/// one look-up; below, each is looked at and explained on its own.
const CHOICE_FROM: usize = 8;

/// Compiles a policy. Blocks without criteria vanish: they decide nothing.
///
/// # Errors
/// `policy_too_large` if the policy has more than a million criteria.
pub fn compile(policy: &Policy) -> Result<Program, Vec<PolicyError>> {
    compile_with(policy, CHOICE_FROM, MAX_CRITERIA)
}

/// Whether [`compile`] would take the policy; far cheaper.
///
/// # Errors
/// Those of [`compile`].
pub fn check(policy: &Policy) -> Result<(), Vec<PolicyError>> {
    check_size(policy, MAX_CRITERIA)
}

fn check_size(policy: &Policy, limit: usize) -> Result<(), Vec<PolicyError>> {
    let blocks = || policy.rules.iter().flat_map(|rule| &rule.blocks);
    let count: usize = blocks().map(|block| block.criteria.len()).sum();
    if count > limit || policy.rules.len() > limit {
        let span = blocks()
            .flat_map(|block| &block.criteria)
            .find_map(|criterion| criterion.span);
        return Err(vec![PolicyError {
            span: span.unwrap_or(Span::START),
            code: code::TOO_LARGE,
            message: format!("the policy has {count} criteria, at most {limit} are possible"),
            help: Some(
                "list values in one criterion (`in`), or let the identity provider send a claim".into(),
            ),
        }]);
    }
    Ok(())
}

fn compile_with(policy: &Policy, choice_from: usize, limit: usize) -> Result<Program, Vec<PolicyError>> {
    check_size(policy, limit)?;
    let mut tree = Tree::default();
    let mut spans = Spans::new();
    for (rule, number) in policy.rules.iter().zip(0_u32..) {
        for block in rule.blocks.iter().filter(|block| !block.criteria.is_empty()) {
            let path = NodePath {
                action: rule.action,
                rule: number,
                operator: block.operator,
                criterion: None,
            };
            spans.extend(block.criteria.iter().zip(0_u32..).filter_map(|(criterion, at)| {
                Some((
                    NodePath {
                        criterion: Some(at),
                        ..path
                    },
                    criterion.span?,
                ))
            }));
            let terms = match rule.action {
                Action::Allow => &mut tree.allow,
                Action::Deny => &mut tree.deny,
            };
            terms.push(Term {
                rule: number,
                operator: block.operator,
                members: members(block, choice_from),
            });
        }
    }
    Ok(Program::new(tree, spans))
}

/// What several criteria may share a look-up for.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Subject<'a> {
    Text(TextField),
    Claim(&'a str),
}

/// The members of a block. In `or` one match suffices and in `not` one match
/// refutes, so there criteria that compare one thing for equality may become a
/// look-up: the value and the reasons are the same (a property test holds it).
fn members(block: &Block, choice_from: usize) -> Vec<Member> {
    let mut sizes: HashMap<Subject<'_>, usize> = HashMap::new();
    if matches!(block.operator, Operator::Or | Operator::Not) {
        for subject in block
            .criteria
            .iter()
            .filter_map(|criterion| Some(choice(&criterion.condition)?.0))
        {
            *sizes.entry(subject).or_default() += 1;
        }
    }
    let mut members = Vec::new();
    let mut choices: BTreeMap<Subject<'_>, Vec<(&Value, u32)>> = BTreeMap::new();
    for (Criterion { condition, .. }, at) in block.criteria.iter().zip(0_u32..) {
        match choice(condition) {
            Some((subject, value)) if sizes.get(&subject).is_some_and(|size| *size >= choice_from) => {
                choices.entry(subject).or_default().push((value, at));
            }
            _ => members.push(Member {
                at,
                test: test(condition),
            }),
        }
    }
    members.extend(choices.into_iter().map(|(subject, entries)| {
        Member {
            at: entries.first().map_or(0, |(_, at)| *at),
            test: match subject {
                Subject::Text(field) => Test::TextChoice(
                    field,
                    Keyed::new(
                        entries
                            .iter()
                            .filter_map(|(value, at)| Some((text(value)?, *at)))
                            .collect(),
                    ),
                ),
                Subject::Claim(path) => Test::ClaimChoice(
                    path.into(),
                    ValueChoice::new(entries.into_iter().map(|(value, at)| (canonical(value), at))),
                ),
            },
        }
    }));
    members.sort_by_key(|member| member.at);
    members
}

/// What the condition compares and with which single value, if it is no more
/// than that.
fn choice(condition: &Condition) -> Option<(Subject<'_>, &Value)> {
    match condition {
        Condition::Text { field, clauses } => match clauses.as_slice() {
            [TextClause::Is(value)] => Some((Subject::Text(*field), value)),
            _ => None,
        },
        Condition::Claim { path, clauses } => match clauses.as_slice() {
            [ListClause::Has(value)] => Some((Subject::Claim(path), value)),
            _ => None,
        },
        _ => None,
    }
}

fn test(condition: &Condition) -> Test {
    match condition {
        Condition::Accept => Test::Accept,
        Condition::Reject => Test::Reject,
        Condition::AuthenticatedUser => Test::AuthenticatedUser,
        Condition::CorsPreflight => Test::CorsPreflight,
        Condition::SourceIp(nets) => Test::SourceIp(CidrSet::new(nets.iter().copied())),
        Condition::Text { field, clauses } => {
            let mut tests: Vec<_> = clauses.iter().map(text_test).collect();
            tests.sort_by_key(text_rank);
            Test::Text(*field, tests)
        }
        Condition::Claim { path, clauses } => {
            let mut tests: Vec<_> = clauses.iter().map(list_test).collect();
            tests.sort_by_key(list_rank);
            Test::Claim(path.as_str().into(), tests)
        }
    }
}

/// `is` is a set of one. What is no text never equals a text, so it leaves a set
/// without changing what the set decides.
fn text_test(clause: &TextClause) -> TextTest {
    match clause {
        TextClause::Is(value) => TextTest::In(TextSet::new(text(value))),
        TextClause::Not(value) => TextTest::NotIn(TextSet::new(text(value))),
        TextClause::In(values) => TextTest::In(TextSet::new(values.iter().filter_map(text))),
        TextClause::NotIn(values) => TextTest::NotIn(TextSet::new(values.iter().filter_map(text))),
        TextClause::Contains(part) => TextTest::Contains(part.as_str().into()),
        TextClause::StartsWith(start) => TextTest::StartsWith(start.as_str().into()),
        TextClause::EndsWith(end) => TextTest::EndsWith(end.as_str().into()),
    }
}

fn list_test(clause: &ListClause) -> ListTest {
    match clause {
        ListClause::Has(value) => ListTest::Has(canonical(value)),
        ListClause::Is(value) => ListTest::Is(canonical(value)),
        ListClause::Exclude(value) => ListTest::Exclude(canonical(value)),
    }
}

fn text(value: &Value) -> Option<Box<str>> {
    value.as_str().map(Box::from)
}

/// All tests of one matcher must hold, so their order is free; this one makes
/// equal matchers equal. Sets differ in size too: `{is: a, in: [b, a]}`.
fn text_rank(test: &TextTest) -> (u8, Vec<String>) {
    let of = |set: &TextSet| set.texts().into_iter().map(String::from).collect();
    match test {
        TextTest::In(set) => (0, of(set)),
        TextTest::NotIn(set) => (1, of(set)),
        TextTest::Contains(part) => (2, vec![part.to_string()]),
        TextTest::StartsWith(start) => (3, vec![start.to_string()]),
        TextTest::EndsWith(end) => (4, vec![end.to_string()]),
    }
}

const fn list_rank(test: &ListTest) -> u8 {
    match test {
        ListTest::Has(_) => 0,
        ListTest::Is(_) => 1,
        ListTest::Exclude(_) => 2,
    }
}
