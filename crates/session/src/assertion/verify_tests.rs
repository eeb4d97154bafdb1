//! Which tokens of our own key are assertions that may be passed on. Only
//! whoever holds the key can make them, but it may be a key that signs other
//! things too.

use jsonwebtoken::encode;
use serde_json::{Map, Value, json};

use super::*;

const NOW: i64 = 1_790_000_000;

fn outcome(keys: &SigningKeys, claims: &Value) -> Result<(), AssertionError> {
    let token = encode(&keys.first.header, claims, &keys.first.signs).unwrap();
    verify(keys, &token, Timestamp::from_second(NOW).unwrap())
}

#[test]
fn times_and_audience_are_those_of_an_assertion() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims: Map<String, Value> =
            serde_json::from_value(json!({"iat": NOW, "exp": NOW + 300, "aud": "a.example.com"})).unwrap();
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.to_owned(), value);
        }
        Value::Object(claims)
    };
    for (name, value) in [
        ("nbf", json!(NOW)),
        ("nbf", json!(NOW + 60)),
        ("iat", json!(NOW + 60)),
        ("aud", json!(["a.example.com", "b.example.com"])),
        ("exp", json!(NOW + 1)),
    ] {
        assert_eq!(
            outcome(&keys, &with(name, value.clone())),
            Ok(()),
            "{name} {value}"
        );
    }
    for (name, value) in [
        ("nbf", json!(NOW + 61)),
        ("iat", json!(NOW + 61)),
        ("iat", json!(0)),
        ("iat", json!(i64::MIN)),
        ("exp", json!(NOW)),
        ("exp", json!(NOW + 301)),
        ("exp", json!(i64::MAX)),
    ] {
        let found = outcome(&keys, &with(name, value.clone()));
        assert_eq!(found, Err(AssertionError::OutOfTime), "{name} {value}");
    }
    for (name, value) in [
        ("iat", Value::Null),
        ("exp", Value::Null),
        ("aud", Value::Null),
        ("aud", json!("")),
        ("aud", json!([])),
        ("aud", json!(1)),
        ("exp", json!("1790000100")),
        ("exp", json!(1_790_000_100.5)),
        ("exp", json!(1e300)),
        ("nbf", json!("x")),
    ] {
        let found = outcome(&keys, &with(name, value.clone()));
        assert_eq!(found, Err(AssertionError::Foreign), "{name} {value}");
    }
}

/// RFC 7515 section 4.1.11: what is critical and unknown must be refused.
#[test]
fn headers_that_change_the_meaning_are_refused() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    let claims = json!({"iat": NOW, "exp": NOW + 300, "aud": "a.example.com"});
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let mut head = serde_json::to_value(&keys.first.header).unwrap();
        head.as_object_mut().unwrap().insert(name.to_owned(), value);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&head), part(&claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &keys.first.signs, keys.first.header.alg).unwrap();
        let token = format!("{message}.{signature}");
        let found = verify(&keys, &token, Timestamp::from_second(NOW).unwrap());
        assert_eq!(found, Err(AssertionError::Foreign), "{name}");
    }
}
