//! What is said about an option because of its state.

use portcullis_document::{Kind as Scalar, Node, Span, Value};

use super::{Key, Kind, State, effective_state};
use crate::codes::{API_ONLY_KEY, NO_EFFECT, NOT_IMPLEMENTED, NOT_IMPLEMENTED_UNSAFE, REMOVED_KEY};
use crate::report::Problem;
use crate::value;

/// What is to be said about an option that is set, its value aside. `legacy` is the list `policy`, where
/// Pomerium only logs removed options.
pub(super) fn judge(key: &Key, key_span: Span, node: &Node, legacy: bool) -> Option<Problem> {
    let name = key.name;
    match effective_state(key) {
        State::Working | State::Group | State::Alias { .. } => None,
        State::NotYet if is_default(key, node) => None,
        State::NotYet => {
            let message = format!("`{name}` is not implemented yet and is ignored");
            Some(Problem::warning(NOT_IMPLEMENTED, key_span, message))
        }
        State::NotYetUnsafe { .. } if is_default(key, node) => None,
        State::NotYetUnsafe { without } => {
            let message = format!("`{name}` is not implemented yet, and without it {without}");
            Some(Problem::error(NOT_IMPLEMENTED_UNSAFE, key_span, message))
        }
        State::Removed { help } => {
            let message = format!("`{name}` was removed from Pomerium");
            Some(if legacy {
                Problem::warning(REMOVED_KEY, key_span, format!("{message} and is ignored")).help(*help)
            } else {
                Problem::error(REMOVED_KEY, key_span, message).help(*help)
            })
        }
        State::ApiOnly => {
            let message = format!("`{name}` exists only in Pomerium's API; in a file it is ignored");
            Some(Problem::warning(API_ONLY_KEY, key_span, message))
        }
        State::Ignored { because } => {
            let message = format!("`{name}` has no effect: {because}");
            Some(Problem::warning(NO_EFFECT, key_span, message))
        }
    }
}

/// Whether the value changes nothing.
pub(super) fn is_default(key: &Key, node: &Node) -> bool {
    let empty = match &node.value {
        Value::Seq(items) => items.is_empty(),
        // An empty map can mean something: `redirect: {}` is a redirect.
        Value::Map(entries) => {
            let means_something =
                key.kind == Kind::Object && matches!(effective_state(key), State::NotYetUnsafe { .. });
            entries.is_empty() && !means_something
        }
        Value::Scalar(scalar) => scalar.is_null() || (scalar.kind == Scalar::Str && scalar.text.is_empty()),
    };
    if empty {
        return true;
    }
    let default = portcullis_document::Scalar::plain(key.default.unwrap_or_default());
    let same = |a: &portcullis_document::Scalar, b: &portcullis_document::Scalar| match key.kind {
        Kind::Bool => value::boolean(a) == Some(key.default.is_some() && value::boolean(b) == Some(true)),
        Kind::Int | Kind::Uint => key.default.is_some() && value::integer(a) == value::integer(b),
        Kind::Float => key.default.is_some() && value::float(a) == value::float(b),
        Kind::Duration => key.default.is_some() && value::nanoseconds(a) == value::nanoseconds(b),
        Kind::Enum(words) => {
            let word = |scalar| value::text(scalar).and_then(|text| words.find(&text));
            key.default.is_some() && word(a) == word(b)
        }
        _ => key.default.is_some() && value::text(a) == value::text(b),
    };
    match key.kind {
        Kind::Services => value::strings(node).is_ok_and(|services| is_every_service(&services)),
        Kind::Strings => value::strings(node).is_ok_and(|list| {
            let list: Vec<&str> = list.iter().map(|(text, _)| text.as_str()).collect();
            key.default.is_some_and(|default| list.iter().eq(&[default]))
        }),
        _ => node.as_scalar().is_some_and(|scalar| same(scalar, &default)),
    }
}

/// `all`, or all four by name; `cache` is the old name of `databroker`.
fn is_every_service(services: &[(String, Span)]) -> bool {
    let has = |name: &str| services.iter().any(|(service, _)| service.trim() == name);
    has("all")
        || (has("authenticate") && has("authorize") && has("proxy") && (has("databroker") || has("cache")))
}
