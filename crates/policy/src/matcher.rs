//! Comparing texts and claim values with what a policy lists.

mod lookup;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

pub(crate) use lookup::{Keyed, TextSet};

/// One operator of a string matcher. Comparison is by exact bytes: no case
/// folding, no patterns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TextTest {
    In(TextSet),
    NotIn(TextSet),
    Contains(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
}

impl TextTest {
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// Whether `values` pass.
    pub(crate) fn holds(&self, values: &[Value]) -> bool {
        match self {
            Self::Has(wanted) => values.iter().any(|value| equal(value, wanted)),
            Self::Is(wanted) => matches!(values, [value] if equal(value, wanted)),
            Self::Exclude(unwanted) => !values.iter().any(|value| equal(value, unwanted)),
        }
    }
}

/// Claim values of which one suffices, each with the index of the criterion
/// that names it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ValueChoice {
    /// The texts, which are nearly all there is, by hash.
    texts: Keyed,
    /// Numbers, booleans, lists and objects, one by one.
    others: Box<[(Value, u32)]>,
}

impl ValueChoice {
    pub(crate) fn new(entries: impl IntoIterator<Item = (Value, u32)>) -> Self {
        let mut texts = Vec::new();
        let mut others = Vec::new();
        for (value, at) in entries {
            match value {
                Value::String(text) => texts.push((text.into_boxed_str(), at)),
                other => others.push((other, at)),
            }
        }
        Self {
            texts: Keyed::new(texts),
            others: others.into_boxed_slice(),
        }
    }

    /// The lowest index of a criterion that one of `values` meets.
    pub(crate) fn find(&self, values: &[Value]) -> Option<u32> {
        values.iter().filter_map(|value| self.find_one(value)).min()
    }

    fn find_one(&self, value: &Value) -> Option<u32> {
        match value {
            Value::String(text) => self.texts.get(text),
            other => self
                .others
                .iter()
                .find(|(wanted, _)| equal(wanted, other))
                .map(|(_, at)| *at),
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len() + self.others.len()
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
