//! A policy, as far as a schema can say what one is: rules, blocks, criteria and their matchers.

mod values;

use serde_json::{Map, Value, json};

/// Criteria whose value means nothing.
const BARE: [(&str, &str); 6] = [
    ("accept", "Holds always."),
    ("authenticated_user", "Holds for everybody who has logged in."),
    ("cors_preflight", "Holds for a CORS preflight request."),
    (
        "invalid_client_certificate",
        "Holds for a client certificate that is missing or not valid where one is asked for.",
    ),
    ("reject", "Never holds."),
    (
        "ssh_username_matches_email",
        "Holds where the SSH login name is what stands before the `@` of the user's email address.",
    ),
];
/// Criteria that compare a text.
const TEXTS: [(&str, &str); 6] = [
    ("email", "The user's email address."),
    ("http_method", "The request's method."),
    ("http_path", "The request's path."),
    ("mcp_tool", "The MCP tool that the request calls."),
    ("ssh_username", "The SSH login name."),
    ("user", "The user's id."),
];
/// Operators that search in a text.
const SEARCHES: [&str; 3] = ["contains", "starts_with", "ends_with"];
/// Operators upon a list of texts.
const LISTS: [&str; 3] = ["has", "is", "exclude"];

pub(super) fn policy() -> Value {
    let rule = json!({"$ref": "#/$defs/policy_rule"});
    json!({
        "description": "Who may pass: one rule or several, in Pomerium's policy language. One that denies wins.",
        "anyOf": [rule, {"type": "array", "items": rule}, {"type": "null"}],
    })
}

/// What a policy is made of.
pub(super) fn definitions() -> [(String, Value); 6] {
    [
        (
            "policy_rule",
            json!({
                "type": "object",
                "properties": {"allow": {"$ref": "#/$defs/policy_block"}, "deny": {"$ref": "#/$defs/policy_block"}},
                "additionalProperties": false,
            }),
        ),
        ("policy_block", block()),
        ("policy_criterion", criterion()),
        ("policy_text_matcher", text_matcher(json!({}))),
        // A comparison of a domain with something else than text is refused.
        ("policy_domain_matcher", text_matcher(json!({"type": "string"}))),
        ("policy_list_matcher", list_matcher()),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
}

fn block() -> Value {
    let list = |meaning: &str| {
        json!({
            "description": meaning,
            "type": "array",
            "items": {"$ref": "#/$defs/policy_criterion"},
        })
    };
    json!({
        "type": "object",
        "properties": {
            "and": list("Every one must hold."),
            "or": list("At least one must hold."),
            "not": list("At least one must not hold."),
            "nor": list("None may hold."),
            "action": {"description": "Has no meaning.", "deprecated": true},
        },
        "additionalProperties": false,
    })
}

/// A map with one key, whose name ends at the first `/`; the rest means something to `claim` alone.
fn criterion() -> Value {
    let mut properties = Map::new();
    let mut with_path = Map::new();
    let mut add = |name: &str, mut schema: Value, description: &str| {
        with_path.insert(format!("^{name}/"), schema.clone());
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), description.into());
        }
        properties.insert(name.to_owned(), schema);
    };
    for (name, description) in BARE {
        add(name, json!({}), description);
    }
    for (name, schema, description) in values::criteria() {
        add(name, schema, description);
    }
    for (name, description) in TEXTS {
        add(name, json!({"$ref": "#/$defs/policy_text_matcher"}), description);
    }
    add(
        "domain",
        json!({"$ref": "#/$defs/policy_domain_matcher"}),
        "What stands behind the `@` of the user's email address.",
    );
    add(
        "claim",
        json!({"$ref": "#/$defs/policy_list_matcher"}),
        "A claim of the user, by name: `claim/groups`.",
    );
    add(
        "groups",
        json!({"$ref": "#/$defs/policy_list_matcher"}),
        "A group of the user in the directory, by id.",
    );
    add(
        "source_ip",
        json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
        "Addresses and ranges from which the client may come.",
    );
    json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": properties,
        "patternProperties": with_path,
        "additionalProperties": false,
    })
}

/// Operators, or a value that is compared; `operand` is what may be compared.
fn text_matcher(operand: Value) -> Value {
    let list = json!({"type": "array"});
    let mut operators = Map::from_iter([
        ("is".to_owned(), operand.clone()),
        ("not".to_owned(), operand.clone()),
        ("in".to_owned(), list.clone()),
        ("not_in".to_owned(), list),
    ]);
    operators.extend(SEARCHES.map(|name| (name.to_owned(), json!({"type": "string"}))));
    either(operators, operand)
}

fn list_matcher() -> Value {
    either(
        LISTS
            .map(|name| (name.to_owned(), json!({})))
            .into_iter()
            .collect(),
        json!({}),
    )
}

/// A map of operators, of which all must hold, or a value.
fn either(operators: Map<String, Value>, value: Value) -> Value {
    json!({
        "if": {"type": "object"},
        "then": {"properties": operators, "additionalProperties": false},
        "else": value,
    })
}
