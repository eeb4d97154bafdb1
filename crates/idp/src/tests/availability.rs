//! Caching, key rotation, outages and answers that are of no use.

use std::time::Duration;

use serde_json::json;

use super::fake::{Answer, CODE, Fake, NONCE, Signature, VERIFIER};
use super::{config, http, login, provider, timing};
use crate::{IdpError, Provider, ProviderConfig, Timing};

#[tokio::test]
async fn rotated_key_costs_one_fetch_of_the_keys() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    provider.exchange(CODE, NONCE, VERIFIER).await.unwrap();
    assert_eq!((fake.count("discovery"), fake.count("jwks")), (1, 1));
    fake.rotate();
    provider.exchange(CODE, NONCE, VERIFIER).await.unwrap();
    provider.exchange(CODE, NONCE, VERIFIER).await.unwrap();
    assert_eq!((fake.count("discovery"), fake.count("jwks")), (1, 2));
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_ask_again_and_again() {
    let fake = Fake::start().await;
    let timing = Timing {
        keys_pause: Duration::from_secs(60),
        ..timing()
    };
    let provider = Provider::with_timing(config(&fake), http(), timing);
    fake.set(|b| b.signature = Signature::UnknownKey);
    for _ in 0..5 {
        provider.exchange(CODE, NONCE, VERIFIER).await.unwrap_err();
    }
    // One with the discovery, one for the unknown key.
    assert_eq!(fake.count("jwks"), 2);
}

#[tokio::test]
async fn concurrent_first_logins_discover_once() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    let logins = (0..20).map(|_| {
        let provider = provider.clone();
        tokio::spawn(async move { provider.authorize_url("s", NONCE, VERIFIER).await })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap().unwrap();
    }
    assert_eq!(fake.count("discovery"), 1);
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_asked_by_every_login() {
    let fake = Fake::start().await;
    fake.set(|b| b.discovery = Answer::Status(503));
    let timing = Timing {
        failure_pause: Duration::from_secs(60),
        ..timing()
    };
    let failing = Provider::with_timing(config(&fake), http(), timing);
    for _ in 0..5 {
        let error = failing.authorize_url("s", NONCE, VERIFIER).await.unwrap_err();
        assert!(
            matches!(
                error,
                IdpError::Unavailable {
                    step: "discovery",
                    ..
                }
            ),
            "{error}"
        );
    }
    assert_eq!(fake.count("discovery"), 1);
    // And without the pause it recovers by itself.
    let provider = provider(&fake);
    provider.authorize_url("s", NONCE, VERIFIER).await.unwrap_err();
    fake.set(|b| b.discovery = Answer::Normal);
    provider.authorize_url("s", NONCE, VERIFIER).await.unwrap();
}

#[tokio::test]
async fn old_metadata_serves_while_the_provider_is_down_and_is_refreshed() {
    let fake = Fake::start().await;
    let timing = Timing {
        refresh_after: Duration::ZERO,
        ..timing()
    };
    let provider = Provider::with_timing(config(&fake), http(), timing);
    provider.authorize_url("s", NONCE, VERIFIER).await.unwrap();
    fake.set(|b| b.discovery = Answer::Status(500));
    provider.authorize_url("s", NONCE, VERIFIER).await.unwrap();
    for _ in 0..100 {
        if fake.count("discovery") >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(fake.count("discovery") >= 2, "no refresh in the background");
    let expired = Timing {
        max_age: Duration::ZERO,
        ..timing
    };
    let provider = Provider::with_timing(config(&fake), http(), expired);
    assert!(matches!(
        provider.authorize_url("s", NONCE, VERIFIER).await.unwrap_err(),
        IdpError::Unavailable { .. }
    ));
}

#[tokio::test]
async fn bad_answers_of_each_endpoint_end_the_login() {
    let answers = [
        (Answer::Status(500), true),
        (Answer::Status(429), true),
        (Answer::Status(404), false),
        (Answer::Hang, true),
        (Answer::Drip, true),
        (Answer::Giant, false),
        (Answer::Garbage, false),
        (Answer::Html, false),
        (Answer::Redirect, false),
    ];
    for (answer, unavailable) in answers {
        for endpoint in ["discovery", "jwks", "token", "userinfo"] {
            let fake = Fake::start().await;
            fake.set(|b| {
                b.userinfo = Some(json!({"sub": "user-1"}));
                *match endpoint {
                    "discovery" => &mut b.discovery,
                    "jwks" => &mut b.jwks,
                    "token" => &mut b.token,
                    _ => &mut b.userinfo_answer,
                } = answer;
            });
            let error = login(&fake).await.unwrap_err();
            let is_unavailable = matches!(error, IdpError::Unavailable { .. });
            assert_eq!(is_unavailable, unavailable, "{endpoint} {answer:?}: {error}");
            assert_eq!(fake.count("elsewhere"), 0, "a redirect was followed");
            assert!(!error.to_string().contains("leak-me"), "{error}");
        }
    }
}

#[tokio::test]
async fn unreachable_provider_is_unavailable() {
    let fake = Fake::start().await;
    let gone = ProviderConfig {
        issuer_url: "http://127.0.0.1:1".to_owned(),
        ..config(&fake)
    };
    let error = Provider::new(gone, http())
        .exchange(CODE, NONCE, VERIFIER)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            IdpError::Unavailable {
                step: "discovery",
                ..
            }
        ),
        "{error}"
    );
    let broken = ProviderConfig {
        issuer_url: "not a url".to_owned(),
        ..config(&fake)
    };
    let error = Provider::new(broken, http())
        .exchange(CODE, NONCE, VERIFIER)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            IdpError::Invalid {
                step: "discovery",
                ..
            }
        ),
        "{error}"
    );
}

