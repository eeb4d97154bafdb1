//! Comparing texts and claim values with what a policy lists.

mod choice;
mod lookup;
mod ranges;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::ast::{ListClause, TextClause};

pub(crate) use choice::ValueChoice;
pub(crate) use lookup::{Lookup, TextSet};
pub(crate) use ranges::RangeChoice;

/// One operator of a string matcher. Comparison is by exact bytes: no case
/// folding, no patterns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TextTest {
    In(TextSet),
    NotIn(TextSet),
    Contains(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
}

impl TextTest {
    /// The test that a clause stands for. `is` is a set of one. What is no text
    /// never equals a text, so it leaves a set without changing what the set
    /// decides.
    pub(crate) fn new(clause: &TextClause) -> Self {
        let text = |value: &Value| value.as_str().map(Box::from);
        match clause {
            TextClause::Is(value) => Self::In(TextSet::new(text(value))),
            TextClause::Not(value) => Self::NotIn(TextSet::new(text(value))),
            TextClause::In(values) => Self::In(TextSet::new(values.iter().filter_map(text))),
            TextClause::NotIn(values) => Self::NotIn(TextSet::new(values.iter().filter_map(text))),
            TextClause::Contains(part) => Self::Contains(part.as_str().into()),
            TextClause::StartsWith(start) => Self::StartsWith(start.as_str().into()),
            TextClause::EndsWith(end) => Self::EndsWith(end.as_str().into()),
        }
    }

    /// Whether `text` passes.
    pub(crate) fn holds(&self, text: &str) -> bool {
        match self {
            Self::In(set) => set.contains(text),
            Self::NotIn(set) => !set.contains(text),
            Self::Contains(part) => text.contains(part.as_ref()),
            Self::StartsWith(start) => text.starts_with(start.as_ref()),
            Self::EndsWith(end) => text.ends_with(end.as_ref()),
        }
    }
}

/// One operator of a string-list matcher. The operand is one element to compare
/// with; a list operand is not a choice of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListTest {
    /// Some element equals the operand.
    Has(Value),
    /// There is exactly one element and it equals the operand.
    Is(Value),
    /// No element equals the operand.
    Exclude(Value),
}

impl ListTest {
    /// The test that a clause stands for.
    pub(crate) fn new(clause: &ListClause) -> Self {
        match clause {
            ListClause::Has(value) => Self::Has(canonical(value)),
            ListClause::Is(value) => Self::Is(canonical(value)),
            ListClause::Exclude(value) => Self::Exclude(canonical(value)),
        }
    }

    /// Whether `values` pass.
    pub(crate) fn holds(&self, values: &[Value]) -> bool {
        match self {
            Self::Has(wanted) => values.iter().any(|value| equal(value, wanted)),
            Self::Is(wanted) => matches!(values, [value] if equal(value, wanted)),
            Self::Exclude(unwanted) => !values.iter().any(|value| equal(value, unwanted)),
        }
    }

    /// The same for values that are texts all.
    pub(crate) fn holds_texts(&self, texts: &[String]) -> bool {
        let has = |value: &Value| {
            value
                .as_str()
                .is_some_and(|wanted| texts.iter().any(|text| text == wanted))
        };
        match self {
            Self::Has(wanted) => has(wanted),
            Self::Is(wanted) => texts.len() == 1 && has(wanted),
            Self::Exclude(unwanted) => !has(unwanted),
        }
    }
}

/// Whether two JSON values are the same: numbers by value (`5` is `5.0`, never
/// `"5"`), objects without regard to the order of their keys.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal_numbers(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// Compares without the loss that turning a large integer into a float brings.
fn equal_numbers(a: &Number, b: &Number) -> bool {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a == b,
        (Some(integer), None) => b.as_f64().and_then(whole) == Some(integer),
        (None, Some(integer)) => a.as_f64().and_then(whole) == Some(integer),
        (None, None) => a.as_f64() == b.as_f64(),
    }
}

/// The integer that a float is exactly, if it is one. The bound is where `i128`
/// ends; nothing that JSON carries as an integer lies beyond it.
fn whole(float: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is whole and within range"
    )]
    (float.fract() == 0.0 && float.abs() < 1e38).then_some(float as i128)
}

/// The one spelling of a value among equal ones, so that equal policies have
/// equal digests: keys sorted, whole floats as integers.
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.clone(), canonical(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn canonical_number(number: &Number) -> Number {
    let whole = number.as_i128().or_else(|| number.as_f64().and_then(whole));
    whole
        .and_then(Number::from_i128)
        .unwrap_or_else(|| number.clone())
}
