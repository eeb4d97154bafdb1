//! The logout token: what its specification asks for, one fault at a time.

use serde_json::{Map, Value, json};

use super::fake::{Answer, Fake, SECRET, now};
use super::{config, http, invalid, login, provider, timing};
use crate::{IdpError, LogoutToken, Provider, Timing};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const HEADER: &str = r#"{"alg":"ES256","kid":"key-1","typ":"logout+jwt"}"#;

fn claims(fake: &Fake) -> Map<String, Value> {
    let claims = json!({
        "iss": fake.issuer(), "aud": "client", "iat": now(), "exp": now() + 120, "jti": "id-1",
        "sub": "user-1", "sid": "session-1", "events": {EVENT: {}},
    });
    claims.as_object().unwrap().clone()
}

/// The token with some claims changed; null leaves one out.
fn changed(fake: &Fake, changes: &Value) -> String {
    let mut claims = claims(fake);
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
    fake.sign(HEADER, &Value::Object(claims).to_string())
}

/// One that nothing is wrong with.
pub(super) fn good(fake: &Fake) -> String {
    changed(fake, &json!({}))
}

async fn verify(fake: &Fake, token: &str) -> Result<LogoutToken, IdpError> {
    provider(fake).verify_logout_token(token, now()).await
}

fn refused(reason: &'static str) -> Result<LogoutToken, IdpError> {
    Err(invalid("logout token", reason))
}

#[tokio::test]
async fn a_logout_token_says_who_has_signed_out() {
    let fake = Fake::start().await;
    let token = verify(&fake, &changed(&fake, &json!({}))).await.unwrap();
    assert_eq!(token.id, "id-1");
    assert_eq!(token.subject.as_deref(), Some("user-1"));
    assert_eq!(token.session.as_deref(), Some("session-1"));
    assert_eq!(token.stale_at, token.issued_at + 300);
    for changes in [
        json!({"sub": null}),
        json!({"sid": null}),
        json!({"exp": null}),
        json!({"aud": ["other", "client"]}),
        json!({"events": {EVENT: {"a": 1}, "urn:other": {}}}),
        json!({"iat": now() + 55}),
        json!({"iat": now() - 290, "exp": now() - 50}),
        json!({"nbf": now() - 1, "whatever": {"a": [1]}}),
    ] {
        let answer = verify(&fake, &changed(&fake, &changes)).await;
        assert!(answer.is_ok(), "{changes}: {answer:?}");
    }
    let payload = Value::Object(claims(&fake)).to_string();
    for header in [
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":"key-1"}"#,
        r#"{"alg":"ES256","kid":"key-1","typ":"JWT"}"#,
        r#"{"alg":"ES256","kid":"key-1","typ":"Application/Logout+JWT"}"#,
        r#"{"alg":"ES256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}"#,
    ] {
        let answer = verify(&fake, &fake.sign(header, &payload)).await;
        assert!(answer.is_ok(), "{header}: {answer:?}");
    }
}

