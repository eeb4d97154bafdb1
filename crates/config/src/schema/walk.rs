//! Through the options of one map: names, shapes and states. What is left is for the readers.

use std::collections::HashMap;

use portcullis_document::{Entry, Node, Span, Value};

use super::check::{check, excerpt};
use super::judge::judge;
use super::{Key, Kind, Scope, State, effective_state, find, has_parts, keys, nearest, retired};
use crate::Severity;
use crate::codes::{DUPLICATE_KEY, UNKNOWN_KEY};
use crate::report::{Problem, Report};

/// An option that is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'d> {
    /// Its name in the schema.
    pub(crate) name: &'static str,
    pub(crate) key_span: Span,
    pub(crate) node: &'d Node,
    /// Whether its value has the right shape.
    good: bool,
}

/// The options of one map that are set and not null.
#[derive(Debug, Default)]
pub(crate) struct Fields<'d>(Vec<Field<'d>>);

impl<'d> Fields<'d> {
    /// The option, if it is set to a value of the right shape.
    pub(crate) fn get(&self, name: &str) -> Option<&Field<'d>> {
        self.present(name).filter(|field| field.good)
    }

    /// The option, if it is set at all.
    pub(crate) fn present(&self, name: &str) -> Option<&Field<'d>> {
        self.0.iter().find(|field| field.name == name)
    }
}

/// Checks every option of a map and returns those that are set. `legacy` is the list `policy`.
pub(crate) fn walk<'d>(report: &mut Report, entries: &'d [Entry], scope: Scope, legacy: bool) -> Fields<'d> {
    let mut fields = Vec::new();
    for (name, entry) in unique(report, entries) {
        let Some(key) = find(scope, &name).filter(|key| settable(key)) else {
            match find(scope, &name).and_then(group_of) {
                Some(group) => report.add(misplaced(entry, group)),
                None => unknown(report, scope, "", entry, &name),
            }
            continue;
        };
        if entry.value.is_null() && !matches!(key.state, State::Removed { .. }) {
            continue;
        }
        let good = examine(report, key, entry, legacy);
        report.extend(judge(key, entry.key_span, &entry.value, legacy));
        fields.push(Field {
            name: key.name,
            key_span: entry.key_span,
            node: &entry.value,
            good,
        });
    }
    Fields(fields)
}

/// A dotted name at the top sets a part, as in Pomerium; of what works, we read parts only where they
/// belong, so there such a name is unknown.
fn settable(key: &Key) -> bool {
    !key.name.contains('.') || *effective_state(key) != State::Working
}

/// The group of which the option is a part.
fn group_of(key: &Key) -> Option<&'static str> {
    let (whole, _) = key.name.rsplit_once('.')?;
    let whole = find(key.scope, whole)?;
    (whole.state == State::Group).then_some(whole.name)
}

/// What is set in Pomerium by such a name must not be passed over here.
fn misplaced(entry: &Entry, group: &str) -> Problem {
    let message = format!("`{}` is read only inside of `{group}`", excerpt(&entry.key));
    Problem::error(UNKNOWN_KEY, entry.key_span, message).help(format!("write it below `{group}:`"))
}

/// Entries by name in lower case, each once.
fn unique<'d>(report: &mut Report, entries: &'d [Entry]) -> Vec<(String, &'d Entry)> {
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut unique = Vec::new();
    for entry in entries {
        let name = entry.key.to_ascii_lowercase();
        match seen.get(&name) {
            Some(first) => {
                let message = format!(
                    "`{}` is already given in line {} in another case",
                    excerpt(&entry.key),
                    first.line
                );
                report.add(Problem::error(DUPLICATE_KEY, entry.key_span, message));
            }
            None => {
                seen.insert(name.clone(), entry.key_span);
                unique.push((name, entry));
            }
        }
    }
    unique
}

/// Shape of a value and of its parts; whether it has the right one.
fn examine(report: &mut Report, key: &'static Key, entry: &Entry, legacy: bool) -> bool {
    let problems = check(key, &entry.value);
    let good = problems
        .iter()
        .all(|problem| problem.severity() == Severity::Warning);
    report.extend(problems);
    if good && key.kind != Kind::Any && (has_parts(key) || key.kind == Kind::Named) {
        parts(report, key, &entry.value, legacy);
    }
    good
}

fn parts(report: &mut Report, key: &'static Key, node: &Node, legacy: bool) {
    match (&node.value, key.kind) {
        (Value::Map(names), Kind::Named) => {
            for name in names {
                if let Some(entries) = name.value.as_map() {
                    part(report, key, &format!("{}.<name>", key.name), entries, legacy);
                }
            }
        }
        (Value::Map(entries), _) => part(report, key, key.name, entries, legacy),
        (Value::Seq(items), _) => {
            for entries in items.iter().filter_map(Node::as_map) {
                part(report, key, key.name, entries, legacy);
            }
        }
        (Value::Scalar(_), _) => {}
    }
}

/// The parts of a group are judged one by one; of another option that is not implemented it is enough to
/// have said so once.
fn part(report: &mut Report, whole: &'static Key, prefix: &str, entries: &[Entry], legacy: bool) {
    for (name, entry) in unique(report, entries) {
        let Some(key) = find(whole.scope, &format!("{prefix}.{name}")) else {
            unknown(report, whole.scope, prefix, entry, &name);
            continue;
        };
        if entry.value.is_null() {
            continue;
        }
        let _ = examine(report, key, entry, legacy);
        let foreign = matches!(
            key.state,
            State::ApiOnly | State::Removed { .. } | State::Ignored { .. }
        );
        if whole.state == State::Group || foreign {
            report.extend(judge(key, entry.key_span, &entry.value, legacy));
        }
    }
}

fn unknown(report: &mut Report, scope: Scope, prefix: &str, entry: &Entry, name: &str) {
    let shown = if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    };
    let message = format!("there is no option `{}`", excerpt(&shown));
    let problem = Problem::warning(UNKNOWN_KEY, entry.key_span, message);
    let help = if report.has_room() {
        advice(scope, prefix, name)
    } else {
        None
    };
    report.add(match help {
        Some(help) => problem.help(help),
        None => problem,
    });
}

fn advice(scope: Scope, prefix: &str, name: &str) -> Option<String> {
    if prefix.is_empty() {
        if let Some(help) = retired::successor(scope, name) {
            return Some(help.to_owned());
        }
        let (other, place) = match scope {
            Scope::Global => (Scope::Route, "a route"),
            Scope::Route => (Scope::Global, "the file, outside of routes"),
        };
        if find(other, name).is_some_and(|key| is_offered(key) && !name.contains('.')) {
            return Some(format!("it is an option of {place}"));
        }
    }
    let siblings = keys()
        .filter(|key| key.scope == scope && is_offered(key))
        .filter_map(|key| {
            let (parent, last) = key.name.rsplit_once('.').unwrap_or(("", key.name));
            (parent == prefix).then_some(last)
        });
    nearest(name, siblings).map(|near| format!("did you mean `{near}`?"))
}

fn is_offered(key: &Key) -> bool {
    !matches!(
        key.state,
        State::Removed { .. } | State::ApiOnly | State::Ignored { .. }
    )
}
