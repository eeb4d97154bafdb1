//! `portcullis check`: every problem of a configuration, without starting anything.

use std::io::Write as _;
use std::process::ExitCode;

use portcullis_admin::printable;
use portcullis_config::{Diagnostic, Severity};
use serde_json::{Value, json};

use crate::args::{Check, CheckFormat};

/// Exits 0 with warnings at most, 1 with any error.
pub(crate) fn check(arguments: &Check) -> ExitCode {
    let source = match arguments.config.source() {
        Ok(source) => arguments.reader.of(source),
        Err(error) => return fail(&error.to_string()),
    };
    let diagnostics = source.load().diagnostics;
    if write(&render(&diagnostics, arguments.format)).is_err() {
        return ExitCode::FAILURE;
    }
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Says `message` on standard error; the exit code of a command that met an error. What
/// others have said in it moves no cursor.
pub(crate) fn fail(message: &str) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {}", printable::lines(message));
    ExitCode::FAILURE
}

/// Says `message` on standard error; the exit code of a command line that cannot
/// be followed, which is clap's own.
pub(crate) fn usage(message: &str) -> ExitCode {
    fail(message);
    ExitCode::from(2)
}

/// Writes `text` to standard output.
pub(crate) fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn render(diagnostics: &[Diagnostic], format: CheckFormat) -> String {
    match format {
        CheckFormat::Text => text(diagnostics),
        CheckFormat::Json => line(&Value::Array(diagnostics.iter().map(one).collect())),
        CheckFormat::Sarif => line(&sarif(diagnostics)),
    }
}

fn line(value: &Value) -> String {
    format!("{value:#}\n")
}

/// One problem after the other, and a last line that counts.
fn text(diagnostics: &[Diagnostic]) -> String {
    let mut text: String = diagnostics.iter().map(|d| format!("{d}\n")).collect();
    let errors = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    let warnings = diagnostics.len() - errors;
    text.push_str(&format!(
        "{}, {}\n",
        counted(errors, "error"),
        counted(warnings, "warning")
    ));
    text
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn one(diagnostic: &Diagnostic) -> Value {
    let Diagnostic {
        severity,
        code,
        file,
        span,
        message,
        help,
        route,
    } = diagnostic;
    json!({
        "severity": severity.to_string(),
        "code": code,
        "file": file,
        "line": span.line,
        "column": span.column,
        "message": message,
        "help": help,
        "route": route,
    })
}

/// SARIF 2.1.0, for what shows problems beside the code.
fn sarif(diagnostics: &[Diagnostic]) -> Value {
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|d| {
            let text = d
                .help
                .as_ref()
                .map_or_else(|| d.message.clone(), |h| format!("{}\n{h}", d.message));
            json!({
                "ruleId": d.code,
                "level": d.severity.to_string(),
                "message": { "text": text },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": d.file },
                        "region": { "startLine": d.span.line, "startColumn": d.span.column },
                    },
                }],
            })
        })
        .collect();
    let mut rules: Vec<&str> = diagnostics.iter().map(|d| d.code).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|code| json!({ "id": code })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "portcullis",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_config::Span;

    fn problem(severity: Severity) -> Diagnostic {
        Diagnostic {
            severity,
            code: "unknown_key",
            file: "config.yaml".into(),
            span: Span { line: 3, column: 5 },
            message: "unknown key `fro`".to_owned(),
            help: Some("did you mean `from`?".to_owned()),
            route: Some(0),
        }
    }

    #[test]
    fn the_first_line_says_what_and_where() {
        let shown = render(&[problem(Severity::Warning)], CheckFormat::Text);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[0],
            "warning: unknown_key: config.yaml:3:5: unknown key `fro`"
        );
        assert_eq!(lines[1], "  help: did you mean `from`?");
        assert_eq!(lines[2], "0 errors, 1 warning");
    }

    #[test]
    fn machines_read_the_same() {
        let json: Value =
            serde_json::from_str(&render(&[problem(Severity::Error)], CheckFormat::Json)).unwrap();
        assert_eq!(json[0]["line"], 3);
        assert_eq!(json[0]["severity"], "error");
        let sarif: Value =
            serde_json::from_str(&render(&[problem(Severity::Error)], CheckFormat::Sarif)).unwrap();
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!(result["level"], "error");
        assert_eq!(
            result["locations"][0]["physicalLocation"]["region"]["startColumn"],
            5
        );
    }
}
