//! The client against a provider that misbehaves on demand.

mod availability;
mod fake;
mod logout;
mod logout_token;
mod refresh;
mod tls;

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use url::Url;

use crate::{HttpClient, HttpOptions, Identity, IdpError, Provider, ProviderConfig, ProviderKind, Timing};
use fake::{CODE, Fake, NONCE, SECRET, Signature, VERIFIER};

const MAX_BODY: usize = 1 << 20;

fn http() -> HttpClient {
    HttpClient::new(&HttpOptions {
        connect_timeout: Duration::from_secs(2),
        total_timeout: Duration::from_millis(400),
        max_body: MAX_BODY,
        extra_roots_pem: None,
    })
    .unwrap()
}

fn config(fake: &Fake) -> ProviderConfig {
    ProviderConfig {
        kind: ProviderKind::Oidc,
        issuer_url: fake.issuer(),
        client_id: "client".to_owned(),
        client_secret: Some(SECRET.to_owned().into()),
        scopes: Vec::new(),
        redirect_url: Url::parse("https://authenticate.example.com/oauth2/callback").unwrap(),
    }
}

fn timing() -> Timing {
    Timing {
        keys_pause: Duration::ZERO,
        failure_pause: Duration::ZERO,
        ..Timing::default()
    }
}

fn provider(fake: &Fake) -> Provider {
    Provider::with_timing(config(fake), http(), timing())
}

async fn login(fake: &Fake) -> Result<Identity, IdpError> {
    provider(fake).exchange(CODE, NONCE, VERIFIER).await
}

fn invalid(step: &'static str, reason: &'static str) -> IdpError {
    IdpError::Invalid {
        step,
        reason: reason.into(),
    }
}

/// What a changed id token leads to.
async fn login_with(change: impl Fn(&mut Map<String, Value>) + Send + 'static) -> Result<Identity, IdpError> {
    let fake = Fake::start().await;
    fake.set(|b| b.change = Box::new(change));
    login(&fake).await
}

#[tokio::test]
async fn authorize_url_asks_for_the_code_with_pkce_s256() {
    let fake = Fake::start().await;
    let url = provider(&fake)
        .authorize_url("the-state", NONCE, VERIFIER)
        .await
        .unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", fake.issuer())));
    let get = |name: &str| {
        let found: Vec<String> = url
            .query_pairs()
            .filter(|(k, _)| k == name)
            .map(|(_, v)| v.into_owned())
            .collect();
        assert_eq!(found.len(), 1, "{name} stands {} times", found.len());
        found[0].clone()
    };
    assert_eq!(get("response_type"), "code");
    assert_eq!(get("client_id"), "client");
    assert_eq!(get("state"), "the-state");
    assert_eq!(get("nonce"), NONCE);
    assert_eq!(get("scope"), "openid profile email offline_access");
    assert_eq!(
        get("redirect_uri"),
        "https://authenticate.example.com/oauth2/callback"
    );
    assert_eq!(get("code_challenge_method"), "S256");
    assert_eq!(get("code_challenge"), fake::challenge(VERIFIER));
}

#[tokio::test]
async fn configured_scopes_replace_the_defaults_and_keep_openid() {
    let fake = Fake::start().await;
    let config = ProviderConfig {
        scopes: vec!["email".into(), "openid".into()],
        ..config(&fake)
    };
    let url = Provider::new(config, http())
        .authorize_url("s", NONCE, VERIFIER)
        .await
        .unwrap();
    assert!(
        url.query_pairs()
            .any(|(k, v)| k == "scope" && v == "openid email")
    );
}

#[tokio::test]
async fn malformed_verifier_is_refused_without_a_request() {
    let fake = Fake::start().await;
    for verifier in ["", "short", &"x".repeat(129), &format!("{}\n", "x".repeat(50))] {
        assert_eq!(
            provider(&fake)
                .authorize_url("s", NONCE, verifier)
                .await
                .unwrap_err(),
            invalid("pkce", "verifier is malformed")
        );
    }
    assert_eq!(fake.count("discovery"), 0);
}

