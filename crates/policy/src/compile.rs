//! From a checked policy to its canonical program.

use std::sync::Arc;

use portcullis_document::Span;
use portcullis_model::CidrSet;

use crate::ast::{Action, Block, Condition, ListClause, Policy, TextClause};
use crate::error::{PolicyError, code};
use crate::matcher::{ListTest, TextSet, TextTest};
use crate::program::{Criterion, Program, Term, Test, Tree};

#[cfg(test)]
mod tests;

/// More criteria than a document within its own limits can hold.
const MAX_CRITERIA: usize = 1_000_000;

/// Compiles a policy. Blocks without criteria vanish: they decide nothing.
///
/// # Errors
/// `policy_too_large` if the policy has more than a million criteria.
pub fn compile(policy: &Policy) -> Result<Program, Vec<PolicyError>> {
    compile_within(policy, MAX_CRITERIA)
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

fn compile_within(policy: &Policy, limit: usize) -> Result<Program, Vec<PolicyError>> {
    check_size(policy, limit)?;
    let mut tree = Tree::default();
    let mut spans = Vec::new();
    for (rule, number) in policy.rules.iter().zip(0_u32..) {
        for block in rule.blocks.iter().filter(|block| !block.criteria.is_empty()) {
            let term = term(number, block);
            let places = block.criteria.iter().zip(0_u32..);
            spans.extend(
                places
                    .filter_map(|(criterion, at)| Some((term.path(rule.action, Some(at)), criterion.span?))),
            );
            spans.extend(block.span.map(|span| (term.path(rule.action, None), span)));
            let terms = match rule.action {
                Action::Allow => &mut tree.allow,
                Action::Deny => &mut tree.deny,
            };
            terms.push(term);
        }
    }
    Ok(Program::new(tree, spans))
}

fn term(rule: u32, block: &Block) -> Term {
    let criteria = block.criteria.iter();
    Term {
        rule,
        operator: block.operator,
        criteria: criteria
            .map(|criterion| Criterion(Arc::new(test(&criterion.condition))))
            .collect(),
    }
}

fn test(condition: &Condition) -> Test {
    match condition {
        Condition::Accept => Test::Accept,
        Condition::Reject => Test::Reject,
        Condition::AuthenticatedUser => Test::AuthenticatedUser,
        Condition::CorsPreflight => Test::CorsPreflight,
        Condition::SourceIp(nets) => Test::SourceIp(CidrSet::new(nets.iter().copied())),
        Condition::Text { field, clauses } => Test::Text(*field, text_tests(clauses)),
        Condition::Claim { path, clauses } => Test::Claim(path.as_str().into(), list_tests(clauses)),
        Condition::Groups(clauses) => Test::Groups(list_tests(clauses)),
        Condition::ClientCertificate(test) => Test::ClientCertificate(test.clone()),
        Condition::InvalidClientCertificate => Test::InvalidClientCertificate,
        Condition::Device(test) => Test::Device(test.clone()),
        Condition::SshPublicKey(keys) => Test::SshPublicKey(keys.clone()),
        Condition::SshCa(keys) => Test::SshCa(keys.clone()),
        Condition::SshUsernameMatchesEmail => Test::SshUsernameMatchesEmail,
        Condition::SshUsernameMatchesClaim(name) => Test::SshUsernameMatchesClaim(name.as_str().into()),
        Condition::Date(window) => Test::Date(*window),
        Condition::DayOfWeek(days) => Test::DayOfWeek(*days),
        Condition::TimeOfDay(time) => Test::TimeOfDay(time.clone()),
        Condition::Record(test) => Test::Record(test.clone()),
    }
}

fn text_tests(clauses: &[TextClause]) -> Vec<TextTest> {
    let mut tests: Vec<_> = clauses.iter().map(TextTest::new).collect();
    tests.sort_by_cached_key(text_rank);
    tests
}

fn list_tests(clauses: &[ListClause]) -> Vec<ListTest> {
    let mut tests: Vec<_> = clauses.iter().map(ListTest::new).collect();
    tests.sort_by_key(list_rank);
    tests
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
