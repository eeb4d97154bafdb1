//! The schema that is checked in: fresh, itself valid, and of one mind with `portcullis check`.

#[cfg(test)]
#[path = "support/corpus.rs"]
mod corpus;
#[cfg(test)]
#[path = "json_schema/validator.rs"]
mod validator;

use portcullis_config::{Severity, Source, json_schema, parse};
use portcullis_document::{Limits, Node, parse_json, parse_toml, parse_yaml};
use serde_json::{Value, json};

use corpus::texts;
use validator::Validator;

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.schema.json");

#[test]
fn the_schema_is_fresh() {
    let fresh = format!("{:#}\n", json_schema());
    let found = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(CHECKED_IN, &fresh).unwrap();
    }
    assert!(
        found == fresh,
        "docs/config.schema.json is out of date: run this test with UPDATE_SCHEMA=1 and look at the change"
    );
}

fn value(name: &str, text: &str) -> Option<Node> {
    let limits = Limits::default();
    match name {
        "config.json" => parse_json(text, &limits),
        "config.toml" => parse_toml(text, &limits),
        _ => parse_yaml(text, &limits),
    }
    .ok()?
}

/// As Pomerium's loader does it; the schema knows names in lower case alone.
fn lowered(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key.to_lowercase(), lowered(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(lowered).collect(),
        scalar => scalar,
    }
}