#[tokio::test]
async fn exchange_returns_the_person_with_userinfo_on_top() {
    let fake = Fake::start().await;
    fake.set(|b| {
        b.userinfo = Some(json!({
            "sub": "user-1", "email": "fresh@example.com", "groups": ["admins"],
            "iss": "https://evil.example", "org": {"unit": "a"},
        }));
    });
    let identity = login(&fake).await.unwrap();
    assert_eq!(identity.user_id, "user-1");
    assert_eq!(identity.email, "fresh@example.com");
    assert_eq!(identity.name, "User One");
    assert_eq!(identity.claims.get("groups"), Some(&[json!("admins")][..]));
    assert_eq!(identity.claims.get("org.unit"), Some(&[json!("a")][..]));
    assert_eq!(identity.claims.get("iss"), Some(&[json!(fake.issuer())][..]));
    assert_eq!(identity.claims.get("nonce"), None);
    assert_eq!(identity.access_token.expose_secret(), "access");
    assert_eq!(identity.refresh_token.unwrap().expose_secret(), "refresh");
    assert_eq!(identity.access_token_expires_in, Some(Duration::from_secs(3600)));
    assert_eq!(identity.id_token.expose_secret().split('.').count(), 3);
    assert!(!format!("{:?}", identity.id_token).contains("ey"));
}

#[tokio::test]
async fn object_id_replaces_the_subject_and_mail_fills_email() {
    let identity = login_with(|c| {
        c.insert("oid".into(), json!("object-1"));
        c.remove("email");
        c.insert("mail".into(), json!("m@example.com"));
        // Seen in the wild: strings where the specification has other types.
        c.insert("email_verified".into(), json!("true"));
        c.insert("updated_at".into(), json!("2024-01-01T00:00:00Z"));
    })
    .await
    .unwrap();
    assert_eq!(identity.user_id, "object-1");
    assert_eq!(identity.email, "m@example.com");
    assert_eq!(identity.claims.get("email"), Some(&[json!("m@example.com")][..]));
}

