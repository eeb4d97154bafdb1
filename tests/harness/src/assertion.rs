//! Verifying the assertion as an application would.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::Value;

use crate::client::Client;

/// The keys that a host publishes.
pub type Keys = JwkSet;

/// Checks signature (ES256), issuer, audience and times of an assertion against
/// the JWKS that `origin` (`https://host:port`) publishes; returns its claims.
///
/// # Panics
///
/// When anything about it is wrong, and when the JWKS holds a private key.
#[must_use]
#[track_caller]
pub fn verify(client: &mut Client, origin: &str, token: &str) -> Value {
    let host = url::Url::parse(origin).expect("an origin is a URL");
    let host = host.host_str().expect("an origin has a host");
    verify_with(&keys(client, origin), host, token)
}

/// The JWKS that `origin` (`https://host:port`) publishes.
///
/// # Panics
///
/// When it publishes none, or a private key.
#[must_use]
#[track_caller]
pub fn keys(client: &mut Client, origin: &str) -> Keys {
    let answer = client.get(&format!("{origin}/.well-known/pomerium/jwks.json"));
    assert_eq!(answer.status, 200, "the JWKS of {origin}: {}", answer.text());
    assert!(
        !answer.text().contains("\"d\""),
        "a private key is published: {}",
        answer.text()
    );
    serde_json::from_slice(&answer.body).expect("the JWKS is a JWK set")
}

/// [`verify`] with keys that are known.
///
/// # Panics
///
/// When anything about it is wrong.
#[must_use]
#[track_caller]
pub fn verify_with(keys: &Keys, host: &str, token: &str) -> Value {
    let header = decode_header(token).unwrap_or_else(|e| panic!("the assertion is no JWT: {e}: {token}"));
    assert_eq!(header.alg, Algorithm::ES256);
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let kid = header.kid.expect("the assertion names its key");
    let key = keys
        .find(&kid)
        .unwrap_or_else(|| panic!("the JWKS has no key `{kid}`"));
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[host]);
    validation.set_issuer(&[host]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let key = DecodingKey::from_jwk(key).expect("the published key is usable");
    let claims =
        decode::<Value>(token, &key, &validation).unwrap_or_else(|e| panic!("the assertion is invalid: {e}"));
    let time = |name: &str| {
        claims.claims[name]
            .as_i64()
            .unwrap_or_else(|| panic!("no integer `{name}`"))
    };
    assert_eq!(
        time("exp") - time("iat"),
        300,
        "an assertion is valid for five minutes"
    );
    assert!(claims.claims["aud"].is_string(), "`aud` is a plain string");
    claims.claims
}

/// Signs claims as Portcullis would that holds `key` (PEM, P-256), under the key id of
/// the genuine assertion `like`: what a forger would present, or a clock that went on.
///
/// # Panics
///
/// When `key` is none, or `like` is no assertion.
#[must_use]
#[track_caller]
pub fn sign(key: &str, like: &str, claims: &Value) -> String {
    let header = Header {
        kid: decode_header(like).expect("a genuine assertion").kid,
        ..Header::new(Algorithm::ES256)
    };
    let key = EncodingKey::from_ec_pem(key.as_bytes()).expect("a P-256 key");
    encode(&header, claims, &key).expect("claims can be signed")
}
