//! Environment variables over the file.

use std::collections::BTreeMap;

use portcullis_document::{Entry, Node, Scalar, Span, Value};

use crate::codes::{NOT_IMPLEMENTED, NOT_IMPLEMENTED_UNSAFE};
use crate::report::{Problem, Report};
use crate::schema::{Key, Kind, Scope, State, effective_state, keys};

/// The options of the file, those that a variable sets replaced by it.
pub(crate) fn overlay(
    report: &mut Report,
    root: Node,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Vec<Entry> {
    let mut entries = match root.value {
        Value::Map(entries) => entries,
        Value::Scalar(_) | Value::Seq(_) => Vec::new(),
    };
    let variables: BTreeMap<String, String> = environment
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if variables.is_empty() {
        return entries;
    }
    for key in keys().filter(|key| is_bound(key)) {
        let name = match key.name {
            "set_response_headers" => "HEADERS".to_owned(),
            name => name.replace('.', "_").to_ascii_uppercase(),
        };
        let Some(value) = variables.get(&name) else {
            continue;
        };
        let span = report.variable(&name);
        if !takes_text(key) {
            let message = format!("`{}` cannot be set by an environment variable yet", key.name);
            let problem = match effective_state(key) {
                State::NotYetUnsafe { .. } => Problem::error(NOT_IMPLEMENTED_UNSAFE, span, message),
                _ => Problem::warning(NOT_IMPLEMENTED, span, message).help("set it in the file"),
            };
            report.add(problem);
            continue;
        }
        let node = Node {
            span,
            value: Value::Scalar(Scalar::plain(value.as_str())),
        };
        // What looks like a date or like nothing is still text: a variable has no other type.
        let node = match node.as_scalar() {
            Some(scalar) if scalar.as_rfc3339().is_none() && !scalar.is_null() && key.kind != Kind::Text => {
                node
            }
            _ => Node {
                span,
                value: Value::Scalar(Scalar::string(value.as_str())),
            },
        };
        entries.retain(|entry| !entry.key.eq_ignore_ascii_case(key.name));
        entries.push(Entry {
            key: key.name.to_owned(),
            key_span: span,
            value: node,
        });
    }
    entries
}

/// Options of a file that Pomerium binds to a variable of their name.
fn is_bound(key: &Key) -> bool {
    key.scope == Scope::Global
        && !key.name.contains('<')
        && !key.name.starts_with("runtime_flags.")
        && !matches!(
            key.state,
            State::Removed { .. } | State::ApiOnly | State::Ignored { .. }
        )
}

/// Maps and routes have forms of their own in a variable.
fn takes_text(key: &Key) -> bool {
    !matches!(
        key.kind,
        Kind::Map
            | Kind::Object
            | Kind::Objects
            | Kind::StrictObjects
            | Kind::Named
            | Kind::Routes
            | Kind::ResponseHeaders
            | Kind::Any
    )
}

/// Where a value from a variable stands in the file: nowhere, so at its start.
pub(crate) fn in_file(span: Span) -> Span {
    if span.line == 0 { Span::START } else { span }
}
