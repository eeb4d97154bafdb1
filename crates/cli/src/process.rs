//! What every long-running command does: log, start, and end with a word why.

use std::process::ExitCode;

use portcullis_config::{Config, Diagnostic, LogLevel, Severity};
use portcullis_control_plane::source::files::MISSING_SECRET;
use portcullis_control_plane::{FileSource, Loaded};

use crate::args::LogFormat;
use crate::check::{counted, fail};
use crate::logging;

/// Why a command ends with an error, in words for who started it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Starts logging, runs `command` and says how it ended. Exits 1 when it cannot
/// start, or when a part of it ends by itself.
pub(crate) fn run(
    format: LogFormat,
    command: impl FnOnce(&logging::Level) -> Result<(), Failure>,
) -> ExitCode {
    let level = logging::start(format);
    // Exactly one crypto provider, before anything asks for TLS; a second call finds it in place.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match command(&level) {
        Ok(()) => ExitCode::SUCCESS,
        // What reads a log of JSON lines gets nothing else.
        Err(error) if format == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// The runtime of the process.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The first reading: its problems are logged, and it must be able to take effect.
pub(crate) fn first_reading(source: &FileSource) -> Result<(Loaded, std::sync::Arc<Config>), Failure> {
    let first = source.load();
    report(&first.diagnostics);
    let Some(config) = first.config.clone().filter(|_| first.is_usable()) else {
        let diagnostics = first.diagnostics.iter();
        let errors: Vec<_> = diagnostics.filter(|d| d.severity == Severity::Error).collect();
        let file = source.name();
        let number = counted(errors.len(), "error");
        // That a role apart needs its secrets `check` does not know.
        let hint = if errors.iter().all(|d| d.code == MISSING_SECRET) {
            ""
        } else {
            "; `portcullis check` lists them for reading"
        };
        return Err(format!("`{file}` cannot take effect: {number}, listed above{hint}").into());
    };
    Ok((first, config))
}

fn report(diagnostics: &[Diagnostic]) {
    for Diagnostic {
        severity,
        code,
        file,
        span,
        message,
        help,
        route: _,
    } in diagnostics
    {
        // As at a reload: one line each, the place in a field of its own.
        let at = format!("{file}:{}:{}", span.line, span.column);
        match severity {
            Severity::Error => tracing::error!(at, code, help, "{message}"),
            Severity::Warning => tracing::warn!(at, code, help, "{message}"),
        }
    }
}

/// The level as [`logging::Level::set`] takes it.
pub(crate) fn name_of(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Off => "off",
    }
}
