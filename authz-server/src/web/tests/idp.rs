//! An OpenID Connect provider in this process. Its users log in by a call, and
//! it redeems each code once, for the right client, redirect and PKCE proof.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

/// What makes a token a logout token.
pub(super) const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

struct Login {
    challenge: String,
    nonce: String,
    redirect_uri: String,
    claims: Map<String, Value>,
}

/// A login that can be refreshed; the key is the only token that is good.
struct Grant {
    sub: String,
    claims: Map<String, Value>,
}

/// What the provider does about refreshes, and what it was asked.
pub(super) struct Script {
    /// How long the token endpoint takes for a refresh.
    pub(super) delay: Duration,
    /// The error code that it refuses a refresh with.
    pub(super) refuses: Option<&'static str>,
    /// What it says of each user from now on, in place of what the login said.
    pub(super) claims: Option<Value>,
    /// Whether it gives refresh tokens.
    pub(super) refreshable: bool,
    /// What userinfo says; there is none while this is none. A number is a status.
    pub(super) userinfo: Option<Value>,
    /// Seconds that its clock is ahead of the machine's.
    pub(super) ahead: i64,
    /// Refreshes that were asked for.
    pub(super) redemptions: usize,
    /// Refresh tokens that came a second time.
    pub(super) replays: usize,
    /// Calls of userinfo.
    pub(super) userinfo_calls: usize,
    /// How long a revocation takes, and what it ends with.
    pub(super) revocation: (Duration, StatusCode),
    /// The tokens that were revoked.
    pub(super) revoked: Vec<String>,
    /// How long it takes to redeem a code.
    pub(super) redemption: Duration,
    /// How often its keys were read.
    pub(super) key_reads: usize,
}

