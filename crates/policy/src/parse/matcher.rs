//! The values of criteria: matchers and address ranges.

use core::net::IpAddr;

use ipnet::IpNet;
use portcullis_document::{Entry, Node};
use serde_json::Value;

use super::{Problems, shown};
use crate::ast::{ListClause, TextClause, TextField};
use crate::error::code;

const TEXT_OPERATORS: [&str; 7] = [
    "is",
    "not",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
];
const LIST_OPERATORS: [&str; 3] = ["has", "is", "exclude"];

/// A string matcher: an object of operators, of which all must hold; any other
/// value means `is`. A bare list is equality with a list and so never holds.
/// `None` if a problem was found.
pub(crate) fn text_clauses(node: &Node, problems: &mut Problems) -> Option<Vec<TextClause>> {
    text_matcher(None, node, problems)
}

/// The matcher of a criterion about `field`, which may forbid some operands.
pub(super) fn text_matcher(
    field: Option<TextField>,
    node: &Node,
    problems: &mut Problems,
) -> Option<Vec<TextClause>> {
    match node.as_map() {
        Some(entries) => whole(entries.iter().map(|entry| text_clause(field, entry, problems))),
        None => {
            comparable(field, &[node], node, problems)?;
            Some(vec![TextClause::Is(node.to_json())])
        }
    }
}

fn text_clause(field: Option<TextField>, entry: &Entry, problems: &mut Problems) -> Option<TextClause> {
    let value = &entry.value;
    match entry.key.as_str() {
        "is" | "not" => {
            comparable(field, &[value], value, problems)?;
            let is = entry.key == "is";
            Some(if is {
                TextClause::Is(value.to_json())
            } else {
                TextClause::Not(value.to_json())
            })
        }
        "in" | "not_in" => {
            let Some(items) = value.as_seq() else {
                problems.add_with_help(
                    value.span,
                    code::VALUE_TYPE,
                    format!("found {} in `{}`, expected a list", value.describe(), entry.key),
                    Some(format!("write the value in brackets: `{}: [value]`", entry.key)),
                );
                return None;
            };
            if !items.is_empty() {
                comparable(field, &items.iter().collect::<Vec<_>>(), value, problems)?;
            }
            let values = items.iter().map(Node::to_json).collect();
            Some(if entry.key == "in" {
                TextClause::In(values)
            } else {
                TextClause::NotIn(values)
            })
        }
        "contains" => operand(entry, problems).map(TextClause::Contains),
        "starts_with" => operand(entry, problems).map(TextClause::StartsWith),
        "ends_with" => operand(entry, problems).map(TextClause::EndsWith),
        _ => unknown_operator(entry, &TEXT_OPERATORS, problems),
    }
}

/// The text to search for.
fn operand(entry: &Entry, problems: &mut Problems) -> Option<String> {
    let Value::String(text) = entry.value.to_json() else {
        problems.add(
            entry.value.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `{}`, expected a string",
                entry.value.describe(),
                entry.key
            ),
        );
        return None;
    };
    Some(text)
}

/// Whether a comparison can hold at all. Pomerium refuses to load one of a
/// domain with something that is no string; with the other fields such a
/// comparison is legal and never holds.
fn comparable(
    field: Option<TextField>,
    operands: &[&Node],
    at: &Node,
    problems: &mut Problems,
) -> Option<()> {
    if field != Some(TextField::Domain) || operands.iter().any(|node| node.to_json().is_string()) {
        return Some(());
    }
    let help = at
        .as_seq()
        .is_some()
        .then(|| "to allow several domains write `domain: {in: [a, b]}`".to_owned());
    problems.add_with_help(
        at.span,
        code::VALUE_TYPE,
        format!("found {} in `domain`, expected a string", at.describe()),
        help,
    );
    None
}

/// A string-list matcher: an object of operators, of which all must hold; any
/// other value means `has`.
pub(crate) fn list_clauses(node: &Node, problems: &mut Problems) -> Option<Vec<ListClause>> {
    match node.as_map() {
        Some(entries) => whole(entries.iter().map(|entry| match entry.key.as_str() {
            "has" => Some(ListClause::Has(entry.value.to_json())),
            "is" => Some(ListClause::Is(entry.value.to_json())),
            "exclude" => Some(ListClause::Exclude(entry.value.to_json())),
            _ => unknown_operator(entry, &LIST_OPERATORS, problems),
        })),
        None => Some(vec![ListClause::Has(node.to_json())]),
    }
}

fn unknown_operator<T>(entry: &Entry, known: &[&'static str], problems: &mut Problems) -> Option<T> {
    let expected = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    problems.add_with_help(
        entry.key_span,
        code::MATCHER_UNKNOWN,
        format!(
            "unknown operator `{}`, expected one of {expected}",
            shown(&entry.key)
        ),
        problems.did_you_mean(&entry.key, known.iter().copied()),
    );
    None
}

/// One address or range, or a list of them; an empty list holds for nobody.
pub(super) fn ip_ranges(node: &Node, problems: &mut Problems) -> Option<Vec<IpNet>> {
    match node.as_seq() {
        Some(items) => whole(items.iter().map(|item| ip_range(item, problems))),
        None => ip_range(node, problems).map(|range| vec![range]),
    }
}

/// Host bits in a range are allowed, blanks are not.
fn ip_range(node: &Node, problems: &mut Problems) -> Option<IpNet> {
    let Some(text) = node.as_str() else {
        problems.add(
            node.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `source_ip`, expected an IP address or a range as a string",
                node.describe()
            ),
        );
        return None;
    };
    let range = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    if range.is_none() {
        problems.add(
            node.span,
            code::IP_INVALID,
            format!(
                "`{}` is neither an IP address nor a range such as `10.0.0.0/8`",
                shown(text)
            ),
        );
    }
    range
}

/// All of the parts, or nothing when one is missing, after having looked at
/// every one, so that every problem is reported.
fn whole<T>(parts: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let parts: Vec<Option<T>> = parts.collect();
    parts.into_iter().collect()
}
