//! What is wrong with a file of cases, and reading that takes nothing it does not know.

use portcullis_document::{Entry, Node, Span, SyntaxError};

/// One problem and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, in the file of cases.
    pub span: Span,
    /// What is wrong: lower case, no full stop.
    pub message: String,
}

impl From<SyntaxError> for Problem {
    fn from(error: SyntaxError) -> Self {
        Self {
            span: error.span,
            message: error.message,
        }
    }
}

/// A map whose keys are all known.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'d> {
    entries: &'d [Entry],
}

impl<'d> Fields<'d> {
    /// The value of a key; `None` where it is left out or null.
    pub(crate) fn get(&self, key: &str) -> Option<&'d Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }
}

/// Collects every problem of what is read.
#[derive(Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, span: Span, message: impl Into<String>) {
        let message = message.into();
        self.0.push(Problem { span, message });
    }

    /// The value, or every problem that there was in reading it.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// A map; a key that is not in `known` is a problem.
    pub(crate) fn map<'d>(&mut self, node: &'d Node, what: &str, known: &[&str]) -> Option<Fields<'d>> {
        let Some(entries) = node.as_map() else {
            self.add(
                node.span,
                format!("found {} in `{what}`, expected a map", node.describe()),
            );
            return None;
        };
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                let message = format!(
                    "unknown key `{}` in `{what}`, expected one of {}",
                    entry.key,
                    known.join(", ")
                );
                self.add(entry.key_span, message);
            }
        }
        Some(Fields { entries })
    }

    /// A map whose keys are the user's own.
    pub(crate) fn entries<'d>(&mut self, node: &'d Node, what: &str) -> &'d [Entry] {
        let entries = node.as_map();
        if entries.is_none() {
            self.add(
                node.span,
                format!("found {} in `{what}`, expected a map", node.describe()),
            );
        }
        entries.unwrap_or_default()
    }

    pub(crate) fn list<'d>(&mut self, node: &'d Node, what: &str) -> &'d [Node] {
        let items = node.as_seq();
        if items.is_none() {
            self.add(
                node.span,
                format!("found {} in `{what}`, expected a list", node.describe()),
            );
        }
        items.unwrap_or_default()
    }

    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = node.as_str();
        if text.is_none() {
            self.add(
                node.span,
                format!("found {} in `{what}`, expected a text", node.describe()),
            );
        }
        text.map(str::to_owned)
    }

    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        self.list(node, what)
            .iter()
            .filter_map(|item| self.text(item, what))
            .collect()
    }

    pub(crate) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        let boolean = node.as_bool();
        if boolean.is_none() {
            self.add(
                node.span,
                format!("found {} in `{what}`, expected true or false", node.describe()),
            );
        }
        boolean
    }

    /// A text that `parse` reads.
    pub(crate) fn parsed<T>(
        &mut self,
        node: &Node,
        what: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        // Unquoted times are no texts in YAML.
        let text = match node.as_scalar().and_then(portcullis_document::Scalar::as_rfc3339) {
            Some(time) => Some(time),
            None => self.text(node, what),
        }?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.add(node.span, format!("`{text}` in `{what}` is no {expected}"));
        }
        parsed
    }
}

/// A map or list as plain JSON.
pub(crate) fn object(node: &Node) -> serde_json::Map<String, serde_json::Value> {
    match node.to_json() {
        serde_json::Value::Object(object) => object,
        _ => serde_json::Map::new(),
    }
}
