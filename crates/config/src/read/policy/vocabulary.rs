//! The words of a policy in lower case.
//!
//! Pomerium lower-cases every key of a file, so that `Allow` and `Email` work there. Here only the words of
//! the language are: what stands after the `/` of a criterion (`claim/Department`) is the user's own.

use std::borrow::Cow;
use std::collections::HashSet;

use portcullis_document::{Entry, Node, Value};

use crate::codes::DUPLICATE_KEY;
use crate::report::{Problem, Report};

/// Rule, block, criterion, operator of a matcher: below them there are values.
const LEVELS: usize = 4;

/// The policy with its words in lower case; the same one if they are already.
pub(super) fn lower<'d>(report: &mut Report, node: &'d Node) -> Cow<'d, Node> {
    if !has_upper(node, LEVELS) {
        return Cow::Borrowed(node);
    }
    let mut lowered = node.clone();
    fold(report, &mut lowered, LEVELS);
    Cow::Owned(lowered)
}

fn has_upper(node: &Node, levels: usize) -> bool {
    match &node.value {
        Value::Scalar(_) => false,
        Value::Seq(items) => items.iter().any(|item| has_upper(item, levels)),
        Value::Map(entries) => levels.checked_sub(1).is_some_and(|below| {
            entries
                .iter()
                .any(|entry| word_has_upper(&entry.key) || has_upper(&entry.value, below))
        }),
    }
}

fn fold(report: &mut Report, node: &mut Node, levels: usize) {
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter_mut().for_each(|item| fold(report, item, levels)),
        Value::Map(entries) => {
            let Some(below) = levels.checked_sub(1) else {
                return;
            };
            let mut seen = HashSet::new();
            for Entry { key, key_span, value } in entries {
                *key = lowered_word(key);
                if !seen.insert(key.clone()) {
                    let message = format!("`{key}` is given twice, in different case");
                    report.add(Problem::error(DUPLICATE_KEY, *key_span, message));
                }
                fold(report, value, below);
            }
        }
    }
}

/// The word of a key, which ends at the first `/`, and the rest.
fn split(key: &str) -> (&str, &str) {
    key.split_at(key.find('/').unwrap_or(key.len()))
}

fn word_has_upper(key: &str) -> bool {
    split(key).0.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn lowered_word(key: &str) -> String {
    let (name, rest) = split(key);
    format!("{}{rest}", name.to_ascii_lowercase())
}
