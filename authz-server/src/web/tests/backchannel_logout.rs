//! The provider says that somebody has signed out there (OpenID Connect Back-Channel
//! Logout 1.0; OI-20, JW-10).

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::idp::LOGOUT_EVENT;
use super::rig::{APP, AUTHENTICATE, Answer, Browser, OTHER, Rig, user};

mod moments;

pub(super) const URL: &str = "https://authenticate.example.com/.pomerium/backchannel_logout";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser whose login has this `sub`, and `sid` where one is given.
pub(super) async fn log_in<'a>(rig: &'a Rig, sub: &str, sid: Option<&str>) -> Browser<'a> {
    let mut browser = rig.browser();
    let authorize = browser.authorize_url(APP).await;
    let mut claims = user();
    claims["sub"] = json!(sub);
    if let Some(sid) = sid {
        claims["sid"] = json!(sid);
    }
    let back = rig.idp.log_in(&authorize, claims);
    browser.visit(&back).await;
    assert!(browser.is_signed_in(APP).await);
    browser
}

pub(super) async fn post(rig: &Rig, token: &str) -> Answer {
    let body = Body::from(format!("logout_token={token}"));
    rig.browser().send_body(Method::POST, URL, &[FORM], body).await
}

pub(super) async fn log_out(rig: &Rig, changes: &Value) -> Answer {
    let token = rig.idp.logout_token(rig.now(), changes);
    post(rig, &token).await
}

#[track_caller]
pub(super) fn done(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.set_cookies().is_empty());
}

#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.set_cookies().is_empty());
    let said = answer.json();
    assert_eq!(said["error"], "invalid_request", "{what}");
    assert!(!said["error_description"].as_str().unwrap().is_empty(), "{what}");
}

#[tokio::test]
async fn the_sessions_that_it_names_end_and_no_others() {
    let rig = Rig::new().await;
    let mut one = log_in(&rig, "user-1", Some("s-1")).await;
    let mut two = log_in(&rig, "user-1", Some("s-2")).await;
    let mut without = log_in(&rig, "user-1", None).await;
    let mut stranger = log_in(&rig, "user-3", None).await;
    let mut other = log_in(&rig, "user-2", Some("s-3")).await;
    for nobody in [
        json!({"sid": "s-9"}),
        json!({"sub": "user-9"}),
        json!({"sub": "user-2", "sid": "s-1"}),
        json!({"sub": "USER-1"}),
        json!({"sid": "s-1 "}),
    ] {
        done(&log_out(&rig, &nobody).await);
        for browser in [&mut one, &mut two, &mut without, &mut other] {
            assert!(browser.is_signed_in(APP).await, "{nobody}");
        }
    }
    done(&log_out(&rig, &json!({"sub": "user-1", "sid": "s-1"})).await);
    assert!(!one.is_signed_in(APP).await && !one.is_signed_in(AUTHENTICATE).await);
    // One that the provider has not named may be the one: its user says so.
    assert!(two.is_signed_in(APP).await && !without.is_signed_in(APP).await);
    done(&log_out(&rig, &json!({"sid": "s-3"})).await);
    assert!(!other.is_signed_in(APP).await);
    assert!(two.is_signed_in(APP).await && stranger.is_signed_in(APP).await);
    done(&log_out(&rig, &json!({"sub": "user-1"})).await);
    assert!(!two.is_signed_in(APP).await && stranger.is_signed_in(APP).await);
    // They may log in again at once.
    assert!(log_in(&rig, "user-1", Some("s-4")).await.is_signed_in(APP).await);
}

