//! Collects problems, and knows which of them stay within a route.

use std::sync::Arc;

use portcullis_document::{Span, SyntaxError};

use crate::codes::TOO_MANY_PROBLEMS;
use crate::{Diagnostic, Severity};

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

pub(crate) struct Report {
    file: Arc<str>,
    diagnostics: Vec<Diagnostic>,
    /// The first problem of each severity that was not listed, and how many there are.
    unlisted: Option<(Severity, Span, usize)>,
    /// An error outside all routes.
    fatal: bool,
    route: Option<usize>,
    /// Why the present route is invalid.
    invalid: Option<String>,
    /// The names of environment variables that have set something. Their values have spans in line 0,
    /// which no file has; the column is the place in this list.
    variables: Vec<Arc<str>>,
}

impl Report {
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self {
            file,
            diagnostics: Vec::new(),
            unlisted: None,
            fatal: false,
            route: None,
            invalid: None,
            variables: Vec::new(),
        }
    }

    /// The span of the value of an environment variable.
    pub(crate) fn variable(&mut self, name: &str) -> Span {
        let column = u32::try_from(self.variables.len()).unwrap_or(u32::MAX);
        self.variables.push(format!("${name}").into());
        Span { line: 0, column }
    }

    /// File and place of a span.
    fn place(&self, span: Span) -> (Arc<str>, Span) {
        let variable = usize::try_from(span.column)
            .ok()
            .and_then(|at| self.variables.get(at));
        match variable.filter(|_| span.line == 0) {
            Some(name) => (Arc::clone(name), Span::START),
            None => (Arc::clone(&self.file), span),
        }
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
        let (file, span) = self.place(span);
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

    /// Every problem by position.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.severity));
        if let Some((severity, span, count)) = self.unlisted {
            diagnostics.push(Diagnostic {
                severity,
                code: TOO_MANY_PROBLEMS,
                file: self.file,
                span,
                message: format!("{count} more problems from here on are not listed"),
                help: None,
                route: None,
            });
        }
        diagnostics
    }
}
