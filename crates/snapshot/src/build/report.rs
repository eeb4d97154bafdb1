//! The diagnostics of a build.

use portcullis_config::codes::TOO_MANY_PROBLEMS;
use portcullis_config::{Config, Diagnostic, Places, Severity, Span};
use std::sync::Arc;

/// More than these help nobody and would only cost.
const MAX_DIAGNOSTICS: usize = 1_000;

pub(super) struct Report {
    places: Places,
    diagnostics: Vec<Diagnostic>,
    /// Whether the configuration cannot take effect.
    failed: bool,
    /// How many problems were not listed, the worst severity among them and the first place.
    unlisted: Option<(usize, Severity, Span)>,
}

impl Report {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            places: config.places.clone(),
            diagnostics: Vec::new(),
            failed: false,
            unlisted: None,
        }
    }

    /// A problem of the whole configuration: it cannot take effect.
    pub(super) fn error(&mut self, span: Span, code: &'static str, message: String, help: Option<&str>) {
        self.push(
            Severity::Error,
            span,
            code,
            message,
            help.map(str::to_owned),
            None,
        );
    }

    /// What is to be known of the whole configuration, which takes effect.
    pub(super) fn warning(&mut self, span: Span, code: &'static str, message: String) {
        self.push(Severity::Warning, span, code, message, None, None);
    }

    /// A problem of one route, which denies.
    pub(super) fn route_error(
        &mut self,
        route: usize,
        span: Span,
        code: &'static str,
        message: String,
        help: Option<String>,
    ) {
        self.push(Severity::Error, span, code, message, help, Some(route));
    }

    pub(super) fn route_warning(&mut self, route: usize, span: Span, code: &'static str, message: String) {
        self.push(Severity::Warning, span, code, message, None, Some(route));
    }

    /// The same with what can be done about it.
    pub(super) fn route_advice(
        &mut self,
        route: usize,
        span: Span,
        code: &'static str,
        message: String,
        help: &str,
    ) {
        let help = Some(help.to_owned());
        self.push(Severity::Warning, span, code, message, help, Some(route));
    }

    fn push(
        &mut self,
        severity: Severity,
        span: Span,
        code: &'static str,
        message: String,
        help: Option<String>,
        route: Option<usize>,
    ) {
        self.failed |= severity == Severity::Error && route.is_none();
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            let (count, worst, _) = self.unlisted.get_or_insert((0, severity, span));
            *count = count.saturating_add(1);
            *worst = (*worst).min(severity);
            return;
        }
        let (file, span) = self.places.find(span);
        self.diagnostics.push(Diagnostic {
            severity,
            code,
            file,
            span,
            message,
            help,
            route,
        });
    }

    /// Whether the configuration cannot take effect, and everything found.
    pub(super) fn finish(mut self) -> (bool, Vec<Diagnostic>) {
        self.diagnostics
            .sort_by(|a, b| (&a.file, a.span, a.code).cmp(&(&b.file, b.span, b.code)));
        if let Some((count, severity, span)) = self.unlisted {
            self.diagnostics.push(Diagnostic {
                severity,
                code: TOO_MANY_PROBLEMS,
                file: Arc::clone(self.places.file()),
                span,
                message: format!("{count} more problems from here on are not listed"),
                help: None,
                route: None,
            });
        }
        (self.failed, self.diagnostics)
    }
}
