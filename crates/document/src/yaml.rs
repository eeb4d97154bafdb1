//! Parser events to a tree. Nothing else in the workspace sees `saphyr_parser`.

mod build;
#[cfg(test)]
mod tests;

use saphyr_parser::{Event, Parser};

use crate::error::YAML;
use crate::{Limits, Node, Span, SyntaxError};
use build::{Builder, span_of};

/// Reads the first document of `text`; `None` if it is empty. Later documents are not looked at, as in
/// Pomerium. A byte order mark at the start is skipped.
///
/// # Errors
/// The first problem that makes the text unreadable or too costly; see [`crate::SYNTAX_CODES`].
pub fn parse_yaml(text: &str, limits: &Limits) -> Result<Option<Node>, SyntaxError> {
    read(text, limits).map_err(|mut error| {
        if error.message == TAB
            && let Some(tab) = tab_near(text, error.span)
        {
            error.span = tab;
        }
        // The scanner counts a line break that is missing at the end of the text.
        error.span = error.span.min(end_of(text));
        error
    })
}

/// What the scanner says of a tab in several ways.
const TAB: &str = "a tab stands where YAML takes only spaces";

/// The tab that made the scanner give up at `span`: it stops behind it in the same line, or at the
/// beginning of a text that goes on in a line that a tab indents.
fn tab_near(text: &str, span: Span) -> Option<Span> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
    let first = usize::try_from(span.line).ok()?.checked_sub(1)?;
    let until = usize::try_from(span.column).ok()?.saturating_sub(1);
    let before: Vec<char> = text.split('\n').nth(first)?.chars().take(until).collect();
    if let Some(last) = before.iter().rposition(|&c| c == '\t') {
        let run = before
            .get(..last)?
            .iter()
            .rev()
            .take_while(|&&c| c == '\t')
            .count();
        return Some(Span {
            line: span.line,
            column: number(last.saturating_sub(run)),
        });
    }
    let mut below = text.split('\n').enumerate().skip(first.saturating_add(1));
    below.find_map(|(line, text)| {
        let spaces = text.bytes().take_while(|&byte| byte == b' ').count();
        (text.as_bytes().get(spaces) == Some(&b'\t')).then(|| Span {
            line: number(line),
            column: number(spaces),
        })
    })
}

fn end_of(text: &str) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default();
    let column = number(last.trim_start_matches('\u{feff}').chars().count()).saturating_add(1);
    Span {
        line: number(text.matches('\n').count()).saturating_add(1),
        column,
    }
}

fn read(text: &str, limits: &Limits) -> Result<Option<Node>, SyntaxError> {
    YAML.check_bytes(text, limits)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_control_characters(text)?;
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None => return Ok(None),
            Some(Err(error)) => return Err(scan_error(&error)),
            Some(Ok((Event::StreamEnd, _))) => return Ok(None),
            Some(Ok((Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _))) => {}
            Some(Ok((Event::DocumentEnd, _))) => return Ok(None),
            Some(Ok((event, span))) => {
                let root = Builder::new(&mut parser, limits).root(event, &span)?;
                // The text after the root must still be YAML: `a: 1` followed by `]` is no document.
                return match parser.next_event() {
                    Some(Err(error)) => Err(scan_error(&error)),
                    // A map in braces ends before the text does: `{a: 1} x`.
                    Some(Ok((Event::DocumentEnd, _))) => match parser.next_event() {
                        Some(Err(error)) => Err(scan_error(&error)),
                        Some(Ok(_)) | None => Ok(Some(root)),
                    },
                    Some(Ok((Event::StreamEnd, _))) | None => Ok(Some(root)),
                    Some(Ok((_, span))) => Err(SyntaxError::new(
                        span_of(&span),
                        YAML.syntax,
                        "text after the end of the document",
                    )),
                };
            }
        }
    }
}

fn scan_error(error: &saphyr_parser::ScanError) -> SyntaxError {
    let span = build::span_at(*error.marker());
    if error.info().contains("unknown anchor") {
        return SyntaxError::new(
            span,
            crate::error::ALIAS,
            "the alias names no anchor that stands before it",
        );
    }
    // The scanner looks ahead for the end of a possible key and meets its own limit first.
    if error.info().contains("recursion limit") {
        return SyntaxError::new(span, YAML.too_deep, "lists and maps are nested too deeply");
    }
    if error.info().contains("tab") || error.info().contains("valid YAML whitespace") {
        return SyntaxError::new(span, YAML.syntax, TAB);
    }
    SyntaxError::new(span, YAML.syntax, error.info().trim_end_matches('.').to_owned())
}

/// `yaml.v3` refuses these while it reads; the parser below would let some of them pass.
fn refuse_control_characters(text: &str) -> Result<(), SyntaxError> {
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let mut span = Span::START;
    for c in text.chars() {
        if forbidden(c) {
            let message = format!("the control character U+{:04X} is not allowed", u32::from(c));
            return Err(SyntaxError::new(span, YAML.control, message));
        }
        if c == '\n' {
            span = Span {
                line: span.line.saturating_add(1),
                column: 1,
            };
        } else {
            span.column = span.column.saturating_add(1);
        }
    }
    Ok(())
}
