//! What is wrong with a policy, gathered while reading it.

use portcullis_document::Span;

use crate::error::{PolicyError, PolicyWarning};
use crate::nearest::nearest;

/// The problems and warnings so far. Their number is bounded by the size of the
/// document, which its reader bounds.
#[derive(Default)]
pub(crate) struct Problems {
    found: Vec<PolicyError>,
    warnings: Vec<PolicyWarning>,
}

impl Problems {
    /// Every problem, in the order of the text.
    #[cfg(test)]
    pub(crate) fn into_errors(self) -> Vec<PolicyError> {
        self.found
    }

    /// The warnings, in the order of the text; every problem if there is one.
    pub(super) fn into_result(self) -> Result<Vec<PolicyWarning>, Vec<PolicyError>> {
        if self.found.is_empty() {
            Ok(self.warnings)
        } else {
            Err(self.found)
        }
    }

    /// Adds a warning: what the policy says, and what to write instead.
    pub(super) fn warn(&mut self, span: Span, code: &'static str, message: String, help: &str) {
        self.warnings.push(PolicyWarning {
            span,
            code,
            message,
            help: Some(help.to_owned()),
        });
    }

    /// The name that was meant, while there are few problems: later ones are not
    /// shown, and the search costs.
    pub(crate) fn did_you_mean<'a>(
        &self,
        found: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        const FEW: usize = 1_000;
        if self.found.len() >= FEW {
            return None;
        }
        nearest(found, names).map(|name| format!("did you mean `{name}`?"))
    }

    /// Adds one without advice.
    pub(crate) fn add(&mut self, span: Span, code: &'static str, message: String) {
        self.add_with_help(span, code, message, None);
    }

    /// Adds one, with advice where there is any.
    pub(crate) fn add_with_help(
        &mut self,
        span: Span,
        code: &'static str,
        message: String,
        help: Option<String>,
    ) {
        self.found.push(PolicyError {
            span,
            code,
            message,
            help,
        });
    }
}

/// A name from the document, short enough for a message.
pub(crate) fn shown(name: &str) -> String {
    const MAX_CHARS: usize = 80;
    if name.chars().count() <= MAX_CHARS {
        return name.to_owned();
    }
    name.chars().take(MAX_CHARS).chain(['…']).collect()
}
