//! What a sign-out asks of the provider.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;

use super::fake::{Answer, Fake, Naming};
use super::{config, http, provider, timing};
use crate::{IdpError, Provider, ProviderConfig, Timing};

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

async fn revoke(provider: &Provider) -> Result<bool, IdpError> {
    provider.revoke(Some(&secret("r")), &secret("a")).await
}

async fn fake(endpoint: &str) -> Fake {
    let fake = Fake::start().await;
    fake.set(|b| b.revocation = Some(endpoint.to_owned()));
    fake
}

fn revoked(fake: &Fake) -> Vec<(String, String)> {
    let mut all = Vec::new();
    fake.set(|b| all = b.revoked.clone());
    all
}

fn pair(kind: &str, token: &str) -> (String, String) {
    (kind.to_owned(), token.to_owned())
}

#[tokio::test]
async fn the_refresh_token_is_revoked_first_and_then_the_access_token() {
    for naming in [Naming::Header, Naming::Form] {
        let fake = fake("/revoke").await;
        fake.set(|b| b.naming = naming);
        assert_eq!(revoke(&provider(&fake)).await, Ok(true));
        let both = [pair("refresh_token", "r"), pair("access_token", "a")];
        assert_eq!(revoked(&fake), both);
    }
}

#[tokio::test]
async fn what_discovery_says_of_the_place_itself_counts_first() {
    for (naming, methods) in [
        (Naming::Form, json!(["private_key_jwt", "client_secret_post"])),
        (
            Naming::Header,
            json!(["client_secret_post", "client_secret_basic"]),
        ),
        // What helps nobody leaves it at what the token endpoint takes.
        (Naming::Header, json!(["private_key_jwt"])),
        (Naming::Header, json!([])),
        (Naming::Header, json!("client_secret_post")),
        (Naming::Header, json!([7, null])),
    ] {
        let fake = fake("/revoke").await;
        fake.set(|b| {
            b.naming = naming;
            b.revocation_methods = Some(methods.clone());
        });
        // A login has the method of the token endpoint, whatever is said here.
        super::login(&fake).await.unwrap();
        assert_eq!(revoke(&provider(&fake)).await, Ok(true), "{methods}");
        assert_eq!(revoked(&fake).len(), 2, "{methods}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_revoked() {
    let fake = fake("/revoke").await;
    let provider = provider(&fake);
    assert_eq!(provider.revoke(None, &secret("")).await, Ok(true));
    assert_eq!(provider.revoke(Some(&secret("")), &secret("a")).await, Ok(true));
    assert_eq!(revoked(&fake), [pair("access_token", "a")]);
}

#[tokio::test]
async fn a_provider_without_the_place_is_not_asked() {
    let fake = Fake::start().await;
    assert_eq!(revoke(&provider(&fake)).await, Ok(false));
    assert_eq!(fake.count("revoke"), 0);
}

#[tokio::test]
async fn one_that_is_refused_does_not_keep_the_other() {
    let fake = fake("/revoke").await;
    fake.set(|b| b.revocation_answer = Answer::Status(400));
    assert!(matches!(
        revoke(&provider(&fake)).await,
        Err(IdpError::Invalid { .. })
    ));
    assert_eq!(revoked(&fake).len(), 2);
    fake.set(|b| b.revocation_answer = Answer::Status(503));
    assert!(matches!(
        revoke(&provider(&fake)).await,
        Err(IdpError::Unavailable { .. })
    ));
}

#[tokio::test]
async fn a_place_that_hangs_costs_a_bounded_time() {
    let fake = fake("/revoke").await;
    fake.set(|b| b.revocation_answer = Answer::Hang);
    let timing = Timing {
        total: Duration::from_millis(600),
        ..timing()
    };
    let provider = Provider::with_timing(config(&fake), http(), timing);
    let began = Instant::now();
    assert!(matches!(
        revoke(&provider).await,
        Err(IdpError::Unavailable { .. })
    ));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn tokens_go_to_no_place_that_is_not_the_providers_to_name() {
    for endpoint in [
        "no url",
        "ftp://a.example/",
        "https://user:pass@a.example/",
        "file:///etc/passwd",
    ] {
        let fake = fake(endpoint).await;
        let answer = revoke(&provider(&fake)).await;
        assert!(
            matches!(answer, Err(IdpError::Invalid { .. })),
            "{endpoint}: {answer:?}"
        );
        // A login does not depend on it.
        super::login(&fake).await.unwrap();
    }
}

#[tokio::test]
async fn a_public_client_says_only_who_it_is() {
    let fake = fake("/revoke").await;
    let config = ProviderConfig {
        client_secret: None,
        ..config(&fake)
    };
    fake.set(|b| b.naming = Naming::Public);
    let provider = Provider::with_timing(config, http(), timing());
    assert_eq!(revoke(&provider).await, Ok(true));
    assert_eq!(revoked(&fake).len(), 2);
}
