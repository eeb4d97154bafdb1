//! From checked options to values. Shapes are right here; what remains is meaning.

mod action;
mod authenticate;
mod certificates;
mod client_certificates;
mod cookie;
mod from;
mod global;
mod headers;
mod idp;
mod pages;
mod path;
mod policy;
mod redirect;
mod relations;
mod respond;
mod route;
mod secrets;
mod services;
mod storage;
mod targets;
mod template;
mod times;
mod to;
mod upstream;
mod wildcards;

use portcullis_document::{Entry, Node, Span, Value};

use crate::codes::EMPTY_ENTRY;
use crate::report::{Problem, Report};
use crate::schema::{Field, Fields, Scope, walk};
use crate::{Global, Route, value};

/// The parts of a [`crate::Config`].
pub(crate) fn document(report: &mut Report, entries: &[Entry]) -> (Global, Vec<Route>) {
    let fields = walk(report, entries, Scope::Global, false);
    let global = global::read(report, &fields);
    let mut routes = Vec::new();
    let mut index = 0_usize;
    for (list, legacy) in [("policy", true), ("routes", false)] {
        for item in fields.get(list).map(|field| items(field)).unwrap_or_default() {
            report.enter_route(index);
            let route = route::read(report, item, index, legacy, &global);
            let invalid = report.leave_route();
            routes.extend(route.map(|route| route.finish(invalid)));
            index = index.saturating_add(1);
        }
    }
    authenticate::advise(report, &global, &routes);
    cookie::advise(report, &fields, &global, &routes);
    wildcards::advise(report, &routes);
    (global, routes)
}

/// The routes of a list; a single one may stand without a list, and an empty map is an empty list.
fn items<'d>(field: &Field<'d>) -> Vec<&'d Node> {
    match &field.node.value {
        Value::Seq(items) => items.iter().collect(),
        Value::Map(entries) if entries.is_empty() => Vec::new(),
        Value::Map(_) => vec![field.node],
        Value::Scalar(_) => Vec::new(),
    }
}

/// The text of an option; an empty one counts as not set.
fn text(fields: &Fields<'_>, name: &str) -> Option<String> {
    let scalar = fields.get(name)?.node.as_scalar()?;
    value::text(scalar).filter(|text| !text.is_empty())
}

fn boolean(fields: &Fields<'_>, name: &str) -> Option<bool> {
    fields.get(name)?.node.as_scalar().and_then(value::boolean)
}

/// A part of a map option, if it is set.
fn part<'d>(node: &'d Node, name: &str) -> Option<&'d Node> {
    let mut entries = node.as_map()?.iter();
    entries
        .find(|entry| entry.key.eq_ignore_ascii_case(name))
        .map(|entry| &entry.value)
        .filter(|value| !value.is_null())
}

/// The texts of a list option, see [`texts`].
fn strings(report: &mut Report, fields: &Fields<'_>, name: &str) -> Vec<String> {
    fields
        .get(name)
        .map(|field| texts(report, field.node, name))
        .unwrap_or_default()
}

/// The texts of a list, without empty ones: who is named by an empty text is anybody's guess.
fn texts(report: &mut Report, node: &Node, name: &str) -> Vec<String> {
    placed_texts(report, node, name)
        .into_iter()
        .map(|(text, _)| text)
        .collect()
}

/// The same, each with its place.
fn placed_texts(report: &mut Report, node: &Node, name: &str) -> Vec<(String, Span)> {
    let mut texts = value::strings(node).unwrap_or_default();
    texts.retain(|(text, span)| keep(report, !text.is_empty(), *span, name));
    texts
}

/// Whether an entry of a list is to be kept; that it is not is said.
fn keep(report: &mut Report, keep: bool, span: Span, name: &str) -> bool {
    if !keep {
        let message = format!("an empty text in `{name}` is left out");
        report.add(Problem::warning(EMPTY_ENTRY, span, message));
    }
    keep
}
