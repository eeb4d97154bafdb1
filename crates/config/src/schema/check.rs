//! Whether a value has the shape of its option: what Pomerium's loader and Envoy would refuse.

mod headers;

use portcullis_document::{Kind as Scalar, Node, Value};

pub(crate) use headers::{folded, reserved_in_requests};

use super::{Key, Kind, nearest};
use crate::codes::{BARE_DURATION, WRONG_TYPE, WRONG_VALUE};
use crate::report::Problem;
use crate::value;

const SERVICES: [&str; 6] = ["all", "authenticate", "authorize", "proxy", "databroker", "cache"];

/// What is wrong with the value, parts aside.
pub(super) fn check(key: &Key, node: &Node) -> Vec<Problem> {
    let problem = match key.kind {
        Kind::Bool => boolean(key, node),
        Kind::Int => scalar(key, node, "an integer", |s| {
            value::integer(s).is_some_and(|int| i64::try_from(int).is_ok())
        }),
        Kind::Uint => scalar(key, node, "an integer from 0", |s| {
            value::integer(s).is_some_and(|int| u64::try_from(int).is_ok())
        }),
        Kind::Float => scalar(key, node, "a number", |s| value::float(s).is_some()),
        Kind::RedirectCode => scalar(key, node, "301, 302, 303, 307 or 308", |s| {
            value::integer(s).is_some_and(|code| [0, 301, 302, 303, 307, 308].contains(&code))
        }),
        Kind::Duration => duration(key, node),
        Kind::Text => scalar(key, node, "text", |s| value::text(s).is_some()),
        Kind::Base64 => base64(key, node, "base64", |text| value::from_base64(text).is_ok()),
        Kind::Pem => base64(key, node, "PEM in base64", |text| {
            value::pem_from_base64(text).is_ok()
        }),
        Kind::Enum(words) => enumeration(key, node, words),
        Kind::Strings => strings(key, node).err(),
        Kind::Services => match strings(key, node) {
            Err(problem) => Some(problem),
            Ok(services) => services
                .iter()
                .find(|service| !SERVICES.contains(&service.trim()))
                .map(|service| word(key, node, service, SERVICES)),
        },
        Kind::Map => map_of_texts(key, node),
        Kind::HeaderName => return headers::name(key, node),
        Kind::RemovedHeaders => return headers::removed(key, node),
        Kind::RequestHeaders => return headers::set(key, node, reserved_in_requests),
        Kind::ResponseHeaders => return headers::set(key, node, headers::reserved_in_responses),
        Kind::ClaimsHeaders => return headers::claims(key, node),
        Kind::Claims => shape(key, node, "a map", matches!(node.value, Value::Map(_))),
        Kind::Object | Kind::Named => shape(key, node, "a map", matches!(node.value, Value::Map(_))),
        Kind::Objects => shape(key, node, "a list of maps", is_objects(node, true)),
        Kind::StrictObjects => shape(key, node, "a list of maps", is_objects(node, false)),
        Kind::Routes => shape(
            key,
            node,
            "a list of routes",
            matches!(node.value, Value::Seq(_) | Value::Map(_)),
        ),
        // These have readers of their own, which say more.
        Kind::To | Kind::Ppl | Kind::Any => None,
    };
    problem.into_iter().collect()
}

fn scalar(
    key: &Key,
    node: &Node,
    expected: &str,
    fits: impl Fn(&portcullis_document::Scalar) -> bool,
) -> Option<Problem> {
    match node.as_scalar() {
        Some(scalar) if fits(scalar) => None,
        Some(scalar) if key.kind != Kind::Text && scalar.kind != Scalar::Null => {
            let message = format!("`{}` takes {expected}, not `{}`", key.name, excerpt(&scalar.text));
            Some(Problem::error(WRONG_VALUE, node.span, message))
        }
        Some(_) | None => Some(wrong_type(key, node, expected)),
    }
}

