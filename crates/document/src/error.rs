//! Why a text is no document.

use crate::Span;

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

pub(crate) const SYNTAX: &str = "yaml_syntax";
pub(crate) const DUPLICATE_KEY: &str = "yaml_duplicate_key";
pub(crate) const KEY: &str = "yaml_key";
pub(crate) const ALIAS: &str = "yaml_alias";
pub(crate) const MERGE: &str = "yaml_merge";
pub(crate) const TAG: &str = "yaml_tag";
pub(crate) const CONTROL: &str = "yaml_control_character";
pub(crate) const TOO_LARGE: &str = "yaml_too_large";
pub(crate) const TOO_DEEP: &str = "yaml_too_deep";

/// Every code that a [`SyntaxError`] can carry, with its meaning in one line.
pub const SYNTAX_CODES: &[(&str, &str)] = &[
    (
        ALIAS,
        "an alias names an anchor that does not exist or that contains the alias",
    ),
    (CONTROL, "the text has a control character that YAML forbids"),
    (DUPLICATE_KEY, "a map has the same key twice"),
    (KEY, "a map has a key that is not a string"),
    (
        MERGE,
        "a merge key `<<` has a value that is neither a map nor a list of maps",
    ),
    (SYNTAX, "the text is not YAML"),
    (TAG, "a tag is unknown or contradicts its value"),
    (TOO_DEEP, "lists and maps are nested too deeply"),
    (
        TOO_LARGE,
        "the document is too large, as written or after the expansion of its aliases",
    ),
];
