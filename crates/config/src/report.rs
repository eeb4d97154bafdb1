//! Collects problems, and knows which of them stay within a route.

use std::sync::Arc;

use portcullis_document::{Span, SyntaxError};

use crate::codes::TOO_MANY_PROBLEMS;
use crate::{Diagnostic, Places, Severity};

/// More than these help nobody and would only cost.
const MAX_DIAGNOSTICS: usize = 1_000;

/// A problem before its file and route are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    severity: Severity,
    code: &'static str,
    span: Span,
    message: String,
    help: Option<String>,
}

impl Problem {
    pub(crate) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            span,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            code,
            span,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn severity(&self) -> Severity {
        self.severity
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<SyntaxError> for Problem {
    fn from(error: SyntaxError) -> Self {
        let SyntaxError { span, code, message } = error;
        Self::error(code, span, message)
    }
}

impl From<portcullis_policy::PolicyError> for Problem {
    fn from(error: portcullis_policy::PolicyError) -> Self {
        let portcullis_policy::PolicyError {
            span,
            code,
            message,
            help,
        } = error;
        Self {
            severity: Severity::Error,
            code,
            span,
            message,
            help,
        }
    }
}

impl From<portcullis_policy::PolicyWarning> for Problem {
    fn from(warning: portcullis_policy::PolicyWarning) -> Self {
        let portcullis_policy::PolicyWarning {
            span,
            code,
            message,
            help,
        } = warning;
        Self {
            severity: Severity::Warning,
            code,
            span,
            message,
            help,
        }
    }
}

pub(crate) struct Report {
    places: Places,
    diagnostics: Vec<Diagnostic>,
    /// The first problem of each severity that was not listed, and how many there are.
    unlisted: Option<(Severity, Span, usize)>,
    /// An error outside all routes.
    fatal: bool,
    route: Option<usize>,
    /// Why the present route is invalid.
    invalid: Option<String>,
}

impl Report {
    pub(crate) fn new(places: Places) -> Self {
        Self {
            places,
            diagnostics: Vec::new(),
            unlisted: None,
            fatal: false,
            route: None,
            invalid: None,
        }
    }

    /// Where the text of an environment variable begins.
    pub(crate) fn variable(&mut self, name: &str, text: &str) -> Span {
        self.places.add(name, text)
    }

    /// Where the texts stand whose problems these are.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// From here on problems belong to this route.
    pub(crate) fn enter_route(&mut self, index: usize) {
        self.route = Some(index);
        self.invalid = None;
    }

    /// The route ends; the first of its errors, if there was one.
    pub(crate) fn leave_route(&mut self) -> Option<String> {
        self.route = None;
        self.invalid.take()
    }

    /// Whether the present route has had an error.
    pub(crate) fn route_is_invalid(&self) -> bool {
        self.invalid.is_some()
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        let Problem {
            severity,
            code,
            span,
            message,
            help,
        } = problem;
        let (file, span) = self.places.find(span);
        if severity == Severity::Error {
            match self.route {
                None => self.fatal = true,
                Some(_) if self.invalid.is_none() => {
                    self.invalid = Some(format!("{code}: {file}:{span}: {message}"));
                }
                Some(_) => {}
            }
        }
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            let (worst, _, count) = self.unlisted.get_or_insert((severity, span, 0));
            *worst = (*worst).min(severity);
            *count = count.saturating_add(1);
            return;
        }
        self.diagnostics.push(Diagnostic {
            severity,
            code,
            file,
            span,
            message,
            help,
            route: self.route,
        });
    }

    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.add(problem);
        }
    }

    /// Whether another problem would be listed; a message that costs is not worth making otherwise.
    pub(crate) fn has_room(&self) -> bool {
        self.diagnostics.len() < MAX_DIAGNOSTICS
    }

    /// Every problem by position, text by text.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by(|a, b| (&a.file, a.span, a.severity).cmp(&(&b.file, b.span, b.severity)));
        if let Some((severity, span, count)) = self.unlisted {
            diagnostics.push(Diagnostic {
                severity,
                code: TOO_MANY_PROBLEMS,
                file: Arc::clone(self.places.file()),
                span,
                message: format!("{count} more problems from here on are not listed"),
                help: None,
                route: None,
            });
        }
        diagnostics
    }
}
