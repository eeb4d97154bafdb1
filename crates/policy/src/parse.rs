//! From a document to a checked policy: the grammar of PPL.
//!
//! ```text
//! policy    = rule-object | list of rule-objects
//! rule      = { allow: block-object, deny: block-object }         either, both or none
//! block     = { and: [criterion], or: …, not: …, nor: … }         a key `action` is ignored
//! criterion = { name[/sub-path]: value }                          exactly one key
//! ```

mod criterion;
mod matcher;
mod problems;
#[cfg(test)]
mod tests;
mod warning;

use portcullis_document::{Entry, Kind, Node, Value};

#[cfg(test)]
pub(crate) use criterion::SUPPORTED;
pub(crate) use matcher::text_clauses;
pub(crate) use problems::{Problems, shown};

use crate::ast::{Action, Block, Criterion, Operator, Policy, Rule};
use crate::error::{PolicyError, code};

const ACTIONS: [Action; 2] = [Action::Allow, Action::Deny];
const OPERATORS: [Operator; 4] = [Operator::And, Operator::Or, Operator::Not, Operator::Nor];

/// Reads a policy. Names are case sensitive. Values are checked here too, so
/// that a policy that parses also compiles.
///
/// # Errors
/// Every problem of the policy, in the order of its text. Each concerns this
/// policy alone.
pub fn parse(node: &Node) -> Result<Policy, Vec<PolicyError>> {
    let mut problems = Problems::default();
    let rules = document(node, &mut problems);
    problems.into_result().map(|warnings| Policy { rules, warnings })
}

fn document(node: &Node, problems: &mut Problems) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(items) = node.as_seq() {
        for item in items {
            match item.as_map() {
                Some(entries) => rule_object(entries, &mut rules, problems),
                None => problems.add(
                    item.span,
                    code::DOCUMENT_TYPE,
                    format!(
                        "found {}, expected an object with `allow` or `deny`",
                        item.describe()
                    ),
                ),
            }
        }
    } else if let Some(entries) = node.as_map() {
        rule_object(entries, &mut rules, problems);
    } else {
        problems.add(
            node.span,
            code::DOCUMENT_TYPE,
            format!(
                "found {}, expected an object with `allow` or `deny`, or a list of such",
                node.describe()
            ),
        );
    }
    rules
}

fn rule_object(entries: &[Entry], rules: &mut Vec<Rule>, problems: &mut Problems) {
    for entry in entries {
        let Some(action) = ACTIONS.into_iter().find(|action| action.name() == entry.key) else {
            problems.add_with_help(
                entry.key_span,
                code::ACTION_UNKNOWN,
                format!(
                    "unknown action `{}`, expected `allow` or `deny`",
                    shown(&entry.key)
                ),
                problems.did_you_mean(&entry.key, ACTIONS.iter().map(|action| action.name())),
            );
            continue;
        };
        match entry.value.as_map() {
            Some(blocks) => rules.push(Rule {
                action,
                blocks: operator_object(action, blocks, problems),
            }),
            None => problems.add(
                entry.value.span,
                code::ACTION_TYPE,
                format!(
                    "found {} in `{}`, expected an object with `and`, `or`, `not` or `nor`",
                    entry.value.describe(),
                    action.name()
                ),
            ),
        }
    }
}

fn operator_object(action: Action, entries: &[Entry], problems: &mut Problems) -> Vec<Block> {
    let mut blocks = Vec::new();
    // Pomerium tolerates the key `action` here and gives it no meaning.
    for entry in entries {
        if entry.key == "action" {
            finite(&entry.value, problems);
            continue;
        }
        let Some(operator) = OPERATORS
            .into_iter()
            .find(|operator| operator.name() == entry.key)
        else {
            problems.add_with_help(
                entry.key_span,
                code::OPERATOR_UNKNOWN,
                format!(
                    "unknown operator `{}`, expected `and`, `or`, `not` or `nor`",
                    shown(&entry.key)
                ),
                problems.did_you_mean(&entry.key, OPERATORS.iter().map(|operator| operator.name())),
            );
            continue;
        };
        let Some(items) = entry.value.as_seq() else {
            problems.add(
                entry.value.span,
                code::OPERATOR_TYPE,
                format!(
                    "found {} in `{}`, expected a list of criteria",
                    entry.value.describe(),
                    operator.name()
                ),
            );
            continue;
        };
        let criteria = items
            .iter()
            .filter_map(|item| criterion(action, operator, item, problems))
            .collect();
        blocks.push(Block {
            span: Some(entry.key_span),
            operator,
            criteria,
        });
    }
    blocks
}

fn criterion(action: Action, operator: Operator, node: &Node, problems: &mut Problems) -> Option<Criterion> {
    let Some(entries) = node.as_map() else {
        problems.add(
            node.span,
            code::CRITERION_TYPE,
            format!(
                "found {}, expected a criterion such as `email: user@example.com`",
                node.describe()
            ),
        );
        return None;
    };
    let [entry] = entries else {
        // The second key is the one too many; an empty object has none to name.
        let span = entries.get(1).map_or(node.span, |second| second.key_span);
        problems.add_with_help(
            span,
            code::CRITERION_KEYS,
            format!(
                "found a criterion with {} keys, expected exactly one",
                entries.len()
            ),
            (entries.len() > 1).then(|| "begin each criterion with a `-` of its own".to_owned()),
        );
        return None;
    };
    if !finite(&entry.value, problems) {
        return None;
    }
    let condition = criterion::condition(entry, problems)?;
    warning::look(action, operator, entry, &condition, problems);
    Some(Criterion {
        span: Some(entry.key_span),
        condition,
    })
}

/// Whether there is no `.nan` and no `.inf` in a value; each one is told. JSON,
/// which Pomerium makes of every policy, has no such numbers, and it refuses them.
fn finite(node: &Node, problems: &mut Problems) -> bool {
    let mut all = true;
    match &node.value {
        Value::Seq(items) => {
            for item in items {
                all &= finite(item, problems);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                all &= finite(&entry.value, problems);
            }
        }
        Value::Scalar(scalar) => {
            all = scalar.kind != Kind::Float || scalar.as_f64().is_some_and(f64::is_finite);
            if !all {
                problems.add_with_help(
                    node.span,
                    code::VALUE_INVALID,
                    format!("`{}` is no number that a policy can hold", shown(&scalar.text)),
                    Some("put it in quotes if a text is meant".to_owned()),
                );
            }
        }
    }
    all
}