#[tokio::test]
async fn tokens_of_others_are_refused() {
    type Case = (&'static str, fn(&mut Map<String, Value>), &'static str);
    let cases: Vec<Case> = vec![
        (
            "issuer",
            |c| drop(c.insert("iss".into(), json!("https://evil.example"))),
            "issuer is not the provider",
        ),
        (
            "audience",
            |c| drop(c.insert("aud".into(), json!("other"))),
            "audience is not this client",
        ),
        (
            "no audience",
            |c| drop(c.remove("aud")),
            "audience is not this client",
        ),
        (
            "audiences without azp",
            |c| drop(c.insert("aud".into(), json!(["client", "other"]))),
            "several audiences and no `azp`",
        ),
        (
            "azp",
            |c| drop(c.insert("azp".into(), json!("other"))),
            "`azp` is another client",
        ),
        (
            "nonce",
            |c| drop(c.insert("nonce".into(), json!("other"))),
            "nonce is not that of this login",
        ),
        (
            "no nonce",
            |c| drop(c.remove("nonce")),
            "nonce is not that of this login",
        ),
        (
            "expired",
            |c| drop(c.insert("exp".into(), json!(fake::now() - 1))),
            "expired",
        ),
        (
            "at_hash",
            |c| drop(c.insert("at_hash".into(), json!("AAAAAAAAAAAAAAAAAAAAAA"))),
            "`at_hash` is not that of the access token",
        ),
        (
            "empty subject",
            |c| drop(c.insert("sub".into(), json!(""))),
            "`sub` is empty",
        ),
    ];
    for (name, change, reason) in cases {
        assert_eq!(
            login_with(change).await.unwrap_err(),
            invalid("id token", reason),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_second_audience_is_fine_when_the_token_was_issued_to_us() {
    let identity = login_with(|c| {
        c.insert("aud".into(), json!(["client", "project"]));
        c.insert("azp".into(), json!("client"));
        c.insert("at_hash".into(), json!(fake::at_hash("access")));
    })
    .await
    .unwrap();
    assert_eq!(identity.user_id, "user-1");
}

#[tokio::test]
async fn unsigned_and_symmetric_tokens_are_refused() {
    for (signature, reason) in [
        (Signature::None, "not signed"),
        (Signature::ClientSecret, "signature algorithm is not acceptable"),
        (Signature::Tampered, "signature does not verify"),
        (Signature::UnknownKey, "signed by an unknown key"),
    ] {
        let fake = Fake::start().await;
        fake.set(|b| b.signature = signature);
        let error = login(&fake).await.unwrap_err();
        assert_eq!(error, invalid("id token", reason), "{signature:?}");
    }
}

#[tokio::test]
async fn discovery_must_name_the_configured_issuer() {
    let fake = Fake::start().await;
    fake.set(|b| b.issuer = Some("https://evil.example".to_owned()));
    let error = login(&fake).await.unwrap_err();
    assert!(
        matches!(&error, IdpError::Invalid { step: "discovery", reason } if reason.contains("issuer")),
        "{error}"
    );
}

#[tokio::test]
async fn refusal_and_wrong_proofs_are_the_providers_error() {
    let fake = Fake::start().await;
    let grant = IdpError::Refused {
        error: "invalid_grant".to_owned(),
    };
    assert_eq!(
        provider(&fake)
            .exchange("used", NONCE, VERIFIER)
            .await
            .unwrap_err(),
        grant
    );
    let other = "b".repeat(43);
    assert_eq!(
        provider(&fake).exchange(CODE, NONCE, &other).await.unwrap_err(),
        grant
    );
    let config = ProviderConfig {
        client_secret: Some("wrong".to_owned().into()),
        ..config(&fake)
    };
    assert_eq!(
        Provider::new(config, http())
            .exchange(CODE, NONCE, VERIFIER)
            .await
            .unwrap_err(),
        IdpError::Refused {
            error: "invalid_client".to_owned()
        }
    );
    assert_eq!(
        IdpError::refused("a b\n\u{1b}[31mc"),
        IdpError::Refused {
            error: "ab31mc".to_owned()
        }
    );
}

#[tokio::test]
async fn userinfo_of_somebody_else_is_refused() {
    for userinfo in [json!({"sub": "user-2"}), json!({}), json!({"sub": 1})] {
        let fake = Fake::start().await;
        fake.set(|b| b.userinfo = Some(userinfo));
        assert_eq!(
            login(&fake).await.unwrap_err(),
            invalid("userinfo", "`sub` is not that of the id token")
        );
    }
}

#[tokio::test]
async fn answers_without_a_usable_token_are_refused() {
    let fake = Fake::start().await;
    fake.set(|b| b.without_id_token = true);
    assert_eq!(
        login(&fake).await.unwrap_err(),
        invalid("code exchange", "no id token")
    );
    let fake = Fake::start().await;
    fake.set(|b| {
        b.access_token = "a\r\nx: y".to_owned();
        b.userinfo = Some(json!({"sub": "user-1"}));
    });
    assert_eq!(
        login(&fake).await.unwrap_err(),
        invalid("userinfo", "access token is not usable in a header")
    );
}

#[tokio::test]
async fn end_session_url_carries_hint_client_and_return() {
    let fake = Fake::start().await;
    let back = Url::parse("https://authenticate.example.com/.pomerium/signed_out").unwrap();
    let hint = "the.id.token".to_owned().into();
    let url = provider(&fake)
        .end_session_url(Some(&hint), &back)
        .await
        .unwrap()
        .unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("id_token_hint", "the.id.token"),
        ("client_id", "client"),
        ("post_logout_redirect_uri", back.as_str()),
    ] {
        assert!(
            pairs.contains(&(name.to_owned(), value.to_owned())),
            "{name} in {url}"
        );
    }
    fake.set(|b| b.end_session = false);
    assert_eq!(provider(&fake).end_session_url(None, &back).await.unwrap(), None);
}

#[test]
fn https_issuer_must_not_lead_to_plain_http() {
    let acceptable =
        |url: &str, secure| crate::discovery::check_endpoint(&Url::parse(url).unwrap(), secure).is_ok();
    assert!(acceptable("https://idp.example/token", true));
    assert!(acceptable("http://127.0.0.1/token", false));
    assert!(!acceptable("http://127.0.0.1/token", true));
    assert!(!acceptable("https://user:pw@idp.example/token", true));
    assert!(!acceptable("ftp://idp.example/token", false));
    assert!(!acceptable("file:///etc/passwd", false));
}

#[test]
fn extra_roots_must_be_certificates() {
    let options = HttpOptions {
        extra_roots_pem: Some("nothing".to_owned()),
        ..HttpOptions::default()
    };
    assert!(HttpClient::new(&options).is_err());
}
