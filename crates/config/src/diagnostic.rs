//! What is wrong, or looks wrong, and where.

use std::sync::Arc;

use portcullis_document::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration, or the one route, does not take effect.
    Error,
    /// It takes effect; something in it has not the meaning that its author may expect.
    Warning,
}

impl core::fmt::Display for Severity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One problem. Its texts never hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code; those of this crate are listed in [`crate::codes::CODES`].
    pub code: &'static str,
    /// The file as named on the command line, or the environment variable as `$NAME`.
    pub file: Arc<str>,
    /// Where in the file or in the (decoded) text of the variable.
    pub span: Span,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The route to which it is confined, as a [`crate::Route::index`].
    pub route: Option<usize>,
}

impl core::fmt::Display for Diagnostic {
    /// `severity: code: FILE:LINE:COL: message`, and the help in a line of its own.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            severity,
            code,
            file,
            span,
            message,
            help,
            route: _,
        } = self;
        write!(f, "{severity}: {code}: {file}:{span}: {message}")?;
        if let Some(help) = help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}