#[test]
fn what_check_passes_without_a_word_is_valid() {
    let validator = Validator::new();
    let mut count = 0;
    for (name, text) in texts() {
        let source = Source {
            name: name.clone(),
            text: text.clone(),
        };
        if !parse(&[source]).diagnostics.is_empty() {
            continue;
        }
        let problem = validator.problem(&lowered(value(&name, &text).unwrap().to_json()));
        assert_eq!(problem, None, "{text}");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

/// What the schema finds wrong, `check` says something about.
#[test]
fn what_is_not_valid_check_does_not_pass_in_silence() {
    let validator = Validator::new();
    let (mut invalid, mut wrong) = (0, 0);
    for (name, text) in texts() {
        let Some(node) = value(&name, &text) else {
            continue;
        };
        let source = Source { name, text };
        let diagnostics = parse(&[source]).diagnostics;
        let of_shape = [
            "wrong_type",
            "wrong_value",
            "unknown_key",
            "removed_key",
            "from_missing",
        ];
        let flawed = diagnostics.iter().any(|d| of_shape.contains(&d.code));
        let found = validator.problem(&lowered(node.to_json()));
        if let Some(problem) = &found {
            assert!(!diagnostics.is_empty(), "{problem}");
            invalid += 1;
        }
        wrong += usize::from(flawed);
    }
    assert!(invalid > 30 && wrong > 30, "{invalid} of {wrong}");
}

fn with_route(option: &str, value: Value) -> Value {
    json!({"routes": [{"from": "https://a.example.com", "to": "http://a", (option): value}]})
}

/// What both find wrong.
#[test]
fn mistakes_are_found() {
    let validator = Validator::new();
    let policy = |value| with_route("policy", value);
    let block = |criterion| policy(json!([{"allow": {"and": [criterion]}}]));
    for config in [
        json!([]),
        json!({"adress": ":443"}),
        json!({"client_ca": "x"}),
        json!({"pass_identity_headers": "yes"}),
        json!({"cookie_expire": "8 hours"}),
        json!({"cookie_expire": ""}),
        json!({"log_level": "loud"}),
        json!({"dns_lookup_family": "all"}),
        json!({"certificates": [{"crt": "x"}]}),
        json!({"services": "all,proxies"}),
        json!({"runtime_flags": {"mcp": "nein"}}),
        json!({"runtime_flags": []}),
        json!({"dns_query_tries": -1}),
        json!({"identity_providers": {"a": {"isuer": "x"}}}),
        json!({"routes": ["https://a.example.com"]}),
        json!({"routes": [{"to": "http://a"}]}),
        json!({"routes": [{"from": "https://a.example.com"}]}),
        with_route("prefix", json!(["/a"])),
        with_route("to", json!({"url": "http://a"})),
        with_route("timeout", json!("1 minute")),
        with_route("redirect", json!({"response_code": 305})),
        with_route("set_request_headers", json!({"a b": "x"})),
        with_route("allowed_groups", json!(["x"])),
        with_route("health_checks", json!({"timeout": "1s"})),
        policy(json!("allow")),
        policy(json!([{"permit": {}}])),
        policy(json!([{"allow": {"xor": []}}])),
        policy(json!([{"allow": {"and": {}}}])),
        block(json!("accept")),
        block(json!({})),
        block(json!({"email": "a", "user": "b"})),
        block(json!({"emial": "a"})),
        block(json!({"email": {"equals": "a"}})),
        block(json!({"email": {"in": "a"}})),
        block(json!({"domain": ["a"]})),
        block(json!({"claim/groups": {"contains": "a"}})),
        block(json!({"source_ip": 10})),
        block(json!({"date": {"after": 2024}})),
        block(json!({"date": {}})),
        block(json!({"day_of_week": ["mon"]})),
        block(json!({"time_of_day": {"after": "9:00"}})),
        block(json!({"device": {"aproved": true}})),
        block(json!({"client_certificate": {"fingerprint": 5}})),
        block(json!({"groups": {"contains": "a"}})),
        block(json!({"record": {"type": "a/b"}})),
        block(json!({"record": {"exists": true}})),
        block(json!({"record": {"type": "a/b", "filed": "x", "is": "y"}})),
        block(json!({"ssh_username_matches_claim": 5})),
    ] {
        assert!(validator.problem(&config).is_some(), "{config}");
        let name = "config.json".to_owned();
        let parsed = parse(&[Source {
            name,
            text: config.to_string(),
        }]);
        let said: Vec<_> = parsed.diagnostics.iter().map(|d| (d.severity, d.code)).collect();
        assert!(
            said.iter()
                .any(|(severity, code)| *severity == Severity::Error || *code == "unknown_key"),
            "{config}: {said:?}"
        );
    }
}

/// Forms that the loader converts.
#[test]
fn what_the_loader_converts_is_valid() {
    let validator = Validator::new();
    let block = |criterion| with_route("policy", json!([{"deny": {"nor": [criterion]}}]));
    for config in [
        json!({}),
        json!({"$schema": "config.schema.json"}),
        json!({"address": null, "routes": null, "certificates": null, "runtime_flags": null}),
        json!({"pass_identity_headers": "T", "cookie_http_only": 1}),
        json!({"cookie_expire": 14_400_000_000_000_u64, "timeout_idle": "1h2m3.5s"}),
        json!({"idp_scopes": "openid,email"}),
        json!({"idp_scopes": {}}),
        json!({"codec_type": "CODEC_TYPE_HTTP2", "log_level": "DEBUG"}),
        json!({"services": ["proxy", "cache"]}),
        json!({"jwt_claims_headers": "email groups"}),
        json!({"jwt_claims_headers": {"X-Email": "email"}}),
        json!({"policy": {"from": "https://a.example.com", "to": [["http://a,1"], "http://b,2"]}}),
        json!({"routes": {}}),
        with_route("allow_any_authenticated_user", json!("1")),
        with_route("load_balancing_policy", json!("robin")),
        with_route(
            "policy",
            json!({"allow": {"or": [{"accept": null}], "action": 1}}),
        ),
        block(json!({"claim/a/b": ["x"]})),
        block(json!({"email": {"is": "a", "ends_with": "b"}})),
        block(json!({"domain": {"in": ["a"]}})),
        block(json!({"source_ip": ["10.0.0.0/8"]})),
        block(json!({"date": {"after": "2024-01-01", "before": "2025-01-01T00:00:00Z"}})),
        block(json!({"day_of_week": "mon-fri"})),
        block(json!({"time_of_day": {"timezone": "Europe/Dublin", "after": "9:00", "before": "5 PM"}})),
        block(json!({"device": {"approved": true}})),
        block(json!({"record": {"type": "a/b", "exists": false}})),
        block(json!({"record": {"type": "a/b", "field": "level", ">=": "3"}})),
        block(json!({"groups": {"has": "a"}})),
        block(json!({"client_certificate": {"san_dns": {"ends_with": ".a.test"}}})),
        with_route(
            "sub_policies",
            json!([{"name": "a", "source_ppl": "allow: {and: [accept: 1]}"}]),
        ),
        block(json!({"accept/x": false})),
    ] {
        assert_eq!(validator.problem(&config), None, "{config}");
        let name = "config.json".to_owned();
        let parsed = parse(&[Source {
            name,
            text: config.to_string(),
        }]);
        let wrong: Vec<_> = parsed
            .diagnostics
            .iter()
            .filter(|d| d.code.starts_with("wrong_") || d.code == "unknown_key")
            .collect();
        assert!(wrong.is_empty(), "{config}: {wrong:?}");
    }
}
