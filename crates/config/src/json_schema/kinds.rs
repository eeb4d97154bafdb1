//! The shapes of values that many options share: what the loader takes or converts.

use serde_json::{Map, Value, json};

use crate::schema::{Enumeration, Kind};

/// RFC 9110's `token`.
const HEADER_NAME: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
const INTEGER: &str = "^$|^[-+]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)$";
const FROM_ZERO: &str = "^$|^[+]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)$";
const NUMBER: &str = "^$|^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$";
const DURATION: &str = "^[-+]?(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+)$";
const SERVICES: &str = "(all|authenticate|authorize|proxy|databroker|cache)";

/// The definition that describes values of this kind.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int => "integer",
        Kind::Uint => "integer_from_zero",
        Kind::Float => "number",
        Kind::Duration => "duration",
        Kind::Base64 => "base64",
        Kind::Pem => "pem",
        Kind::Services => "services",
        Kind::RedirectCode => "redirect_code",
        Kind::Strings => "texts",
        Kind::RemovedHeaders => "header_names",
        Kind::Map => "map_of_texts",
        Kind::HeaderName => "header_name",
        Kind::RequestHeaders | Kind::ResponseHeaders => "headers",
        Kind::ClaimsHeaders => "claims_headers",
        Kind::Claims => "claims",
        Kind::To => "to",
        Kind::Ppl => "policy",
        // These are spelt out where they stand.
        Kind::Text
        | Kind::Enum(_)
        | Kind::Object
        | Kind::Objects
        | Kind::StrictObjects
        | Kind::Named
        | Kind::Routes
        | Kind::Any => "text",
    }
}

pub(super) fn definitions() -> Map<String, Value> {
    let text = || json!({"type": ["string", "number", "boolean", "null"]});
    let texts = || {
        json!({
            "anyOf": [
                {"type": "array", "items": text()},
                text(),
                {"type": "object", "maxProperties": 0},
            ],
        })
    };
    let header_name = json!({"anyOf": [{"type": "string", "pattern": HEADER_NAME}, {"enum": ["", null]}]});
    let headers = json!({
        "type": ["object", "null"],
        "propertyNames": {"pattern": HEADER_NAME},
        "additionalProperties": text(),
    });
    let definitions = [
        ("text", text()),
        (
            "boolean",
            json!({
                "anyOf": [
                    {"type": ["boolean", "number", "null"]},
                    {"enum": ["true", "false", "True", "False", "TRUE", "FALSE", "t", "f", "T", "F", "1", "0", ""]},
                ],
            }),
        ),
        ("integer", number_or(json!({}), INTEGER)),
        (
            "integer_from_zero",
            number_or(json!({"exclusiveMinimum": -1}), FROM_ZERO),
        ),
        ("number", number_or(json!({}), NUMBER)),
        (
            "duration",
            json!({
                "description": "A Go duration such as `1h30m` or `10s`; a number without a unit counts nanoseconds.",
                "anyOf": [{"type": ["number", "null"]}, {"type": "string", "pattern": DURATION}],
            }),
        ),
        (
            "base64",
            json!({"type": ["string", "number", "boolean", "null"], "contentEncoding": "base64"}),
        ),
        (
            "pem",
            json!({
                "type": ["string", "number", "boolean", "null"],
                "contentEncoding": "base64",
                "contentMediaType": "application/x-pem-file",
            }),
        ),
        (
            "services",
            json!({
                "anyOf": [
                    {"type": "string", "pattern": format!("^$|^\\s*{SERVICES}\\s*(,\\s*{SERVICES}\\s*)*$")},
                    {"type": "array", "items": {"type": "string", "pattern": format!("^\\s*{SERVICES}\\s*$")}},
                    {"type": "null"},
                ],
            }),
        ),
        (
            "redirect_code",
            json!({"enum": [0, 301, 302, 303, 307, 308, "301", "302", "303", "307", "308", "", null]}),
        ),
        ("texts", texts()),
        (
            "map_of_texts",
            json!({"type": ["object", "null"], "additionalProperties": text()}),
        ),
        ("header_name", header_name),
        ("header_names", texts()),
        ("headers", headers.clone()),
        ("claims_headers", json!({"anyOf": [headers, texts()]})),
        ("claims", json!({"type": ["object", "null"]})),
        (
            "to",
            json!({
                "description": "A URL of the upstream or a list of URLs, each perhaps with a weight: `URL,WEIGHT`.",
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"$ref": "#/$defs/to"}},
                    {"type": "null"},
                ],
            }),
        ),
    ];
    definitions
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// A number, or what the loader converts to one.
fn number_or(bounds: Value, pattern: &str) -> Value {
    json!({
        "anyOf": [
            {"type": "number", "allOf": [bounds]},
            {"type": ["boolean", "null"]},
            {"type": "string", "pattern": pattern},
        ],
    })
}

/// The words of an enumeration: those that an editor should offer, and the other spellings of them.
pub(super) fn words(words: &Enumeration) -> Value {
    let mut offered: Vec<Value> = words.values.iter().map(|word| json!(word)).collect();
    offered.extend([json!(""), Value::Null]);
    if words.exact {
        return json!({"enum": offered});
    }
    let mut spellings: Vec<String> = Vec::new();
    for word in words.values {
        spellings.push(in_any_case(word));
        // The full name, and every ending of it that begins after a `_`.
        let full = format!("{}_{word}", words.prefix);
        let mut rest = Some(full.as_str()).filter(|_| !words.prefix.is_empty());
        while let Some(ending) = rest {
            spellings.push(in_any_case(ending));
            rest = ending.split_once('_').map(|(_, ending)| ending);
        }
    }
    spellings.sort();
    spellings.dedup();
    let pattern = format!("^({})$", spellings.join("|"));
    json!({"anyOf": [{"enum": offered}, {"type": "string", "pattern": pattern}]})
}

/// JSON Schema's patterns have no flag for it.
fn in_any_case(word: &str) -> String {
    let one = |c: char| {
        if c.is_ascii_alphabetic() {
            format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase())
        } else if c.is_ascii_alphanumeric() || c == '_' {
            c.to_string()
        } else {
            format!("[{c}]")
        }
    };
    word.chars().map(one).collect()
}