/// YAML 1.2 has fewer words for yes and no than its forerunner.
fn boolean(key: &Key, node: &Node) -> Option<Problem> {
    let problem = scalar(key, node, "`true` or `false`", |s| value::boolean(s).is_some())?;
    let word = node.as_str().unwrap_or_default().to_ascii_lowercase();
    Some(match word.as_str() {
        "yes" | "y" | "on" => problem.help("write `true`"),
        "no" | "n" | "off" => problem.help("write `false`"),
        _ => problem,
    })
}

/// The value may be a private key and is never shown.
fn base64(key: &Key, node: &Node, expected: &str, fits: impl Fn(&str) -> bool) -> Option<Problem> {
    match node.as_scalar().and_then(value::text) {
        None => Some(wrong_type(key, node, expected)),
        Some(text) if text.is_empty() || fits(&text) => None,
        Some(_) => {
            let message = format!("`{}` takes {expected}, and its value is something else", key.name);
            let problem = Problem::error(WRONG_VALUE, node.span, message);
            Some(problem.help(format!(
                "encode a file with `base64 -w0`, or give its path in `{}_file`",
                key.name
            )))
        }
    }
}

fn duration(key: &Key, node: &Node) -> Option<Problem> {
    if let Some(problem) = scalar(key, node, "a duration such as `1h30m` or `10s`", |s| {
        value::nanoseconds(s).is_some()
    }) {
        return Some(problem);
    }
    let bare = node.as_scalar().is_some_and(|scalar| {
        scalar.kind != Scalar::Str && value::nanoseconds(scalar).is_some_and(|nanos| nanos != 0)
    });
    bare.then(|| {
        let message = format!(
            "`{}` has no unit and counts nanoseconds, as in Pomerium",
            key.name
        );
        Problem::warning(BARE_DURATION, node.span, message).help("write a unit, such as `30s`")
    })
}

fn enumeration(key: &Key, node: &Node, words: &super::Enumeration) -> Option<Problem> {
    let Some(text) = node.as_scalar().and_then(value::text) else {
        return Some(wrong_type(key, node, "a word"));
    };
    if text.is_empty() || words.find(&text).is_some() {
        return None;
    }
    Some(word(key, node, &text, words.values.iter().copied()))
}

fn word(
    key: &Key,
    node: &Node,
    found: &str,
    words: impl IntoIterator<Item = &'static str> + Clone,
) -> Problem {
    let all: Vec<String> = words
        .clone()
        .into_iter()
        .map(|word| format!("`{word}`"))
        .collect();
    let message = format!(
        "`{}` takes one of {}, not `{}`",
        key.name,
        all.join(", "),
        excerpt(found)
    );
    let problem = Problem::error(WRONG_VALUE, node.span, message);
    match nearest(found, words) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn strings(key: &Key, node: &Node) -> Result<Vec<String>, Problem> {
    match value::strings(node) {
        Ok(list) => Ok(list.into_iter().map(|(text, _)| text).collect()),
        Err(bad) => Err(wrong_type(key, bad, "a list of texts")),
    }
}

fn map_of_texts(key: &Key, node: &Node) -> Option<Problem> {
    let Some(entries) = node.as_map() else {
        return Some(wrong_type(key, node, "a map from text to text"));
    };
    let bad = entries
        .iter()
        .find(|entry| !entry.value.is_null() && entry.value.as_scalar().and_then(value::text).is_none())?;
    Some(wrong_type(key, &bad.value, "a map from text to text"))
}

fn is_objects(node: &Node, weak: bool) -> bool {
    match &node.value {
        Value::Seq(items) => items.iter().all(|item| item.as_map().is_some()),
        Value::Map(_) => weak,
        Value::Scalar(scalar) => weak && scalar.kind == Scalar::Str && scalar.text.is_empty(),
    }
}

fn shape(key: &Key, node: &Node, expected: &str, fits: bool) -> Option<Problem> {
    (!fits).then(|| wrong_type(key, node, expected))
}

pub(super) fn wrong_type(key: &Key, node: &Node, expected: &str) -> Problem {
    let message = format!("`{}` takes {expected}, not {}", key.name, node.describe());
    Problem::error(WRONG_TYPE, node.span, message)
}

/// Enough of a text to recognise it.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(60)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