#[tokio::test]
async fn each_fault_of_its_claims_is_refused() {
    let fake = Fake::start().await;
    let shape = "claims are not as they must be";
    for (changes, reason) in [
        (
            json!({"iss": "https://other.example"}),
            "issuer is not the provider",
        ),
        (
            json!({"iss": format!("{}/", fake.issuer())}),
            "issuer is not the provider",
        ),
        (json!({"iss": null}), shape),
        (json!({"aud": "other"}), "audience is not this client"),
        (json!({"aud": ["other"]}), "audience is not this client"),
        (json!({"aud": []}), "audience is not this client"),
        (json!({"aud": null}), shape),
        (json!({"aud": {"client": 1}}), shape),
        (json!({"iat": null}), shape),
        (json!({"iat": now().to_string()}), shape),
        (json!({"iat": 1.5e9}), shape),
        (json!({"iat": now() + 120}), "made in the future"),
        (json!({"iat": now() - 301}), "too old"),
        (json!({"iat": -1}), "too old"),
        (json!({"exp": now() - 61}), "expired"),
        (json!({"exp": i64::MIN}), "expired"),
        (json!({"exp": "soon"}), shape),
        (json!({"nbf": now() + 120}), "not good yet"),
        (json!({"jti": null}), shape),
        (json!({"jti": ""}), shape),
        (json!({"jti": 1}), shape),
        (json!({"jti": "x".repeat(1025)}), shape),
        (json!({"sub": null, "sid": null}), "neither `sub` nor `sid`"),
        (json!({"sub": "", "sid": "s"}), shape),
        (json!({"sid": 5}), shape),
        (json!({"events": null}), shape),
        (json!({"events": [EVENT]}), shape),
        (json!({"events": EVENT}), shape),
        (json!({"events": {}}), "`events` has no logout"),
        (json!({"events": {"urn:other": {}}}), "`events` has no logout"),
        (json!({"events": {EVENT: true}}), "`events` has no logout"),
        (json!({"events": {EVENT: []}}), "`events` has no logout"),
        (json!({"nonce": "n"}), "it has a `nonce`"),
        (json!({"nonce": ""}), "it has a `nonce`"),
    ] {
        let answer = verify(&fake, &changed(&fake, &changes)).await;
        assert_eq!(answer, refused(reason), "{changes}");
    }
    // What JSON's reader here would leave out or take for the last of two.
    let payload = Value::Object(claims(&fake)).to_string();
    for (altered, reason) in [
        (
            payload.replace("\"jti\"", "\"nonce\":null,\"jti\""),
            "it has a `nonce`",
        ),
        (
            payload
                .replace("\"jti\"", "\"sub\":null,\"jti\"")
                .replace("\"sub\":\"user-1\",", ""),
            shape,
        ),
        (payload.replace("\"jti\"", "\"iss\":\"x\",\"jti\""), shape),
        (payload.replace("\"jti\"", "\"sub\":\"x\",\"jti\""), shape),
        (payload.replace("\"jti\"", "\"iat\":1e400,\"jti\""), shape),
        (format!("{payload}x"), shape),
        (format!("\u{feff}{payload}"), "not a json object"),
        (format!("[{payload}]"), "not a json object"),
    ] {
        assert_eq!(
            verify(&fake, &fake.sign(HEADER, &altered)).await,
            refused(reason),
            "{altered}"
        );
    }
}

