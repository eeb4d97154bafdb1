//! An OpenID Connect provider in this process. Its users log in by a call, and
//! it redeems each code once, for the right client, redirect and PKCE proof.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use url::Url;

struct Login {
    challenge: String,
    nonce: String,
    redirect_uri: String,
    claims: Map<String, Value>,
}

struct Inner {
    codes: HashMap<String, Login>,
    issued: usize,
    down: bool,
    other_nonce: bool,
}

#[derive(Clone)]
pub(super) struct FakeIdp {
    address: std::net::SocketAddr,
    key: Arc<EcdsaKeyPair>,
    inner: Arc<Mutex<Inner>>,
}

impl FakeIdp {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Inner {
            codes: HashMap::new(),
            issued: 0,
            down: false,
            other_nonce: false,
        };
        let idp = Self {
            address: listener.local_addr().unwrap(),
            key: Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            inner: Arc::new(Mutex::new(inner)),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        idp
    }

    pub(super) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The user logs in: where the browser goes from the authorization endpoint.
    pub(super) fn log_in(&self, authorize_url: &str, claims: Value) -> String {
        let url = Url::parse(authorize_url).unwrap();
        assert!(
            authorize_url.starts_with(&format!("{}/authorize?", self.issuer())),
            "{authorize_url}"
        );
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "client");
        assert_eq!(query["code_challenge_method"], "S256");
        let Value::Object(claims) = claims else {
            panic!("claims are an object")
        };
        let mut inner = self.inner.lock().unwrap();
        inner.issued += 1;
        let code = format!("code-{}", inner.issued);
        let login = Login {
            challenge: query["code_challenge"].clone(),
            nonce: query["nonce"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
            claims,
        };
        inner.codes.insert(code.clone(), login);
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .append_pair("iss", &self.issuer());
        back.into()
    }

    pub(super) fn set_down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
    }

    pub(super) fn set_other_nonce(&self) {
        self.inner.lock().unwrap().other_nonce = true;
    }

    pub(super) fn logins(&self) -> usize {
        self.inner.lock().unwrap().issued
    }

    fn id_token(&self, login: &Login, nonce: &str) -> String {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let mut claims = login.claims.clone();
        for (name, value) in [
            ("iss", json!(self.issuer())),
            ("aud", json!("client")),
            ("exp", json!(now + 3600)),
            ("iat", json!(now)),
            ("nonce", json!(nonce)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "ES256", "kid": "k"})),
            part(Value::Object(claims))
        );
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn discovery(State(idp): State<FakeIdp>) -> Response {
    if idp.inner.lock().unwrap().down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let base = idp.issuer();
    axum::Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/jwks"),
        "end_session_endpoint": format!("{base}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
    .into_response()
}

async fn jwks(State(idp): State<FakeIdp>) -> Response {
    let point = idp.key.public_key().as_ref();
    let (x, y) = (
        URL_SAFE_NO_PAD.encode(&point[1..33]),
        URL_SAFE_NO_PAD.encode(&point[33..65]),
    );
    axum::Json(json!({"keys": [
        {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k", "x": x, "y": y},
    ]}))
    .into_response()
}

async fn token(State(idp): State<FakeIdp>, Form(form): Form<HashMap<String, String>>) -> Response {
    let (login, nonce) = {
        let mut inner = idp.inner.lock().unwrap();
        if inner.down {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        // A code is good once, whatever comes of it.
        let login = inner.codes.remove(&form["code"]);
        let nonce = login
            .as_ref()
            .map(|login| login.nonce.clone())
            .unwrap_or_default();
        (
            login,
            if inner.other_nonce {
                "another".to_owned()
            } else {
                nonce
            },
        )
    };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
    match login {
        Some(login) if login.challenge == challenge && login.redirect_uri == form["redirect_uri"] => {
            axum::Json(json!({
                "access_token": "the-access-token", "token_type": "Bearer", "expires_in": 3600,
                "refresh_token": "the-refresh-token", "id_token": idp.id_token(&login, &nonce),
            }))
            .into_response()
        }
        _ => (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({"error": "invalid_grant"})),
        )
            .into_response(),
    }
}
