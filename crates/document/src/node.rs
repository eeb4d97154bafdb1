//! The tree.

use std::collections::HashMap;

use crate::Scalar;

/// A position in a text. The order is reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Span {
    /// The start of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl core::fmt::Display for Span {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it begins. A value that came through an alias or a merge key keeps the position
/// where it is written, since that is where it can be mended.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the value begins (after its anchor and tag).
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Seq(Vec<Node>),
    /// A map in the order of the text; no key occurs twice.
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as written, after unquoting.
    pub key: String,
    /// Where the key begins.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value of `key` if this is a map that has it. Case matters.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The entries, if this is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(_) | Value::Seq(_) => None,
        }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            Value::Scalar(_) | Value::Map(_) => None,
        }
    }

    /// The scalar, if this is one.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Seq(_) | Value::Map(_) => None,
        }
    }

    /// The text, if this is a string (not a number, boolean, null or timestamp).
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().and_then(Scalar::as_str)
    }

    /// The boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.as_scalar().and_then(Scalar::as_bool)
    }

    /// Whether this is null (`~`, `null` or nothing at all).
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(Scalar::is_null)
    }

    /// What this is, for a message: `a map`, `a string`, …
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Seq(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// From so many entries on, keys are found by hash; before, comparing is faster.
const MANY: usize = 16;

/// Where `key` stands already. `index` holds the keys once there are [`MANY`].
pub(crate) fn given(
    entries: &[Entry],
    index: &mut HashMap<String, Span>,
    key: &str,
    at: Span,
) -> Option<Span> {
    if entries.len() < MANY {
        let same = entries.iter().find(|entry| entry.key == key);
        return same.map(|entry| entry.key_span);
    }
    if index.is_empty() {
        index.extend(entries.iter().map(|entry| (entry.key.clone(), entry.key_span)));
    }
    index.insert(key.to_owned(), at)
}
