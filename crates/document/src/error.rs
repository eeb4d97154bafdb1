//! Why a text is no document.

use crate::{Limits, Span};

/// A text that cannot be read. There is at most one a document: after it nothing else can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{span}: {message}")]
pub struct SyntaxError {
    /// Where the reader stood.
    pub span: Span,
    /// A stable code, one of [`SYNTAX_CODES`].
    pub code: &'static str,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(span: Span, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            span,
            code,
            message: message.into(),
        }
    }
}

/// The codes of one format for what every format can get wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codes {
    pub(crate) syntax: &'static str,
    pub(crate) duplicate_key: &'static str,
    pub(crate) control: &'static str,
    pub(crate) too_large: &'static str,
    pub(crate) too_deep: &'static str,
}

pub(crate) const YAML: Codes = Codes {
    syntax: "yaml_syntax",
    duplicate_key: "yaml_duplicate_key",
    control: "yaml_control_character",
    too_large: "yaml_too_large",
    too_deep: "yaml_too_deep",
};
pub(crate) const JSON: Codes = Codes {
    syntax: "json_syntax",
    duplicate_key: "json_duplicate_key",
    control: "json_control_character",
    too_large: "json_too_large",
    too_deep: "json_too_deep",
};
pub(crate) const TOML: Codes = Codes {
    syntax: "toml_syntax",
    duplicate_key: "toml_duplicate_key",
    control: "toml_control_character",
    too_large: "toml_too_large",
    too_deep: "toml_too_deep",
};
pub(crate) const KEY: &str = "yaml_key";
pub(crate) const ALIAS: &str = "yaml_alias";
pub(crate) const MERGE: &str = "yaml_merge";
pub(crate) const TAG: &str = "yaml_tag";

/// Every code that a [`SyntaxError`] can carry, with its meaning in one line.
pub const SYNTAX_CODES: &[(&str, &str)] = &[
    (JSON.control, "a string has the character U+0000"),
    (JSON.duplicate_key, "an object has the same key twice"),
    (JSON.syntax, "the text is not JSON"),
    (JSON.too_deep, "arrays and objects are nested too deeply"),
    (JSON.too_large, "the document is too large"),
    (TOML.control, "a string has the character U+0000"),
    (
        TOML.duplicate_key,
        "a table has the same key twice, or is defined twice",
    ),
    (TOML.syntax, "the text is not TOML"),
    (TOML.too_deep, "tables and arrays are nested too deeply"),
    (TOML.too_large, "the document is too large"),
    (
        ALIAS,
        "an alias names an anchor that does not exist or that contains the alias",
    ),
    (YAML.control, "the text has a control character that YAML forbids"),
    (YAML.duplicate_key, "a map has the same key twice"),
    (KEY, "a map has a key that is not a string"),
    (
        MERGE,
        "a merge key `<<` has a value that is neither a map nor a list of maps",
    ),
    (YAML.syntax, "the text is not YAML"),
    (TAG, "a tag is unknown or contradicts its value"),
    (YAML.too_deep, "lists and maps are nested too deeply"),
    (
        YAML.too_large,
        "the document is too large, as written or after the expansion of its aliases",
    ),
];

/// What every reader says alike, under the codes of its format.
impl Codes {
    /// A text of more bytes than are allowed.
    pub(crate) fn check_bytes(self, text: &str, limits: &Limits) -> Result<(), SyntaxError> {
        if text.len() <= limits.max_bytes {
            return Ok(());
        }
        let message = format!(
            "the text has {} bytes, more than {}",
            text.len(),
            limits.max_bytes
        );
        Err(SyntaxError::new(Span::START, self.too_large, message))
    }

    pub(crate) fn too_deep(self, at: Span, limits: &Limits) -> SyntaxError {
        let message = format!(
            "lists and maps are nested more than {} levels deep",
            limits.max_depth
        );
        SyntaxError::new(at, self.too_deep, message)
    }

    pub(crate) fn too_many(self, at: Span, limits: &Limits) -> SyntaxError {
        let message = format!("the document has more than {} values", limits.max_nodes);
        SyntaxError::new(at, self.too_large, message)
    }

    pub(crate) fn nul(self, at: Span) -> SyntaxError {
        SyntaxError::new(at, self.control, "the escape of U+0000 is not allowed")
    }

    /// `first` is where the key stands already.
    pub(crate) fn twice(self, at: Span, key: &str, first: Option<Span>) -> SyntaxError {
        let key = excerpt(key);
        let message = match first {
            Some(first) => format!("the key `{key}` is given twice, first in line {}", first.line),
            None => format!("`{key}` is given twice"),
        };
        SyntaxError::new(at, self.duplicate_key, message)
    }
}

/// Enough of a text to recognise it.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