#[tokio::test]
async fn each_fault_of_header_and_signature_is_refused() {
    let fake = Fake::start().await;
    let payload = Value::Object(claims(&fake)).to_string();
    let (shape, algorithm) = (
        "header fields are not as they must be",
        "signature algorithm is not acceptable",
    );
    for (header, reason) in [
        (r#"{"alg":"none"}"#, algorithm),
        (r#"{"alg":"HS256"}"#, algorithm),
        (r#"{"alg":"RS256"}"#, algorithm),
        (r#"{"alg":"None"}"#, shape),
        (r#"{"alg":""}"#, shape),
        (r#"{"kid":"key-1"}"#, shape),
        (r#"{"alg":"ES256","alg":"ES256"}"#, shape),
        (r#"{"alg":"ES256","kid":"../../x"}"#, "signed by an unknown key"),
        (
            r#"{"alg":"ES256","kid":"key-1","crit":["exp"]}"#,
            "unsupported header",
        ),
        (
            r#"{"alg":"ES256","kid":"key-1","crit":null}"#,
            "unsupported header",
        ),
        (
            r#"{"alg":"ES256","kid":"key-1","b64":false}"#,
            "unsupported header",
        ),
        (
            r#"{"alg":"ES256","kid":"key-1","zip":"DEF"}"#,
            "unsupported header",
        ),
        (
            r#"{"alg":"ES256","kid":"key-1","typ":"at+jwt"}"#,
            "`typ` is another kind of token",
        ),
        (
            r#"{"alg":"ES256","kid":"key-1","typ":"id_token+jwt"}"#,
            "`typ` is another kind of token",
        ),
    ] {
        let answer = verify(&fake, &fake.sign(header, &payload)).await;
        assert_eq!(answer, refused(reason), "{header}");
    }
    let good = changed(&fake, &json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = changed(&fake, &json!({"sub": "user-2"}));
    let (other, _) = other.rsplit_once('.').unwrap();
    for (token, reason) in [
        (String::new(), "not three parts"),
        (signed.to_owned(), "not three parts"),
        (format!("{good}.x"), "not three parts"),
        (".".repeat(1_000_000), "too long"),
        (format!("{good}{}", "A".repeat(20_000)), "too long"),
        (format!("{signed}."), "signature does not verify"),
        (format!("{other}.{signature}"), "signature does not verify"),
        (format!("{signed}.{signature}="), "not base64url"),
        (
            format!("{signed}.{}", "A".repeat(86)),
            "signature does not verify",
        ),
        (format!(" {good}"), "not base64url"),
    ] {
        assert_eq!(verify(&fake, &token).await, refused(reason), "{reason}");
    }
    // Signed by what everybody knows, or by what only we and the provider should.
    let token: Value = serde_json::from_str(&payload).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    for secret in [fake.public_key().as_slice(), SECRET.as_bytes(), b""] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&header, &token, &key).unwrap();
        assert_eq!(verify(&fake, &token).await, refused(algorithm));
    }
}

/// JW-10: each kind of token for another.
#[tokio::test]
async fn other_tokens_are_no_logout_tokens_nor_the_other_way_round() {
    let fake = Fake::start().await;
    let id_token = login(&fake).await.unwrap().id_token;
    let answer = verify(&fake, secrecy::ExposeSecret::expose_secret(&id_token)).await;
    assert_eq!(answer, refused("claims are not as they must be"));
    // Even one with everything that an id token needs besides.
    fake.set(|b| {
        b.change = Box::new(|claims| {
            claims.insert("events".to_owned(), json!({EVENT: {}}));
        });
    });
    let answer = login(&fake).await.map(|identity| identity.user_id);
    assert_eq!(answer, Err(invalid("id token", "it is a logout token")));
}

#[tokio::test]
async fn keys_that_changed_are_fetched_and_unknown_ones_once_in_a_while() {
    let fake = Fake::start().await;
    let timing = Timing {
        keys_pause: std::time::Duration::from_secs(60),
        ..timing()
    };
    let provider = Provider::with_timing(config(&fake), http(), timing);
    let verify = |token: String| {
        let provider = provider.clone();
        async move { provider.verify_logout_token(&token, now()).await }
    };
    assert!(verify(changed(&fake, &json!({}))).await.is_ok());
    assert_eq!(fake.count("jwks"), 1);
    fake.rotate();
    let payload = Value::Object(claims(&fake)).to_string();
    let next = fake.sign(r#"{"alg":"ES256","kid":"key-2"}"#, &payload);
    assert!(verify(next).await.is_ok());
    assert_eq!(fake.count("jwks"), 2);
    for number in 0..50 {
        let header = format!(r#"{{"alg":"ES256","kid":"unknown-{number}"}}"#);
        let answer = verify(fake.sign(&header, &payload)).await;
        assert_eq!(answer, refused("signed by an unknown key"));
    }
    assert_eq!(fake.count("jwks"), 2);
    // What is not for us costs no fetch at all.
    let elsewhere = Value::Object(claims(&fake))
        .to_string()
        .replace("\"client\"", "\"other\"");
    let header = r#"{"alg":"ES256","kid":"unknown"}"#;
    assert_eq!(
        verify(fake.sign(header, &elsewhere)).await,
        refused("audience is not this client")
    );
}

#[tokio::test]
async fn a_provider_whose_keys_cannot_be_read_is_unavailable_and_not_believed() {
    let fake = Fake::start().await;
    let token = changed(&fake, &json!({}));
    fake.set(|b| b.discovery = Answer::Status(500));
    assert!(matches!(
        verify(&fake, &token).await,
        Err(IdpError::Unavailable { .. })
    ));
}
