//! What a `record` criterion asks of the value of a field.

use core::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::matcher::{canonical, equal};

/// One operator. A list is looked at by its elements, and a single value as a
/// list of one, so that every operator means something for every field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FieldTest {
    /// There is exactly one element, and it equals the operand.
    Is(Value),
    /// No element equals the operand.
    Not(Value),
    /// Some element is in the list.
    In(Choice),
    /// No element is in the list.
    NotIn(Choice),
    /// Some element is a text with this part.
    Contains(Box<str>),
    /// Some element is a text that starts so.
    StartsWith(Box<str>),
    /// Some element is a text that ends so.
    EndsWith(Box<str>),
    /// Some element equals the operand.
    Has(Value),
    /// No element equals the operand.
    Exclude(Value),
    /// The value is a number, or a text that reads as one, and compares so with
    /// the operand.
    Compare(Comparison, Number),
}

/// A comparison of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Comparison {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

impl Comparison {
    /// All of them, with what they are called.
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("<", Self::Less),
        ("<=", Self::LessOrEqual),
        ("=", Self::Equal),
        (">", Self::Greater),
        (">=", Self::GreaterOrEqual),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, comparison)| *comparison == self)
            .map_or("", |(name, _)| name)
    }

    const fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl FieldTest {
    /// Whether the value of the field passes.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let elements = match value {
            Value::Array(items) => items.as_slice(),
            single => core::slice::from_ref(single),
        };
        let text = |passes: &dyn Fn(&str) -> bool| {
            elements
                .iter()
                .any(|element| element.as_str().is_some_and(passes))
        };
        let any = |wanted: &Value| elements.iter().any(|element| equal(element, wanted));
        match self {
            Self::Is(wanted) => matches!(elements, [element] if equal(element, wanted)),
            Self::Has(wanted) => any(wanted),
            Self::Not(unwanted) | Self::Exclude(unwanted) => !any(unwanted),
            Self::In(choice) => elements.iter().any(|element| choice.contains(element)),
            Self::NotIn(choice) => !elements.iter().any(|element| choice.contains(element)),
            Self::Contains(part) => text(&|text| text.contains(part.as_ref())),
            Self::StartsWith(start) => text(&|text| text.starts_with(start.as_ref())),
            Self::EndsWith(end) => text(&|text| text.ends_with(end.as_ref())),
            Self::Compare(comparison, operand) => match elements {
                [element] => number(element)
                    .and_then(|number| compare(&number, operand))
                    .is_some_and(|ordering| comparison.admits(ordering)),
                _ => false,
            },
        }
    }

    /// The operator and its operand in a policy.
    pub(super) fn entry(&self) -> (&'static str, Value) {
        match self {
            Self::Is(value) => ("is", value.clone()),
            Self::Not(value) => ("not", value.clone()),
            Self::In(choice) => ("in", choice.to_json()),
            Self::NotIn(choice) => ("not_in", choice.to_json()),
            Self::Contains(part) => ("contains", part.as_ref().into()),
            Self::StartsWith(start) => ("starts_with", start.as_ref().into()),
            Self::EndsWith(end) => ("ends_with", end.as_ref().into()),
            Self::Has(value) => ("has", value.clone()),
            Self::Exclude(value) => ("exclude", value.clone()),
            Self::Compare(comparison, number) => (comparison.name(), Value::Number(number.clone())),
        }
    }
}

/// Values of which one suffices: the texts sorted, so that many cost little more
/// than few, and the rest one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Value>", into = "Vec<Value>")]
pub(super) struct Choice {
    texts: Box<[Box<str>]>,
    others: Box<[Value]>,
}

impl Choice {
    fn contains(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self
                .texts
                .binary_search_by(|known| known.as_ref().cmp(text))
                .is_ok(),
            other => self.others.iter().any(|known| equal(known, other)),
        }
    }

    fn to_json(&self) -> Value {
        Value::Array(self.clone().into())
    }
}

impl From<Vec<Value>> for Choice {
    fn from(values: Vec<Value>) -> Self {
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for value in values {
            match value {
                Value::String(text) => texts.push(text.into_boxed_str()),
                other => others.push(canonical(&other)),
            }
        }
        texts.sort_unstable();
        texts.dedup();
        Self {
            texts: texts.into(),
            others: others.into(),
        }
    }
}

impl From<Choice> for Vec<Value> {
    fn from(choice: Choice) -> Self {
        let texts = choice.texts.iter().map(|text| Value::from(text.as_ref()));
        texts.chain(choice.others.iter().cloned()).collect()
    }
}

/// A number, or one that a text is the decimal form of.
pub(super) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| text.parse::<u64>().map(Number::from))
            .ok()
            // "inf" and "nan" are floats to Rust and no numbers to JSON.
            .or_else(|| text.parse().ok().and_then(Number::from_f64)),
        _ => None,
    }
}

/// Integers exactly, anything else as floats.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}
