//! What is legal and probably not what its author means.

use portcullis_document::{Entry, Node};
use serde_json::Value;

use super::Problems;
use crate::ast::{Action, Condition, ListClause, Operator, TextClause};
use crate::error::code;

/// Warns about a criterion that says something else than it seems to.
pub(super) fn look(
    action: Action,
    operator: Operator,
    entry: &Entry,
    condition: &Condition,
    problems: &mut Problems,
) {
    match condition {
        Condition::Accept
        | Condition::Reject
        | Condition::AuthenticatedUser
        | Condition::CorsPreflight
        | Condition::SshUsernameMatchesEmail => ignored(entry, problems),
        Condition::InvalidClientCertificate => {
            ignored(entry, problems);
            if action == Action::Allow && !operator.inverts() {
                problems.warn(
                    entry.key_span,
                    code::INVALID_CERTIFICATE_ALLOWED,
                    "`invalid_client_certificate` in an allow rule lets clients without a valid certificate in"
                        .to_owned(),
                    "write it in a deny rule, or beneath `not`",
                );
            }
        }
        Condition::Text { clauses, .. } => {
            for clause in clauses {
                text(entry, clause, problems);
            }
        }
        Condition::Claim { clauses, .. } | Condition::Groups(clauses) => {
            for clause in clauses {
                list(entry, clause, problems);
            }
        }
        Condition::SourceIp(ranges) if ranges.is_empty() => never(entry, &entry.value, problems),
        Condition::Date(window) if window.is_empty() => empty(entry, problems),
        Condition::TimeOfDay(window) if window.is_empty() => empty(entry, problems),
        _ => {}
    }
}

/// `accept: false` accepts. An empty value is the usual way to write such a
/// criterion and says nothing.
fn ignored(entry: &Entry, problems: &mut Problems) {
    if entry.value.as_bool() == Some(false) {
        problems.warn(
            entry.value.span,
            code::VALUE_IGNORED,
            format!(
                "the value of `{}` is ignored, so `false` changes nothing",
                entry.key
            ),
            "remove the criterion, or write it beneath `not`",
        );
    }
}

fn text(entry: &Entry, clause: &TextClause, problems: &mut Problems) {
    match clause {
        TextClause::Is(Value::Array(_)) => {
            let node = operand(entry, "is");
            problems.warn(
                node.span,
                code::NEVER_HOLDS,
                format!(
                    "`{}` is compared with a list, to which no text is equal",
                    entry.key
                ),
                "to list alternatives write `in: [a, b]`",
            );
        }
        TextClause::Is(value) if !value.is_string() => never(entry, operand(entry, "is"), problems),
        TextClause::In(values) if !values.iter().any(Value::is_string) => {
            never(entry, operand(entry, "in"), problems);
        }
        _ => {}
    }
}

fn list(entry: &Entry, clause: &ListClause, problems: &mut Problems) {
    let (name, value) = match clause {
        ListClause::Has(value) => ("has", value),
        ListClause::Is(value) => ("is", value),
        ListClause::Exclude(value) => ("exclude", value),
    };
    if value.is_array() {
        problems.warn(
            operand(entry, name).span,
            code::NEVER_HOLDS,
            format!(
                "the list in `{}` is one value to compare with, not a choice of several",
                entry.key
            ),
            "write one criterion for each value, beneath `or`",
        );
    }
}

fn never(entry: &Entry, at: &Node, problems: &mut Problems) {
    problems.warn(
        at.span,
        code::NEVER_HOLDS,
        format!(
            "`{}` is compared with {}, which never holds",
            entry.key,
            at.describe()
        ),
        "write the value as a string in quotes",
    );
}

fn empty(entry: &Entry, problems: &mut Problems) {
    problems.warn(
        entry.value.span,
        code::NEVER_HOLDS,
        format!("the window of `{}` is empty, so it never holds", entry.key),
        "let `after` come before `before`",
    );
}

/// The operand of an operator, or the whole value where no operator is written.
fn operand<'a>(entry: &'a Entry, operator: &str) -> &'a Node {
    match entry.value.as_map() {
        Some(_) => entry.value.get(operator).unwrap_or(&entry.value),
        None => &entry.value,
    }
}
