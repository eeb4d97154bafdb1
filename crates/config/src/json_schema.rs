//! The tables of options as a JSON schema, for editors and other tools.
//!
//! It knows names in lower case alone, although the loader takes any case, so that completion has one
//! spelling to offer. A name that the loader only warns about because it is unknown fails, since to find
//! slips of the pen is what a schema is for; one that is known and has no effect passes as `deprecated`,
//! one that is removed fails. Values may be whatever the loader converts. What depends on more than one
//! option, or on what is in a text (URLs, keys), is left to `portcullis check`.

mod kinds;
mod policy;

use serde_json::{Map, Value, json};

use crate::schema::{Key, Kind, Scope, State, effective_state, keys};

/// Options that still work and that Pomerium advises against.
const DEPRECATED: [(Scope, &str, &str); 6] = [
    (
        Scope::Route,
        "allowed_domains",
        "use a `policy` with the criterion `domain`",
    ),
    (
        Scope::Route,
        "allowed_idp_claims",
        "use a `policy` with the criterion `claim/NAME`",
    ),
    (
        Scope::Route,
        "allowed_users",
        "use a `policy` with the criterion `email` or `user`",
    ),
    (Scope::Route, "sub_policies", "use `policy`"),
    (
        Scope::Route,
        "tls_downstream_client_ca",
        "use `downstream_mtls.ca`",
    ),
    (
        Scope::Route,
        "tls_downstream_client_ca_file",
        "use `downstream_mtls.ca_file`",
    ),
];

/// The schema of a configuration file (JSON Schema, draft 2020-12), computed from the tables that the
/// loader itself uses. It holds for the value of a file in any format.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = kinds::definitions();
    definitions.insert("policy".to_owned(), policy::policy());
    definitions.extend(policy::definitions());
    definitions.insert("route".to_owned(), route());
    let mut properties = properties(Scope::Global, "");
    properties.insert(
        "$schema".to_owned(),
        json!({"type": "string", "description": "This schema, for editors; it is read in JSON files alone."}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis configuration",
        "description": "Computed from the tables in crates/config/src/schema; `UPDATE_SCHEMA=1 cargo test -p \
                        portcullis-config --test json_schema` writes it anew.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn route() -> Value {
    json!({
        "type": "object",
        "properties": properties(Scope::Route, ""),
        "required": ["from"],
        "anyOf": [{"required": ["to"]}, {"required": ["redirect"]}, {"required": ["response"]}],
        "additionalProperties": false,
    })
}

/// The options right below `whole`, or the outermost ones if it is empty, by name.
fn properties(scope: Scope, whole: &str) -> Map<String, Value> {
    let mut parts: Vec<(&str, &Key)> = keys()
        .filter(|key| key.scope == scope)
        .filter_map(|key| {
            let (parent, last) = key.name.rsplit_once('.').unwrap_or(("", key.name));
            (parent == whole).then_some((last, key))
        })
        .collect();
    parts.sort_by_key(|(name, _)| *name);
    parts
        .into_iter()
        .map(|(name, key)| (name.to_owned(), property(key)))
        .collect()
}

fn property(key: &Key) -> Value {
    let mut schema = match key.state {
        State::Removed { .. } => Map::from_iter([("not".to_owned(), json!({}))]),
        _ => shape(key),
    };
    let description = description(key);
    if !description.is_empty() {
        schema.insert("description".to_owned(), description.into());
    }
    if is_deprecated(key) {
        schema.insert("deprecated".to_owned(), true.into());
    }
    if let Some(default) = key.default {
        schema.insert("default".to_owned(), default_of(key, default));
    }
    Value::Object(schema)
}

fn is_deprecated(key: &Key) -> bool {
    let stateless = matches!(
        key.state,
        State::Alias { .. } | State::ApiOnly | State::Ignored { .. } | State::Removed { .. }
    );
    stateless || advice(key).is_some()
}

fn advice(key: &Key) -> Option<&'static str> {
    let found = DEPRECATED
        .iter()
        .find(|(scope, name, _)| *scope == key.scope && *name == key.name);
    found.map(|(_, _, advice)| *advice)
}

/// What an editor shows of an option.
fn description(key: &Key) -> String {
    let mut sentences = vec![key.note.to_owned()];
    match key.state {
        State::Alias { of } => sentences.push(format!("an older name of `{of}`")),
        State::Removed { help } => sentences.push(format!("removed from Pomerium: {help}")),
        State::ApiOnly => sentences.push("exists only in Pomerium's API; in a file it is ignored".to_owned()),
        State::Ignored { because } => sentences.push(format!("has no effect: {because}")),
        State::Working | State::NotYet | State::NotYetUnsafe { .. } | State::Group => {}
    }
    match effective_state(key) {
        State::NotYet => sentences.push("not implemented yet and ignored, with a warning".to_owned()),
        State::NotYetUnsafe { without } => {
            sentences.push(format!("not implemented yet and refused: without it {without}"));
        }
        _ => {}
    }
    sentences.extend(advice(key).map(|advice| format!("deprecated: {advice}")));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join("; ")
}

/// A default in the type of its option.
fn default_of(key: &Key, default: &str) -> Value {
    match key.kind {
        Kind::Bool | Kind::Int | Kind::Uint | Kind::Float | Kind::RedirectCode => {
            portcullis_document::Scalar::plain(default).to_json()
        }
        Kind::Strings => json!([default]),
        _ => default.into(),
    }
}

/// What an option's value looks like.
fn shape(key: &Key) -> Map<String, Value> {
    let parts = |whole: &str| {
        let properties = properties(key.scope, whole);
        if properties.is_empty() {
            json!({"type": "object"})
        } else {
            json!({"type": "object", "properties": properties, "additionalProperties": false})
        }
    };
    let schema = match key.kind {
        Kind::Object => or_null(parts(key.name)),
        Kind::Objects => {
            let item = parts(key.name);
            json!({"anyOf": [{"type": "array", "items": item.clone()}, item, {"enum": ["", null]}]})
        }
        Kind::StrictObjects => or_null(json!({"type": "array", "items": parts(key.name)})),
        Kind::Named => {
            or_null(json!({"type": "object", "additionalProperties": parts(&format!("{}.<name>", key.name))}))
        }
        Kind::Routes => json!({
            "anyOf": [
                {"type": "array", "items": {"$ref": "#/$defs/route"}},
                {"$ref": "#/$defs/route"},
                {"type": "object", "maxProperties": 0},
                {"type": "null"},
            ],
        }),
        Kind::Enum(words) => kinds::words(words),
        Kind::Any => json!({}),
        kind => json!({"$ref": format!("#/$defs/{}", kinds::name(kind))}),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// Null is as if the option did not stand there.
fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}
