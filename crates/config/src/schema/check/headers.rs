//! Header names and values among the options: what HTTP and Envoy allow, and what is not for routes to
//! set.

use portcullis_document::{Node, Value};
use portcullis_model::HeaderName;

use super::super::Key;
use super::{excerpt, wrong_type};
use crate::codes::{HEADER_NAME, HEADER_RESERVED, HEADER_VALUE};
use crate::report::Problem;
use crate::value;

/// Ours, or part of how a request is framed and routed: a route that set one could speak as us, or send
/// one request as two.
const RESERVED: [&str; 17] = [
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-pomerium-authorization",
    "x-pomerium-jwt-assertion",
    "x-pomerium-jwt-assertion-for",
    "x-pomerium-reproxy-policy",
    "x-pomerium-reproxy-policy-hmac",
    "x-pomerium-routing-key",
    "x-pomerium-set-cookie",
];
const RESERVED_PREFIXES: [&str; 2] = ["x-envoy-", "x-portcullis-"];

pub(super) fn name(key: &Key, node: &Node) -> Vec<Problem> {
    match node.as_scalar().and_then(value::text) {
        None => vec![wrong_type(key, node, "a header name")],
        Some(text) if text.is_empty() => Vec::new(),
        Some(text) => header(&text, node.span).err().into_iter().collect(),
    }
}

/// Envoy refuses to remove the host, and pseudo-headers have no valid name.
pub(super) fn removed(key: &Key, node: &Node) -> Vec<Problem> {
    let names = match value::strings(node) {
        Ok(names) => names,
        Err(bad) => return vec![wrong_type(key, bad, "a list of header names")],
    };
    names
        .into_iter()
        .filter_map(|(text, span)| match header(&text, span) {
            Err(problem) => Some(problem),
            Ok(name) if name.as_str() == "host" => Some(Problem::error(
                HEADER_RESERVED,
                span,
                "the header `host` cannot be removed",
            )),
            Ok(_) => None,
        })
        .collect()
}

pub(super) fn map(key: &Key, node: &Node, request: bool) -> Vec<Problem> {
    let Some(entries) = node.as_map() else {
        return vec![wrong_type(key, node, "a map from header to value")];
    };
    let mut problems = Vec::new();
    for entry in entries {
        match header(&entry.key, entry.key_span) {
            Err(problem) => problems.push(problem),
            Ok(name) if request => problems.extend(reserved(&name, entry.key_span)),
            Ok(_) => {}
        }
        match entry.value.as_scalar() {
            Some(scalar) if scalar.is_null() => {}
            Some(scalar) => match value::text(scalar) {
                None => problems.push(wrong_type(key, &entry.value, "a map from header to value")),
                Some(text) if text.chars().any(|c| c.is_control() && c != '\t') => {
                    let message = format!(
                        "the value of the header `{}` has a line break",
                        excerpt(&entry.key)
                    );
                    problems.push(Problem::error(HEADER_VALUE, entry.value.span, message));
                }
                Some(_) => {}
            },
            None => problems.push(wrong_type(key, &entry.value, "a map from header to value")),
        }
    }
    problems
}

pub(super) fn claims(key: &Key, node: &Node) -> Vec<Problem> {
    let expected = "a map from header to claim, or a list of claims";
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .flat_map(|entry| {
                let name = match header(&entry.key, entry.key_span) {
                    Ok(name) => reserved(&name, entry.key_span),
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

fn header(text: &str, span: portcullis_document::Span) -> Result<HeaderName, Problem> {
    HeaderName::parse(text).map_err(|error| {
        let message = format!("`{}` is no header name: {error}", excerpt(text));
        Problem::error(HEADER_NAME, span, message)
    })
}

fn reserved(name: &HeaderName, span: portcullis_document::Span) -> Option<Problem> {
    let name = name.as_str();
    let reserved =
        RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    reserved.then(|| {
        Problem::error(
            HEADER_RESERVED,
            span,
            format!("the header `{name}` is not for a configuration to set"),
        )
    })
}