struct Inner {
    codes: HashMap<String, Login>,
    grants: HashMap<String, Grant>,
    script: Script,
    logins: usize,
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
        let script = Script {
            delay: Duration::ZERO,
            refuses: None,
            claims: None,
            refreshable: true,
            userinfo: None,
            ahead: 0,
            redemptions: 0,
            replays: 0,
            userinfo_calls: 0,
            revocation: (Duration::ZERO, StatusCode::OK),
            revoked: Vec::new(),
            redemption: Duration::ZERO,
            key_reads: 0,
        };
        let inner = Inner {
            codes: HashMap::new(),
            grants: HashMap::new(),
            script,
            logins: 0,
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
            .route("/userinfo", get(userinfo))
            .route("/revoke", post(revoke))
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
        inner.logins += 1;
        let code = format!("code-{}", inner.logins);
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

    /// Changes the script, or reads it.
    pub(super) fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.inner.lock().unwrap().script)
    }

    pub(super) fn set_other_nonce(&self) {
        self.inner.lock().unwrap().other_nonce = true;
    }

    /// How many codes nobody has redeemed yet.
    pub(super) fn codes(&self) -> usize {
        self.inner.lock().unwrap().codes.len()
    }

    pub(super) fn logins(&self) -> usize {
        self.inner.lock().unwrap().logins
    }

    /// The answer of the token endpoint, with a refresh token that is good once.
    fn tokens(&self, said: Map<String, Value>, nonce: Option<&str>) -> Response {
        let number = {
            let mut inner = self.inner.lock().unwrap();
            inner.issued += 1;
            inner.issued
        };
        let mut tokens = json!({
            "access_token": format!("the-access-token-{number}"), "token_type": "Bearer", "expires_in": 3600,
            "id_token": self.id_token(&said, nonce),
        });
        if self.script(|script| script.refreshable) {
            let token = format!("the-refresh-token-{number}");
            tokens["refresh_token"] = json!(token);
            let sub = said["sub"].as_str().unwrap().to_owned();
            let grant = Grant { sub, claims: said };
            self.inner.lock().unwrap().grants.insert(token, grant);
        }
        axum::Json(tokens).into_response()
    }

    fn id_token(&self, said: &Map<String, Value>, nonce: Option<&str>) -> String {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let now = i64::try_from(now).unwrap() + self.script(|script| script.ahead);
        let mut claims = said.clone();
        for (name, value) in [
            ("iss", json!(self.issuer())),
            ("aud", json!("client")),
            ("exp", json!(now + 3600)),
            // Its own clock is not the machine's, which verifies this.
            ("iat", json!(now - self.script(|script| script.ahead))),
        ] {
            claims.insert(name.to_owned(), value);
        }
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        self.sign(&json!({"alg": "ES256", "kid": "k"}), &Value::Object(claims))
    }

    /// A token with this header and these claims, by the provider's key.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half of its key.
    pub(super) fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// The claims of a logout token of this moment, with some changed; null leaves
    /// one out.
    pub(super) fn logout_claims(&self, now: jiff::Timestamp, changes: &Value) -> Value {
        let number = {
            let mut inner = self.inner.lock().unwrap();
            inner.issued += 1;
            inner.issued
        };
        let mut claims = json!({
            "iss": self.issuer(), "aud": "client", "iat": now.as_second(), "exp": now.as_second() + 120,
            "jti": format!("logout-{number}"), "events": {LOGOUT_EVENT: {}},
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        claims
    }

    /// Such a token.
    pub(super) fn logout_token(&self, now: jiff::Timestamp, changes: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": "k", "typ": "logout+jwt"});
        self.sign(&header, &self.logout_claims(now, changes))
    }
}

async fn discovery(State(idp): State<FakeIdp>) -> Response {
    if idp.inner.lock().unwrap().down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let base = idp.issuer();
    let mut document = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/jwks"),
        "end_session_endpoint": format!("{base}/logout"),
        "revocation_endpoint": format!("{base}/revoke"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    if idp.script(|script| script.userinfo.is_some()) {
        document["userinfo_endpoint"] = json!(format!("{base}/userinfo"));
    }
    axum::Json(document).into_response()
}

async fn revoke(State(idp): State<FakeIdp>, Form(form): Form<HashMap<String, String>>) -> Response {
    let (delay, status) = idp.script(|script| script.revocation);
    tokio::time::sleep(delay).await;
    idp.script(|script| script.revoked.push(form["token"].clone()));
    status.into_response()
}

async fn jwks(State(idp): State<FakeIdp>) -> Response {
    idp.script(|script| script.key_reads += 1);
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
    if form["grant_type"] == "refresh_token" {
        return refresh(&idp, &form["refresh_token"]).await;
    }
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
    let delay = idp.script(|script| script.redemption);
    tokio::time::sleep(delay).await;
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
    match login {
        Some(login) if login.challenge == challenge && login.redirect_uri == form["redirect_uri"] => {
            idp.tokens(login.claims, Some(&nonce))
        }
        _ => (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({"error": "invalid_grant"})),
        )
            .into_response(),
    }
}

async fn refresh(idp: &FakeIdp, token: &str) -> Response {
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, axum::Json(json!({"error": error}))).into_response();
    let delay = {
        let mut inner = idp.inner.lock().unwrap();
        inner.script.redemptions += 1;
        if inner.down {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        if let Some(error) = inner.script.refuses {
            return refuse(error);
        }
        inner.script.delay
    };
    // Spent as soon as it comes, whatever becomes of the answer.
    let grant = idp.inner.lock().unwrap().grants.remove(token);
    tokio::time::sleep(delay).await;
    let Some(grant) = grant else {
        idp.script(|script| script.replays += 1);
        return refuse("invalid_grant");
    };
    let said = match idp.script(|script| script.claims.clone()) {
        Some(Value::Object(mut said)) => {
            said.entry("sub").or_insert(json!(grant.sub));
            said
        }
        _ => grant.claims,
    };
    idp.tokens(said, None)
}

async fn userinfo(State(idp): State<FakeIdp>) -> Response {
    let said = idp.script(|script| {
        script.userinfo_calls += 1;
        script.userinfo.clone()
    });
    match said {
        Some(Value::Null) => StatusCode::UNAUTHORIZED.into_response(),
        Some(Value::Number(status)) => {
            let status = u16::try_from(status.as_u64().unwrap()).unwrap();
            StatusCode::from_u16(status).unwrap().into_response()
        }
        Some(said) => axum::Json(said).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
