//! Header names and values among the options: what HTTP and Envoy allow, and what is not for routes to
//! set.

use portcullis_document::{Node, Span, Value};
use portcullis_model::HeaderName;

use super::super::Key;
use super::{excerpt, wrong_type};
use crate::codes::{HEADER_NAME, HEADER_RESERVED, HEADER_VALUE};
use crate::report::Problem;
use crate::value;

/// Part of how a message is framed and a connection kept: whoever set one could send one message as two.
const FRAMING: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
];
/// Pomerium's own beside the claim headers.
const POMERIUM: [&str; 7] = [
    "x-pomerium-authorization",
    "x-pomerium-jwt-assertion",
    "x-pomerium-jwt-assertion-for",
    "x-pomerium-reproxy-policy",
    "x-pomerium-reproxy-policy-hmac",
    "x-pomerium-routing-key",
    "x-pomerium-set-cookie",
];
/// Longer values are refused: no server takes them.
const MAX_VALUE: usize = 16_384;

pub(super) fn name(key: &Key, node: &Node) -> Vec<Problem> {
    match node.as_scalar().and_then(value::text) {
        None => vec![wrong_type(key, node, "a header name")],
        Some(text) if text.is_empty() => Vec::new(),
        Some(text) => header(&text, node.span).err().into_iter().collect(),
    }
}

/// Envoy refuses to remove the host, and pseudo-headers have no valid name. What it reads itself never
/// reaches an upstream, and without it the bounds that a decision carries would be lost.
pub(super) fn removed(key: &Key, node: &Node) -> Vec<Problem> {
    let names = match value::strings(node) {
        Ok(names) => names,
        Err(bad) => return vec![wrong_type(key, bad, "a list of header names")],
    };
    let kept = |name: &str| {
        name == "host" || name.starts_with("x-envoy-upstream-") || name.starts_with("x-portcullis-")
    };
    names
        .into_iter()
        .filter_map(|(text, span)| match header(&text, span) {
            Err(problem) => Some(problem),
            Ok(name) if kept(name.as_str()) => {
                let message = format!("the header `{name}` cannot be removed");
                Some(Problem::error(HEADER_RESERVED, span, message))
            }
            Ok(_) => None,
        })
        .collect()
}

/// A map from header to value, whose names `reserved` may refuse.
pub(super) fn set(
    key: &Key,
    node: &Node,
    reserved: impl Fn(&HeaderName, Span) -> Option<Problem>,
) -> Vec<Problem> {
    let expected = "a map from header to value";
    let Some(entries) = node.as_map() else {
        return vec![wrong_type(key, node, expected)];
    };
    let mut problems = Vec::new();
    for entry in entries {
        match header(&entry.key, entry.key_span) {
            Err(problem) => problems.push(problem),
            Ok(name) => problems.extend(reserved(&name, entry.key_span)),
        }
        match entry.value.as_scalar() {
            Some(scalar) if scalar.is_null() => {}
            Some(scalar) => match value::text(scalar) {
                None => problems.push(wrong_type(key, &entry.value, expected)),
                Some(text) => problems.extend(content(&entry.key, &text, entry.value.span)),
            },
            None => problems.push(wrong_type(key, &entry.value, expected)),
        }
    }
    problems
}

/// What is wrong with a value. Envoy would write a line break to the wire in some places, and refuse the
/// whole route table in others.
fn content(name: &str, text: &str, span: Span) -> Option<Problem> {
    let why = if text.chars().any(|c| c.is_control() && c != '\t') {
        "has a line break or another control character"
    } else if text.len() > MAX_VALUE {
        "has more than 16384 bytes"
    } else {
        return None;
    };
    let message = format!("the value of the header `{}` {why}", excerpt(name));
    Some(Problem::error(HEADER_VALUE, span, message))
}

pub(super) fn claims(key: &Key, node: &Node) -> Vec<Problem> {
    let expected = "a map from header to claim, or a list of claims";
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .flat_map(|entry| {
                let name = match header(&entry.key, entry.key_span) {
                    Ok(name) => reserved_for_claims(&name, entry.key_span),
                    Err(problem) => Some(problem),
                };
                let claim = entry.value.as_scalar().and_then(value::text);
                let wrong = (claim.is_none() && !entry.value.is_null())
                    .then(|| wrong_type(key, &entry.value, expected));
                [name, wrong]
            })
            .flatten()
            .collect(),
        Value::Scalar(_) | Value::Seq(_) => match value::strings(node) {
            Err(bad) => vec![wrong_type(key, bad, expected)],
            Ok(claims) => claims
                .iter()
                .flat_map(|(claims, span)| claims.split_whitespace().map(move |claim| (claim, *span)))
                .filter_map(|(claim, span)| header(&format!("x-pomerium-claim-{claim}"), span).err())
                .collect(),
        },
    }
}

fn header(text: &str, span: Span) -> Result<HeaderName, Problem> {
    HeaderName::parse(text).map_err(|error| {
        let message = format!("`{}` is no header name: {error}", excerpt(text));
        Problem::error(HEADER_NAME, span, message)
    })
}

/// A name as upstreams read it that make one letter of every mark, as CGI does: `x_email` is `x-email` there.
pub(crate) fn folded(name: &HeaderName) -> String {
    let fold = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    name.as_str().chars().map(fold).collect()
}

/// Whether no route may set this header on requests.
pub(crate) fn reserved_in_requests(name: &HeaderName, span: Span) -> Option<Problem> {
    if folded(name).starts_with("x-pomerium-") {
        let help = "upstreams take it for Portcullis' word; use `pass_identity_headers` and \
                    `jwt_claims_headers`";
        return Some(not_to_set(name, span).help(help));
    }
    reserved_for_claims(name, span)
}

/// Whether no claim may fill this header.
fn reserved_for_claims(name: &HeaderName, span: Span) -> Option<Problem> {
    let folded = folded(name);
    let text = folded.as_str();
    let help = if FRAMING.contains(&text) {
        "it is part of how a request is sent"
    } else if text == "cookie" {
        "the upstream gets the client's cookies without those of the session"
    } else if text.starts_with("x-envoy-") {
        "Envoy itself goes by it"
    } else if text.starts_with("x-portcullis-") || POMERIUM.contains(&text) {
        "it is Portcullis' own"
    } else {
        return None;
    };
    Some(not_to_set(name, span).help(help))
}

/// Whether no route may set this header on responses.
pub(super) fn reserved_in_responses(name: &HeaderName, span: Span) -> Option<Problem> {
    let text = name.as_str();
    let help = if FRAMING.contains(&text) {
        "it is part of how a response is sent"
    } else if text == "set-cookie" {
        "it would take the place of the session's own cookies"
    } else {
        return None;
    };
    Some(not_to_set(name, span).help(help))
}

fn not_to_set(name: &HeaderName, span: Span) -> Problem {
    let message = format!("the header `{name}` is not for a configuration to set");
    Problem::error(HEADER_RESERVED, span, message)
}
