//! An identity provider in this process that does as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

pub(super) const CODE: &str = "good-code";
pub(super) const NONCE: &str = "the-nonce";
pub(super) const SECRET: &str = "a client secret: with/odd&characters";
pub(super) const VERIFIER: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// How an endpoint answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Normal,
    Status(u16),
    Garbage,
    Html,
    Giant,
    Hang,
    Drip,
    Redirect,
}

/// How a client says who it is (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Header,
    Form,
    /// It has no secret.
    Public,
}

/// How the id token is signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signature {
    Good,
    None,
    ClientSecret,
    Tampered,
    UnknownKey,
}

pub(super) type Change = Box<dyn Fn(&mut Map<String, Value>) + Send>;

pub(super) struct Behaviour {
    pub(super) issuer: Option<String>,
    pub(super) discovery: Answer,
    pub(super) jwks: Answer,
    pub(super) token: Answer,
    pub(super) userinfo_answer: Answer,
    pub(super) userinfo: Option<Value>,
    pub(super) signature: Signature,
    pub(super) change: Change,
    pub(super) without_id_token: bool,
    pub(super) without_refresh_token: bool,
    /// Whether the refresh token is an empty text.
    pub(super) empty_refresh_token: bool,
    /// The error code that the token endpoint answers a refresh with.
    pub(super) refuses: Option<&'static str>,
    pub(super) access_token: String,
    pub(super) end_session: bool,
    /// What discovery says of `revocation_endpoint`; `/` begins a path of this server.
    pub(super) revocation: Option<String>,
    pub(super) revocation_answer: Answer,
    /// What was to be revoked: the kind and the token.
    pub(super) revoked: Vec<(String, String)>,
    /// How the client says who it is where tokens are revoked.
    pub(super) naming: Naming,
    /// What discovery says of `revocation_endpoint_auth_methods_supported`.
    pub(super) revocation_methods: Option<Value>,
    key: Key,
    counts: HashMap<&'static str, usize>,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            id: id.to_owned(),
            pair,
        }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        })
    }

    fn sign(&self, claims: &Map<String, Value>) -> String {
        let der = self.pair.to_pkcs8v1().unwrap();
        let key = EncodingKey::from_ec_der(der.as_ref());
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

#[derive(Clone)]
pub(super) struct Fake {
    address: std::net::SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap(),
            behaviour: Arc::new(Mutex::new(Behaviour {
                issuer: None,
                discovery: Answer::Normal,
                jwks: Answer::Normal,
                token: Answer::Normal,
                userinfo_answer: Answer::Normal,
                userinfo: None,
                signature: Signature::Good,
                change: Box::new(|_| {}),
                without_id_token: false,
                without_refresh_token: false,
                empty_refresh_token: false,
                refuses: None,
                access_token: "access".to_owned(),
                end_session: true,
                revocation: None,
                revocation_answer: Answer::Normal,
                revoked: Vec::new(),
                naming: Naming::Header,
                revocation_methods: None,
                key: Key::new("key-1"),
                counts: HashMap::new(),
            })),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/revoke", post(revoke))
            .route("/elsewhere", get(elsewhere))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(super) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// A token with this header and these claims, signed by the provider's key.
    pub(super) fn sign(&self, header: &str, payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(payload));
        let behaviour = self.behaviour.lock().unwrap();
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = behaviour.key.pair.sign(&random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half of the provider's key, which everybody knows.
    pub(super) fn public_key(&self) -> Vec<u8> {
        let behaviour = self.behaviour.lock().unwrap();
        behaviour.key.pair.public_key().as_ref().to_vec()
    }

    pub(super) fn rotate(&self) {
        self.set(|b| b.key = Key::new("key-2"));
    }

    pub(super) fn count(&self, endpoint: &str) -> usize {
        self.behaviour
            .lock()
            .unwrap()
            .counts
            .get(endpoint)
            .copied()
            .unwrap_or(0)
    }

    /// Counts the request and gives the answer that was ordered for it.
    fn hit(&self, endpoint: &'static str, answer: impl FnOnce(&Behaviour) -> Answer) -> Answer {
        let mut behaviour = self.behaviour.lock().unwrap();
        *behaviour.counts.entry(endpoint).or_default() += 1;
        answer(&behaviour)
    }
}

async fn ordered(answer: Answer, normal: impl FnOnce() -> Response) -> Response {
    let json = |body: String| ([("content-type", "application/json")], body).into_response();
    match answer {
        Answer::Normal => normal(),
        Answer::Status(status) => (StatusCode::from_u16(status).unwrap(), "{}").into_response(),
        Answer::Garbage => json("{\"access_token\": \"leak-me".to_owned()),
        Answer::Html => ([("content-type", "text/html")], "<p>leak-me</p>").into_response(),
        Answer::Giant => json(format!("{{\"a\":\"{}\"}}", "x".repeat(super::MAX_BODY))),
        Answer::Hang => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
        Answer::Drip => {
            let (reader, mut writer) = tokio::io::duplex(64);
            tokio::spawn(async move {
                while tokio::io::AsyncWriteExt::write_all(&mut writer, b" ")
                    .await
                    .is_ok()
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
            let stream = tokio_stream(reader);
            ([("content-type", "application/json")], Body::from_stream(stream)).into_response()
        }
        Answer::Redirect => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
    }
}

async fn discovery(State(fake): State<Fake>) -> Response {
    let answer = fake.hit("discovery", |b| b.discovery);
    ordered(answer, || {
        let behaviour = fake.behaviour.lock().unwrap();
        let base = fake.issuer();
        let mut document = json!({
            "issuer": behaviour.issuer.clone().unwrap_or_else(|| base.clone()),
            "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"),
            "jwks_uri": format!("{base}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        });
        if behaviour.userinfo.is_some() {
            document["userinfo_endpoint"] = json!(format!("{base}/userinfo"));
        }
        if behaviour.end_session {
            document["end_session_endpoint"] = json!(format!("{base}/logout?tenant=1"));
        }
        if let Some(endpoint) = &behaviour.revocation {
            let base = if endpoint.starts_with('/') {
                base.as_str()
            } else {
                ""
            };
            document["revocation_endpoint"] = json!(format!("{base}{endpoint}"));
        }
        if let Some(methods) = &behaviour.revocation_methods {
            document["revocation_endpoint_auth_methods_supported"] = methods.clone();
        } else if behaviour.naming == Naming::Form {
            document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
        }
        axum::Json(document).into_response()
    })
    .await
}

async fn revoke(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let answer = fake.hit("revoke", |b| b.revocation_answer);
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encode("client"), encode(SECRET)))
    );
    let by_form = (
        form.get("client_id").map(String::as_str),
        form.get("client_secret").map(String::as_str),
    );
    let by_header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let known = match fake.behaviour.lock().unwrap().naming {
        Naming::Header => by_header == Some(basic.as_str()) && by_form == (None, None),
        Naming::Form => by_header.is_none() && by_form == (Some("client"), Some(SECRET)),
        Naming::Public => by_header.is_none() && by_form == (Some("client"), None),
    };
    if !known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let pair = (form["token_type_hint"].clone(), form["token"].clone());
    fake.set(|b| b.revoked.push(pair));
    ordered(answer, || StatusCode::OK.into_response()).await
}

async fn jwks(State(fake): State<Fake>) -> Response {
    let answer = fake.hit("jwks", |b| b.jwks);
    let keys = json!({"keys": [fake.behaviour.lock().unwrap().key.jwk()]});
    ordered(answer, || axum::Json(keys).into_response()).await
}

async fn token(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let answer = fake.hit("token", |b| b.token);
    let refuse = |status, error: &str| (status, axum::Json(json!({"error": error}))).into_response();
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encode("client"), encode(SECRET)))
    );
    if headers.get("authorization").and_then(|v| v.to_str().ok()) != Some(basic.as_str()) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let field = |name: &str| form.get(name).map(String::as_str);
    let refreshes = field("grant_type") == Some("refresh_token");
    if refreshes {
        let refused = fake.behaviour.lock().unwrap().refuses;
        if let Some(error) =
            refused.or((field("refresh_token") != Some("refresh")).then_some("invalid_grant"))
        {
            return refuse(StatusCode::BAD_REQUEST, error);
        }
    } else if field("grant_type") != Some("authorization_code")
        || field("code") != Some(CODE)
        || field("redirect_uri") != Some("https://authenticate.example.com/oauth2/callback")
        || field("code_verifier") != Some(VERIFIER)
    {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    ordered(answer, || {
        let behaviour = fake.behaviour.lock().unwrap();
        let mut body = json!({
            "access_token": behaviour.access_token, "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": if refreshes { "refresh-2" } else { "refresh" },
        });
        if behaviour.without_refresh_token {
            body.as_object_mut().unwrap().remove("refresh_token");
        }
        if behaviour.empty_refresh_token {
            body["refresh_token"] = json!("");
        }
        if !behaviour.without_id_token {
            body["id_token"] = json!(id_token(&fake.issuer(), &behaviour));
        }
        axum::Json(body).into_response()
    })
    .await
}

async fn userinfo(State(fake): State<Fake>, headers: HeaderMap) -> Response {
    let answer = fake.hit("userinfo", |b| b.userinfo_answer);
    if headers.get("authorization").is_none_or(|v| v != "Bearer access") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = fake.behaviour.lock().unwrap().userinfo.clone();
    ordered(answer, || axum::Json(body).into_response()).await
}

async fn elsewhere(State(fake): State<Fake>) -> Response {
    fake.hit("elsewhere", |_| Answer::Normal);
    StatusCode::OK.into_response()
}

fn id_token(issuer: &str, behaviour: &Behaviour) -> String {
    let mut claims = Map::new();
    for (name, value) in [
        ("iss", json!(issuer)),
        ("sub", json!("user-1")),
        ("aud", json!("client")),
        ("exp", json!(now() + 60)),
        ("iat", json!(now())),
        ("nonce", json!(NONCE)),
        ("email", json!("user@example.com")),
        ("name", json!("User One")),
    ] {
        claims.insert(name.to_owned(), value);
    }
    (behaviour.change)(&mut claims);
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    match behaviour.signature {
        Signature::Good => behaviour.key.sign(&claims),
        Signature::UnknownKey => Key::new("unknown").sign(&claims),
        Signature::Tampered => {
            let signed = behaviour.key.sign(&claims);
            claims.insert("sub".to_owned(), json!("somebody-else"));
            let mut parts = signed.split('.');
            let header = parts.next().unwrap();
            let signature = parts.nth(1).unwrap();
            format!("{header}.{}.{signature}", part(Value::Object(claims)))
        }
        Signature::None => {
            format!(
                "{}.{}.",
                part(json!({"alg": "none"})),
                part(Value::Object(claims))
            )
        }
        Signature::ClientSecret => {
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
        }
    }
}

fn tokio_stream(
    mut reader: tokio::io::DuplexStream,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::poll_fn(move |context| {
        let mut space = [0u8; 1];
        let mut buffer = tokio::io::ReadBuf::new(&mut space);
        let reader = std::pin::Pin::new(&mut reader);
        tokio::io::AsyncRead::poll_read(reader, context, &mut buffer)
            .map_ok(|()| Bytes::copy_from_slice(buffer.filled()))
            .map(Some)
    })
}

pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

pub(super) fn at_hash(access_token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}
