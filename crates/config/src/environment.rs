//! Environment variables over the file, in the forms that Pomerium's loader takes.

mod form;

use std::collections::BTreeMap;

use portcullis_document::{Entry, Node, Span, Value};

use crate::codes::{NO_EFFECT, WRONG_TYPE};
use crate::report::{Problem, Report};
use crate::schema::{Key, Kind, Scope, State, find, keys};

/// What a variable can say of an option.
enum Form {
    /// Text, which the option reads as it reads text in a file.
    Text,
    /// A JSON object.
    Object,
    /// A JSON object, or `NAME:VALUE,NAME:VALUE`.
    Headers,
    /// The base64 of a YAML list.
    Routes,
    /// Nothing: Pomerium refuses to start.
    Refused,
    /// Nothing: Pomerium does not look at it.
    Unread,
}

/// The options of the file, if there is one, those that a variable sets replaced by it; `None` if there is
/// no file and no variable sets anything.
pub(crate) fn overlay(
    report: &mut Report,
    file: Option<Vec<Entry>>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Option<Vec<Entry>> {
    let variables: BTreeMap<String, String> = environment
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let mut any = file.is_some();
    let mut entries = file.unwrap_or_default();
    if variables.is_empty() {
        return any.then_some(entries);
    }
    for key in keys() {
        let Some(form) = form_of(key) else {
            continue;
        };
        let name = match key.name {
            "set_response_headers" => "HEADERS".to_owned(),
            name => name.replace('.', "_").to_ascii_uppercase(),
        };
        let Some(text) = variables.get(&name) else {
            continue;
        };
        any = true;
        match read(report, key, &form, &name, text) {
            Err(problem) => report.add(problem),
            Ok(value) => set(&mut entries, key, value),
        }
    }
    any.then_some(entries)
}

/// In what form a variable sets an option; `None` if none is bound to it.
fn form_of(key: &Key) -> Option<Form> {
    let settable = !matches!(
        key.state,
        State::Removed { .. } | State::ApiOnly | State::Ignored { .. }
    );
    if key.scope != Scope::Global || !settable {
        return None;
    }
    if let Some((whole, _)) = key.name.rsplit_once('.') {
        let whole = find(Scope::Global, whole)?;
        // A group of fixed parts is bound part by part; what else has parts is bound as a whole.
        if whole.state != State::Group || is_map(whole) {
            return (!is_map(whole) && whole.kind != Kind::Named).then_some(Form::Unread);
        }
    }
    Some(match key.kind {
        Kind::Object if is_map(key) => Form::Object,
        Kind::Object if key.state == State::Group => return None,
        Kind::Map | Kind::Named => Form::Object,
        Kind::ResponseHeaders => Form::Headers,
        Kind::Routes => Form::Routes,
        Kind::Object | Kind::Objects | Kind::StrictObjects | Kind::Any => Form::Refused,
        _ => Form::Text,
    })
}

/// Pomerium's one map among the groups: its parts are no fields of their own.
fn is_map(key: &Key) -> bool {
    key.name == "runtime_flags"
}

fn read(report: &mut Report, key: &Key, form: &Form, name: &str, text: &str) -> Result<Node, Problem> {
    match form {
        Form::Text => Ok(form::text(report.variable(name, text), text)),
        Form::Object => form::object(report.variable(name, text), key.name, text),
        Form::Headers => form::headers(report.variable(name, text), key.name, text),
        Form::Routes => form::routes(report, key.name, name, text),
        Form::Refused => {
            let message = format!("`{}` cannot be set by an environment variable", key.name);
            let problem = Problem::error(WRONG_TYPE, report.variable(name, text), message);
            Err(problem.help("set it in the file"))
        }
        Form::Unread => {
            let message = format!("`{}` cannot be set by an environment variable", key.name);
            let problem = Problem::warning(NO_EFFECT, report.variable(name, text), message);
            Err(problem.help("set it in the file"))
        }
    }
}

/// Sets an option, or a part of one, in place of what the file says of it.
fn set(entries: &mut Vec<Entry>, key: &Key, value: Node) {
    let span = value.span;
    entries.retain(|entry| !entry.key.eq_ignore_ascii_case(key.name));
    match key.name.split_once('.') {
        None => entries.push(entry(key.name, span, value)),
        Some((whole, part)) => {
            let found = entries
                .iter_mut()
                .find(|entry| entry.key.eq_ignore_ascii_case(whole));
            match found.map(|entry| &mut entry.value) {
                Some(Node {
                    value: Value::Map(parts),
                    ..
                }) => {
                    parts.retain(|entry| !entry.key.eq_ignore_ascii_case(part));
                    parts.push(entry(part, span, value));
                }
                // Something else than a map is an error of the file, which stays.
                Some(node) if !node.is_null() => {}
                _ => {
                    entries.retain(|entry| !entry.key.eq_ignore_ascii_case(whole));
                    let parts = Value::Map(vec![entry(part, span, value)]);
                    entries.push(entry(whole, span, Node { span, value: parts }));
                }
            }
        }
    }
}

fn entry(key: &str, key_span: Span, value: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        key_span,
        value,
    }
}
