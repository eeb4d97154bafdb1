//! The value of a `record` criterion.

use portcullis_document::{Entry, Node};
use serde_json::Value;

use super::RecordTest;
use super::field::{Choice, Comparison, FieldTest, number};
use crate::error::code;
use crate::matcher::canonical;
use crate::parse::{Problems, shown};

const KEYS: [&str; 17] = [
    "type",
    "field",
    "exists",
    "is",
    "not",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "has",
    "exclude",
    "<",
    "<=",
    "=",
    ">",
    ">=",
];

impl RecordTest {
    /// Reads `{type: …, field: …, <operators>}`. The type must be there, and
    /// `exists` or an operator; operators need a field.
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.as_map() else {
            problems.add(
                node.span,
                code::VALUE_TYPE,
                format!(
                    "found {} in `record`, expected an object with `type` and what is asked of the record",
                    node.describe()
                ),
            );
            return None;
        };
        let mut whole = true;
        let (mut record_type, mut field, mut exists) = (None, None, None);
        let mut tests = Vec::new();
        let mut missing = |message: &str| {
            problems.add(node.span, code::VALUE_INVALID, message.to_owned());
            whole = false;
        };
        let operators = entries
            .iter()
            .filter(|entry| !["type", "field", "exists"].contains(&entry.key.as_str()))
            .count();
        if node.get("type").is_none() {
            missing("`record` needs `type`, such as `example.com/device`");
        }
        if operators == 0 && node.get("exists").is_none() {
            missing("`record` asks for nothing, expected `exists` or `field` with an operator");
        }
        if operators > 0 && node.get("field").is_none() {
            missing("`record` has an operator and needs `field`");
        }
        for entry in entries {
            whole &= match entry.key.as_str() {
                "type" => fill(&mut record_type, name(entry, problems)),
                "field" => fill(&mut field, name(entry, problems)),
                "exists" => fill(&mut exists, boolean(entry, problems)),
                _ => match operator(entry, problems) {
                    Some(test) => {
                        tests.push(test);
                        true
                    }
                    None => false,
                },
            };
        }
        whole.then_some(Self {
            record_type: record_type?,
            field,
            exists,
            tests,
        })
    }
}

/// Puts what was read into its place; whether something was.
fn fill<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn operator(entry: &Entry, problems: &mut Problems) -> Option<FieldTest> {
    let value = entry.value.to_json();
    let comparison = Comparison::ALL.iter().find(|(name, _)| *name == entry.key);
    if let Some((_, comparison)) = comparison {
        let operand = number(&value);
        if operand.is_none() {
            expected(entry, "a number", problems);
        }
        return operand.map(|number| FieldTest::Compare(*comparison, number));
    }
    match entry.key.as_str() {
        "is" => Some(FieldTest::Is(canonical(&value))),
        "not" => Some(FieldTest::Not(canonical(&value))),
        "has" => Some(FieldTest::Has(canonical(&value))),
        "exclude" => Some(FieldTest::Exclude(canonical(&value))),
        "in" => choice(entry, value, problems).map(FieldTest::In),
        "not_in" => choice(entry, value, problems).map(FieldTest::NotIn),
        "contains" => text(entry, value, problems).map(FieldTest::Contains),
        "starts_with" => text(entry, value, problems).map(FieldTest::StartsWith),
        "ends_with" => text(entry, value, problems).map(FieldTest::EndsWith),
        _ => {
            problems.add_with_help(
                entry.key_span,
                code::MATCHER_UNKNOWN,
                format!("unknown key `{}` in `record`", shown(&entry.key)),
                problems.did_you_mean(&entry.key, KEYS),
            );
            None
        }
    }
}

fn choice(entry: &Entry, value: Value, problems: &mut Problems) -> Option<Choice> {
    let Value::Array(values) = value else {
        expected(entry, "a list", problems);
        return None;
    };
    Some(Choice::from(values))
}

fn text(entry: &Entry, value: Value, problems: &mut Problems) -> Option<Box<str>> {
    let Value::String(text) = value else {
        expected(entry, "a string", problems);
        return None;
    };
    Some(text.into_boxed_str())
}

/// A text that is not empty.
fn name(entry: &Entry, problems: &mut Problems) -> Option<Box<str>> {
    let name = entry.value.as_str().filter(|name| !name.is_empty());
    if name.is_none() {
        expected(entry, "a name", problems);
    }
    name.map(Box::from)
}

fn boolean(entry: &Entry, problems: &mut Problems) -> Option<bool> {
    let value = entry.value.as_bool();
    if value.is_none() {
        expected(entry, "`true` or `false`", problems);
    }
    value
}

fn expected(entry: &Entry, what: &str, problems: &mut Problems) {
    let found = match entry.value.as_str() {
        Some("") => "an empty string",
        _ => entry.value.describe(),
    };
    problems.add(
        entry.value.span,
        code::VALUE_TYPE,
        format!("found {found} in `{}`, expected {what}", entry.key),
    );
}