/// A provider that was found to be down after its metadata had been read; discovery
/// fails, too.
async fn gone(fake: &Fake) -> Provider {
    let provider = provider(fake);
    provider.authorize_url("s", NONCE, VERIFIER).await.unwrap();
    fake.set(|b| {
        b.token = Answer::Status(503);
        b.discovery = Answer::Status(503);
    });
    let error = provider.exchange(CODE, NONCE, VERIFIER).await.unwrap_err();
    assert!(matches!(error, IdpError::Unavailable { .. }), "{error}");
    provider
}

#[tokio::test]
async fn what_asked_nobody_is_no_sign_of_life() {
    let (id_token, access_token) = {
        let identity = login(&Fake::start().await).await.unwrap();
        (identity.id_token, identity.access_token)
    };
    for step in ["revocation", "revocation of nothing", "logout token", "userinfo"] {
        let fake = Fake::start().await;
        if step == "revocation of nothing" {
            fake.set(|b| b.revocation = Some("/revoke".to_owned()));
        }
        let provider = gone(&fake).await;
        match step {
            "revocation" => assert_eq!(provider.revoke(None, &access_token).await, Ok(false)),
            "revocation of nothing" => {
                assert_eq!(provider.revoke(None, &String::new().into()).await, Ok(true));
            }
            "logout token" => {
                let token = super::logout_token::good(&fake);
                provider
                    .verify_logout_token(&token, super::fake::now())
                    .await
                    .unwrap();
            }
            _ => assert!(provider.read_userinfo(&access_token).await.unwrap().is_none()),
        }
        // So it is asked before anybody is sent there.
        let error = provider.authorize_url("s", NONCE, VERIFIER).await;
        assert!(
            matches!(error, Err(IdpError::Unavailable { .. })),
            "{step}: {error:?}"
        );
    }
    // What it has answered is one.
    for step in ["code", "refresh", "revocation", "userinfo"] {
        let fake = Fake::start().await;
        fake.set(|b| {
            b.revocation = Some("/revoke".to_owned());
            b.userinfo = Some(json!({"sub": "user-1"}));
        });
        let provider = gone(&fake).await;
        fake.set(|b| b.token = Answer::Normal);
        match step {
            "code" => drop(provider.exchange(CODE, NONCE, VERIFIER).await.unwrap()),
            "refresh" => {
                let token = "refresh".to_owned().into();
                drop(provider.refresh(&token, &id_token, "user-1").await.unwrap());
            }
            "revocation" => assert_eq!(provider.revoke(None, &access_token).await, Ok(true)),
            _ => assert!(provider.read_userinfo(&access_token).await.unwrap().is_some()),
        }
        assert!(
            provider.authorize_url("s", NONCE, VERIFIER).await.is_ok(),
            "{step}"
        );
    }
}
