//! Criteria whose values have a shape of their own.

use serde_json::{Map, Value, json};

/// Name, shape and description.
pub(super) fn criteria() -> [(&'static str, Value, &'static str); 9] {
    [
        (
            "client_certificate",
            certificate(),
            "The client certificate, whether or not it is valid.",
        ),
        (
            "date",
            json!({
                "type": "object",
                "properties": {"after": {"type": "string"}, "before": {"type": "string"}},
                "minProperties": 1,
                "additionalProperties": false,
            }),
            "The time of the request, between dates of ISO 8601; UTC if they have no offset.",
        ),
        (
            "day_of_week",
            json!({
                "anyOf": [
                    {"type": "string"},
                    {"type": "object", "properties": {"is": {"type": "string"}}, "required": ["is"], "additionalProperties": false},
                ],
            }),
            "The day of the request in UTC: `*`, `mon,wed` or `tue-fri`.",
        ),
        (
            "device",
            json!({
                "type": "object",
                "properties": {"approved": {}, "is": {"type": "string"}, "type": {"type": "string"}},
                "additionalProperties": false,
            }),
            "The device that the user has registered.",
        ),
        (
            "record",
            record(),
            "A record of the user, of the client's address or certificate.",
        ),
        (
            "ssh_ca",
            texts(),
            "Authorities of SSH user certificates, as in `authorized_keys`.",
        ),
        ("ssh_publickey", texts(), "SSH keys, as in `authorized_keys`."),
        (
            "ssh_username_matches_claim",
            json!({"type": "string"}),
            "Holds where the SSH login name is among the values of this claim.",
        ),
        (
            "time_of_day",
            json!({
                "type": "object",
                "properties": {
                    "timezone": {"type": "string"},
                    "after": {"type": "string"},
                    "before": {"type": "string"},
                },
                "required": ["timezone"],
                "minProperties": 2,
                "additionalProperties": false,
            }),
            "The time of the request, between times of the day such as `9:00` or `5 PM`.",
        ),
    ]
}

fn record() -> Value {
    let mut properties = Map::from_iter([
        ("type".to_owned(), json!({"type": "string", "minLength": 1})),
        ("field".to_owned(), json!({"type": "string", "minLength": 1})),
        ("exists".to_owned(), json!({"type": "boolean"})),
    ]);
    let mut operators = |names: &[&str], operand: Value| {
        properties.extend(names.iter().map(|&name| (name.to_owned(), operand.clone())));
    };
    operators(&["is", "not", "has", "exclude"], json!({}));
    operators(&["in", "not_in"], json!({"type": "array"}));
    operators(
        &["contains", "starts_with", "ends_with"],
        json!({"type": "string"}),
    );
    operators(
        &["<", "<=", "=", ">", ">="],
        json!({"type": ["string", "number"]}),
    );
    json!({
        "type": "object",
        "properties": properties,
        "required": ["type"],
        "minProperties": 2,
        "additionalProperties": false,
    })
}

/// A text or several.
fn texts() -> Value {
    json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
}

fn certificate() -> Value {
    let name = json!({"$ref": "#/$defs/policy_text_matcher"});
    json!({
        "type": "object",
        "properties": {
            "fingerprint": texts(),
            "spki_hash": texts(),
            "san_dns": name,
            "san_email": name,
            "san_uri": name,
        },
        "additionalProperties": false,
    })
}
