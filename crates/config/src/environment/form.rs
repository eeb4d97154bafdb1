//! The forms of a value in a variable.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_document::{Entry, Limits, Node, Scalar, Span, Value, parse_json, parse_yaml};

use crate::codes::{EMPTY_DOCUMENT, WRONG_TYPE, WRONG_VALUE};
use crate::places::within;
use crate::report::{Problem, Report};

/// Text, whatever it looks like: a variable has no other type.
pub(super) fn text(start: Span, text: &str) -> Node {
    Node {
        span: start,
        value: Value::Scalar(Scalar::string(text)),
    }
}

/// A JSON object.
pub(super) fn object(start: Span, key: &str, text: &str) -> Result<Node, Problem> {
    let expected = "a JSON object in an environment variable";
    // Anything else is no JSON at all, most likely, and what JSON lacks in it would only confuse.
    if !text.trim_start().starts_with('{') {
        let message = format!("`{key}` takes {expected}, and its value is something else");
        return Err(Problem::error(WRONG_TYPE, start, message).help("write it as `{\"name\": \"value\"}`"));
    }
    match parse_json(text, &Limits::default()) {
        Ok(Some(node)) => Ok(moved(node, start)),
        Ok(None) => Err(Problem::error(EMPTY_DOCUMENT, start, "the variable is empty")),
        Err(mut error) => {
            error.span = within(start, error.span);
            Err(error.into())
        }
    }
}

/// A JSON object, or `NAME:VALUE,NAME:VALUE`, where no value can hold a comma.
pub(super) fn headers(start: Span, key: &str, text: &str) -> Result<Node, Problem> {
    if text.trim_start().starts_with('{') {
        return object(start, key, text);
    }
    let mut entries = Vec::new();
    let mut column = start.column;
    for pair in text.split(',') {
        let span = Span {
            line: start.line,
            column,
        };
        let length = u32::try_from(pair.chars().count()).unwrap_or(u32::MAX);
        column = column.saturating_add(length).saturating_add(1);
        let Some((name, value)) = pair.split_once(':') else {
            let message = format!(
                "`{key}` takes a JSON object or `NAME:VALUE,NAME:VALUE` in an environment variable, and \
                 here is no `:`"
            );
            return Err(Problem::error(WRONG_VALUE, span, message));
        };
        entries.push(Entry {
            key: name.trim().to_owned(),
            key_span: span,
            value: Node {
                span,
                value: Value::Scalar(Scalar::string(value.trim())),
            },
        });
    }
    Ok(Node {
        span: start,
        value: Value::Map(entries),
    })
}

/// The base64 of a YAML list. Positions are those in the list.
pub(super) fn routes(report: &mut Report, key: &str, name: &str, text: &str) -> Result<Node, Problem> {
    // What `base64` prints may have line breaks in it, which Go's reader skips too.
    let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let decoded = STANDARD
        .decode(compact.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(yaml) = decoded else {
        let message = format!("`{key}` takes the base64 of a YAML list in an environment variable");
        let problem = Problem::error(WRONG_VALUE, report.variable(name, text), message);
        return Err(problem.help("encode the list with `base64 -w0`"));
    };
    let start = report.variable(name, &yaml);
    let root = match parse_yaml(&yaml, &Limits::default()) {
        Ok(root) => root,
        Err(mut error) => {
            error.span = within(start, error.span);
            return Err(error.into());
        }
    };
    match root {
        // No routes at all is written `[]`.
        None => Err(Problem::error(EMPTY_DOCUMENT, start, "the list is empty")),
        Some(root) if root.as_seq().is_none() => {
            let message = format!("`{key}` takes a YAML list of routes, not {}", root.describe());
            Err(Problem::error(WRONG_TYPE, within(start, root.span), message))
        }
        Some(root) => Ok(moved(root, start)),
    }
}

/// A tree whose text begins at `start`.
fn moved(mut node: Node, start: Span) -> Node {
    shift(&mut node, start);
    node
}

fn shift(node: &mut Node, start: Span) {
    node.span = within(start, node.span);
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter_mut().for_each(|item| shift(item, start)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span = within(start, entry.key_span);
                shift(&mut entry.value, start);
            }
        }
    }
}
