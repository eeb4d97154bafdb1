//! What follows a login: new tokens, userinfo, and what is final about a refusal.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::fake::{Answer, Fake, NONCE, Signature, VERIFIER};
use super::{login, provider};
use crate::{Identity, IdpError, Refreshed};

/// A login, then a refresh of its tokens after `change`.
async fn refreshed(change: impl FnOnce(&mut super::fake::Behaviour)) -> Result<Refreshed, IdpError> {
    let fake = Fake::start().await;
    let identity = login(&fake).await.unwrap();
    fake.set(change);
    refresh(&fake, &identity).await
}

async fn refresh(fake: &Fake, identity: &Identity) -> Result<Refreshed, IdpError> {
    let token = identity.refresh_token.as_ref().unwrap();
    provider(fake)
        .refresh(token, &identity.id_token, &identity.user_id)
        .await
}

#[tokio::test]
async fn tokens_and_claims_are_new() {
    let fake = Fake::start().await;
    let identity = login(&fake).await.unwrap();
    fake.set(|b| {
        b.change = Box::new(|claims| {
            claims.remove("nonce");
            claims.remove("name");
            claims.insert("groups".to_owned(), json!(["staff"]));
        });
        b.userinfo = Some(json!({"sub": "user-1", "email": "new@example.com"}));
    });
    let refreshed = refresh(&fake, &identity).await.unwrap();
    assert_eq!(refreshed.access_token.expose_secret(), "access");
    assert_eq!(refreshed.access_token_expires_in.unwrap().as_secs(), 3600);
    assert_eq!(refreshed.refresh_token.unwrap().expose_secret(), "refresh-2");
    let id_token = refreshed.id_token.unwrap();
    assert_ne!(id_token.expose_secret(), identity.id_token.expose_secret());
    let person = refreshed.person.unwrap();
    assert_eq!(
        (
            person.user_id.as_str(),
            person.email.as_str(),
            person.name.as_str()
        ),
        ("user-1", "new@example.com", "")
    );
    assert_eq!(person.claims.get("groups"), Some(&[json!("staff")][..]));
    assert!(person.claims.get("exp").is_some());
}

#[tokio::test]
async fn a_provider_may_leave_out_what_does_not_change() {
    let refreshed = refreshed(|b| {
        b.without_id_token = true;
        b.without_refresh_token = true;
    })
    .await
    .unwrap();
    assert!(refreshed.refresh_token.is_none() && refreshed.id_token.is_none());
    let person = refreshed.person.unwrap();
    assert_eq!(person.email, "user@example.com", "the old id token says so");
}

