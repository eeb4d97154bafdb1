//! The identity provider by itself: what the end-to-end tests rely on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_harness::certificates::Authority;
use portcullis_harness::provider::{CLIENT_ID, CLIENT_SECRET, PASSWORD};
use portcullis_harness::{Client, IdentityProvider, Response};
use serde_json::{Value, json};
use url::Url;

const ORIGIN: &str = "https://authenticate.example.test:1";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client() -> Client {
    Client::new(Authority::new("unused").unwrap().der())
}

fn authorize(provider: &IdentityProvider, pkce: bool) -> String {
    let mut url = Url::parse(&format!("{}/auth", provider.issuer())).unwrap();
    let callback = format!("{ORIGIN}/oauth2/callback");
    url.query_pairs_mut()
        .append_pair("client_id", CLIENT_ID)
        .append_pair("response_type", "code")
        .append_pair("scope", "openid profile email offline_access")
        .append_pair("redirect_uri", &callback)
        .append_pair("state", "a state")
        .append_pair("nonce", "a nonce");
    if pkce {
        url.query_pairs_mut()
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
    }
    url.into()
}

fn token(client: &mut Client, provider: &IdentityProvider, callback: &Url, verifier: &str) -> Response {
    let code = callback
        .query_pairs()
        .find(|(name, _)| name == "code")
        .expect("a code")
        .1
        .into_owned();
    let redirect = format!("{ORIGIN}/oauth2/callback");
    let content = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", &code)
        .append_pair("redirect_uri", &redirect)
        .append_pair("code_verifier", verifier)
        .finish();
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"))
    );
    let fields = [
        ("Authorization", basic.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let url = Url::parse(&format!("{}/token", provider.issuer())).unwrap();
    client.send("POST", &url, &fields, content.as_bytes())
}

#[test]
fn asks_for_the_password_and_tells_the_claims() {
    let directory = tempfile::tempdir().unwrap();
    let provider = IdentityProvider::start(directory.path(), ORIGIN);
    let mut client = client();

    let form = client.login_form(&authorize(&provider, true));
    for (user, password) in [
        ("admin@example.com", "wrong"),
        ("admin@example.com", ""),
        ("nobody@example.com", PASSWORD),
    ] {
        let refused = client.fill_login(&form, user, password);
        assert_eq!(refused.status, 401);
        assert!(refused.text().contains("Wrong e-mail address or password"));
        assert_eq!(refused.forms().len(), 1, "another attempt is possible");
    }
    let sent = client.fill_login(&form, "admin@example.com", PASSWORD);
    let callback = client.follow_until(sent, |url| url.as_str().starts_with(ORIGIN));
    assert!(
        callback
            .query_pairs()
            .any(|(name, value)| name == "state" && value == "a state")
    );

    let tokens = token(&mut client, &provider, &callback, VERIFIER).json();
    let payload = tokens["id_token"]
        .as_str()
        .expect("an id token")
        .split('.')
        .nth(1)
        .unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["sub"], "id-of-admin");
    assert_eq!(
        (&claims["email"], &claims["email_verified"]),
        (&"admin@example.com".into(), &true.into())
    );
    assert_eq!(claims["name"], "Ada Admin");
    assert_eq!(claims["groups"], json!(["admins", "staff"]));
    assert_eq!(claims["department"], "engineering");
    assert_eq!(claims["nonce"], "a nonce");
    assert!(tokens["refresh_token"].is_string(), "{tokens}");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let me = || {
        client.clone().get_with(
            &format!("{}/me", provider.issuer()),
            &[("Authorization", &bearer)],
        )
    };
    assert_eq!(
        me().json()["groups"],
        json!(["admins", "staff"]),
        "userinfo says the same"
    );
    // A code works once, and whoever tries it again ends what it gave.
    assert_eq!(
        token(&mut client.clone(), &provider, &callback, VERIFIER).status,
        400
    );
    assert_eq!(me().status, 401);
}

#[test]
fn needs_pkce_and_the_right_verifier() {
    let directory = tempfile::tempdir().unwrap();
    let provider = IdentityProvider::start(directory.path(), ORIGIN);
    let mut client = client();
    let first = client.get(&authorize(&provider, false));
    let error = client.follow_until(first, |url| url.as_str().starts_with(ORIGIN));
    assert!(
        error
            .query_pairs()
            .any(|(name, value)| name == "error" && value == "invalid_request"),
        "{error}"
    );

    let form = client.login_form(&authorize(&provider, true));
    let sent = client.fill_login(&form, "user@example.com", PASSWORD);
    let callback = client.follow_until(sent, |url| url.as_str().starts_with(ORIGIN));
    assert_eq!(
        token(&mut client, &provider, &callback, &"x".repeat(43)).status,
        400
    );
}

#[test]
fn logs_out_and_asks_again() {
    let directory = tempfile::tempdir().unwrap();
    let provider = IdentityProvider::start(directory.path(), ORIGIN);
    let mut client = client();
    let form = client.login_form(&authorize(&provider, true));
    let sent = client.fill_login(&form, "user@example.com", PASSWORD);
    client.follow_until(sent, |url| url.as_str().starts_with(ORIGIN));
    // Known by now: no form.
    let again = client.get(&authorize(&provider, true));
    client.follow_until(again, |url| url.as_str().starts_with(ORIGIN));
    let page = client.sign_out(&format!(
        "{}/session/end?client_id={CLIENT_ID}",
        provider.issuer()
    ));
    assert!(page.text().contains("Signed out"), "{}", page.text());
    client.login_form(&authorize(&provider, true));
}

#[test]
fn a_login_of_another_browser_cannot_be_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let provider = IdentityProvider::start(directory.path(), ORIGIN);
    let mut mine = client();
    let form = mine.login_form(&authorize(&provider, true));
    let mut stranger = client();
    assert_eq!(stranger.get(form.url.as_str()).status, 400);
    assert_eq!(
        stranger.fill_login(&form, "user@example.com", PASSWORD).status,
        400
    );
}