#[tokio::test]
async fn each_altered_token_is_refused_and_the_session_lives_on() {
    let rig = Rig::new().await;
    let mut settings = rig.settings();
    settings.pages.jwt_endpoint = true;
    rig.publish_routes(settings, super::portal::routes());
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    let now = rig.now().as_second();
    let claims = |changes: &Value| {
        let mut all = json!({"sub": "user-1", "sid": "s-1"});
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        rig.idp.logout_claims(rig.now(), &all)
    };
    for changes in [
        json!({"iss": "https://other.example"}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"iat": now + 120}),
        json!({"iat": now - 301}),
        json!({"iat": Value::Null}),
        json!({"exp": now - 120}),
        json!({"sub": Value::Null, "sid": Value::Null}),
        json!({"events": Value::Null}),
        json!({"events": {}}),
        json!({"events": {LOGOUT_EVENT: "yes"}}),
        json!({"events": [LOGOUT_EVENT]}),
        json!({"nonce": "n"}),
        json!({"jti": Value::Null}),
    ] {
        let token = rig
            .idp
            .sign(&json!({"alg": "ES256", "kid": "k"}), &claims(&changes));
        refused(&post(&rig, &token).await, &changes.to_string());
        assert!(browser.is_signed_in(APP).await, "{changes}");
    }
    let good = claims(&json!({}));
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256", "kid": "k"}),
        json!({"alg": "RS256", "kid": "k"}),
        json!({"alg": "ES256", "kid": "k", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "k", "crit": ["x"]}),
        json!({"alg": "ES256", "kid": "other"}),
    ] {
        refused(
            &post(&rig, &rig.idp.sign(&header, &good)).await,
            &header.to_string(),
        );
    }
    // By the public key, as if it were a secret.
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(json!({"alg": "HS256", "kid": "k"})),
        part(good.clone())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, rig.idp.public_key());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()));
    refused(&post(&rig, &format!("{signed}.{tag}")).await, "hmac");
    // By another provider that calls its key the same.
    let stranger = super::idp::FakeIdp::start().await;
    let token = stranger.sign(&json!({"alg": "ES256", "kid": "k"}), &good);
    refused(&post(&rig, &token).await, "another key");
    // Tokens that are something else: of the session itself, and of ours.
    let mut id_token = String::new();
    rig.server.sessions().for_each(|stored| {
        id_token = secrecy::ExposeSecret::expose_secret(&stored.session.id_token).to_owned();
    });
    let assertion = browser.get(&format!("{APP}/.pomerium/jwt")).await.body;
    assert_eq!(
        (id_token.split('.').count(), assertion.split('.').count()),
        (3, 3)
    );
    let cookie = browser.cookie("app.example.com", "_pomerium").unwrap().to_owned();
    for token in [
        &id_token,
        &assertion,
        &cookie,
        "the-access-token-1",
        "",
        "..",
        "%00",
    ] {
        refused(&post(&rig, token).await, token);
    }
    for origin in [APP, AUTHENTICATE] {
        assert!(browser.is_signed_in(origin).await);
    }
    let token = rig.idp.sign(&json!({"alg": "ES256", "kid": "k"}), &good);
    done(&post(&rig, &token).await);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_token_is_good_once() {
    let rig = Rig::new().await;
    let mut before = log_in(&rig, "user-1", None).await;
    let token = rig.idp.logout_token(rig.now(), &json!({"sub": "user-1"}));
    done(&post(&rig, &token).await);
    assert!(!before.is_signed_in(APP).await);
    // What is written meanwhile has been looked at by then.
    tokio::time::sleep(core::time::Duration::from_millis(2500)).await;
    let mut after = log_in(&rig, "user-1", None).await;
    for wait in [0, 100, 199, 1, 1] {
        rig.advance(wait);
        refused(&post(&rig, &token).await, "again");
    }
    assert!(after.is_signed_in(APP).await);
}

#[tokio::test]
async fn only_a_form_of_the_right_kind_is_read() {
    let rig = Rig::new().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    let token = || rig.idp.logout_token(rig.now(), &json!({"sub": "user-1"}));
    let form = FORM.1;
    for (what, kinds, body) in [
        ("no kind", &[][..], format!("logout_token={}", token())),
        (
            "json",
            &["application/json"],
            json!({"logout_token": token()}).to_string(),
        ),
        ("text", &["text/plain"], format!("logout_token={}", token())),
        ("several parts", &["multipart/form-data; boundary=x"], token()),
        (
            "two kinds",
            &[form, "text/plain"],
            format!("logout_token={}", token()),
        ),
        ("nothing", &[form], String::new()),
        ("no token", &[form], format!("token={}", token())),
        (
            "two tokens",
            &[form],
            format!("logout_token={}&logout_token={}", token(), token()),
        ),
        (
            "too large",
            &[form],
            format!("logout_token={}&x={}", token(), "x".repeat(17_000)),
        ),
        (
            "too many",
            &[form],
            format!("logout_token={}{}", token(), "&a=b".repeat(65)),
        ),
    ] {
        let kinds: Vec<_> = kinds.iter().map(|kind| ("content-type", *kind)).collect();
        let answer = rig
            .browser()
            .send_body(Method::POST, URL, &kinds, Body::from(body))
            .await;
        refused(&answer, what);
    }
    let bytes = Body::from(&b"logout_token=\xff\xfe"[..]);
    refused(
        &rig.browser().send_body(Method::POST, URL, &[FORM], bytes).await,
        "no text",
    );
    // In the address it is nothing.
    let query = format!("{URL}?logout_token={}", token());
    let answer = rig.browser().send(Method::POST, &query, &[FORM]).await;
    refused(&answer, "in the query");
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
    ] {
        let answer = rig.browser().send(method, &query, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), "POST");
    }
    for host in [APP, OTHER, "https://unknown.example.com"] {
        let body = Body::from(format!("logout_token={}", token()));
        let url = format!("{host}/.pomerium/backchannel_logout");
        let answer = rig.browser().send_body(Method::POST, &url, &[FORM], body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}");
    }
    assert!(browser.is_signed_in(APP).await);
    // It is no browser's page: what a browser would say changes nothing.
    let headers = [
        ("content-type", "Application/X-WWW-Form-URLEncoded; charset=UTF-8"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
    ];
    let body = Body::from(format!("logout_token={}", token()));
    done(&browser.send_body(Method::POST, URL, &headers, body).await);
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn unknown_keys_cost_one_look_in_a_while() {
    let rig = Rig::new().await;
    let mut browser = log_in(&rig, "user-1", Some("s-1")).await;
    let before = rig.idp.script(|script| script.key_reads);
    for number in 0..100 {
        let header = json!({"alg": "ES256", "kid": format!("unknown-{number}")});
        let claims = rig.idp.logout_claims(rig.now(), &json!({"sub": "user-1"}));
        refused(&post(&rig, &rig.idp.sign(&header, &claims)).await, "unknown key");
    }
    let reads = rig.idp.script(|script| script.key_reads) - before;
    assert!(reads <= 1, "{reads}");
    assert!(browser.is_signed_in(APP).await);
}