#[tokio::test]
async fn only_what_is_said_of_the_grant_is_a_refusal() {
    for code in [
        "invalid_grant",
        "interaction_required",
        "login_required",
        "consent_required",
    ] {
        let error = refreshed(|b| b.refuses = Some(code)).await.unwrap_err();
        let refused = IdpError::Refused {
            error: code.to_owned(),
        };
        assert_eq!(error, refused);
    }
    for (code, named) in [
        ("invalid_client", "`invalid_client`"),
        ("unauthorized_client", "`unauthorized_client`"),
        ("invalid_scope", "`invalid_scope`"),
        ("invalid_request", "`invalid_request`"),
        ("unheard_of", "`unheard_of`"),
        // A gateway between us and the provider.
        ("Not Found", "`NotFound`"),
    ] {
        let error = refreshed(|b| b.refuses = Some(code)).await.unwrap_err();
        assert!(matches!(error, IdpError::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    for code in ["temporarily_unavailable", "server_error", "slow_down"] {
        let error = refreshed(|b| b.refuses = Some(code)).await.unwrap_err();
        assert!(matches!(error, IdpError::Unavailable { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_word_of_oauth_is_no_refusal() {
    let answers = [
        Answer::Status(500),
        Answer::Status(502),
        Answer::Status(429),
        Answer::Status(404),
        Answer::Hang,
        Answer::Drip,
        Answer::Garbage,
        Answer::Html,
        Answer::Giant,
        Answer::Redirect,
    ];
    for answer in answers {
        let error = refreshed(|b| b.token = answer).await.unwrap_err();
        let final_word = matches!(error, IdpError::Refused { .. } | IdpError::OtherUser);
        assert!(!final_word, "{answer:?}: {error}");
        assert!(!error.to_string().contains("leak-me"), "{error}");
    }
}

#[tokio::test]
async fn an_empty_refresh_token_is_none() {
    let fake = Fake::start().await;
    fake.set(|b| b.empty_refresh_token = true);
    assert!(login(&fake).await.unwrap().refresh_token.is_none());
    let refreshed = refreshed(|b| b.empty_refresh_token = true).await.unwrap();
    assert!(refreshed.refresh_token.is_none());
}

#[tokio::test]
async fn a_user_id_may_come_with_userinfo_alone() {
    let fake = Fake::start().await;
    fake.set(|b| b.userinfo = Some(json!({"sub": "user-1", "oid": "object-1"})));
    let identity = login(&fake).await.unwrap();
    assert_eq!(identity.user_id, "object-1");
    let person = refresh(&fake, &identity).await.unwrap().person.unwrap();
    assert_eq!(person.user_id, "object-1");
    // Where it cannot be read nobody has said that this is another user.
    fake.set(|b| b.userinfo_answer = Answer::Status(503));
    let person = refresh(&fake, &identity).await.unwrap().person;
    assert!(matches!(person, Err(IdpError::Unavailable { .. })), "{person:?}");
    fake.set(|b| {
        b.userinfo_answer = Answer::Normal;
        b.userinfo = Some(json!({"sub": "user-1", "oid": "object-2"}));
    });
    assert_eq!(refresh(&fake, &identity).await.unwrap_err(), IdpError::OtherUser);
}

#[tokio::test]
async fn a_new_access_token_that_userinfo_does_not_take_is_no_refusal() {
    let change = |b: &mut super::fake::Behaviour| {
        b.access_token = "another".to_owned();
        b.userinfo = Some(json!({"sub": "user-1"}));
    };
    let person = refreshed(change).await.unwrap().person;
    let invalid = super::invalid("userinfo", "answered with status 401");
    assert_eq!(person.unwrap_err(), invalid);
    // Nor is it one of a login.
    let fake = Fake::start().await;
    fake.set(change);
    assert_eq!(login(&fake).await.unwrap_err(), invalid);
}

#[tokio::test]
async fn new_tokens_are_kept_though_the_rest_fails() {
    for endpoint in ["userinfo", "id token"] {
        let refreshed = refreshed(|b| match endpoint {
            "userinfo" => {
                b.userinfo = Some(json!({"sub": "user-1"}));
                b.userinfo_answer = Answer::Hang;
            }
            _ => b.signature = Signature::UnknownKey,
        })
        .await
        .unwrap();
        assert_eq!(refreshed.refresh_token.unwrap().expose_secret(), "refresh-2");
        assert!(refreshed.id_token.is_none(), "{endpoint}");
        assert!(refreshed.person.is_err(), "{endpoint}");
    }
}

#[tokio::test]
async fn another_user_is_not_believed() {
    let error = refreshed(|b| {
        b.change = Box::new(|claims| {
            claims.insert("sub".to_owned(), json!("user-2"));
        });
    })
    .await
    .unwrap_err();
    assert_eq!(error, IdpError::OtherUser);
    let other = refreshed(|b| b.userinfo = Some(json!({"sub": "user-2"})))
        .await
        .unwrap();
    assert!(matches!(
        other.person,
        Err(IdpError::Invalid { step: "userinfo", .. })
    ));
    let other = refreshed(|b| b.userinfo = Some(json!({"sub": "user-1", "oid": "user-2"}))).await;
    assert_eq!(other.unwrap_err(), IdpError::OtherUser);
}

#[tokio::test]
async fn userinfo_is_read_over_the_id_token_of_each_session() {
    let fake = Fake::start().await;
    let identity = login(&fake).await.unwrap();
    let access: SecretString = "access".to_owned().into();
    assert!(
        provider(&fake).read_userinfo(&access).await.unwrap().is_none(),
        "there is none"
    );
    fake.set(|b| b.userinfo = Some(json!({"sub": "user-1", "groups": ["a"], "exp": 1})));
    let userinfo = provider(&fake).read_userinfo(&access).await.unwrap().unwrap();
    let person = userinfo.over(&identity.id_token).unwrap();
    assert_eq!(person.claims.get("groups"), Some(&[json!("a")][..]));
    assert_eq!(person.name, "User One");
    assert_ne!(person.claims.get("exp"), Some(&[json!(1)][..]));
    for kept in ["", "garbage", "a.b.c"] {
        assert!(userinfo.over(&kept.to_owned().into()).is_err());
    }
    let spent: SecretString = "revoked".to_owned().into();
    let error = provider(&fake).read_userinfo(&spent).await.unwrap_err();
    assert!(matches!(error, IdpError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_was_just_found_to_be_down() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    let token: SecretString = "refresh".to_owned().into();
    let ask = || provider.authorize_url("s", NONCE, VERIFIER);
    ask().await.unwrap();
    fake.set(|b| {
        b.token = Answer::Status(503);
        b.discovery = Answer::Status(503);
    });
    ask().await.unwrap();
    let error = provider.refresh(&token, &token, "user-1").await.unwrap_err();
    assert!(matches!(error, IdpError::Unavailable { .. }), "{error}");
    for _ in 0..2 {
        let error = ask().await.unwrap_err();
        assert!(matches!(error, IdpError::Unavailable { .. }), "{error}");
    }
    fake.set(|b| b.discovery = Answer::Normal);
    ask().await.unwrap();
    let asked = fake.count("discovery");
    ask().await.unwrap();
    assert_eq!(fake.count("discovery"), asked, "it is trusted again");
}
