//! An identity provider in this process whose tokens are what a test wants: large,
//! short-lived, slow in coming. Everybody who comes is signed in as one user, and a
//! refresh token is good once. For logins as people do them there is
//! [`crate::IdentityProvider`].

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use crate::provider::CLIENT_ID;
use crate::wire::{Connection, Head};

/// What the provider does.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it says of its one user, beside `sub`.
    pub claims: Value,
    /// Seconds that the access token of a login is good for.
    pub login_seconds: u64,
    /// The same for one that a refresh token was exchanged for.
    pub refresh_seconds: u64,
    /// How long the token endpoint takes for a refresh.
    pub refresh_takes: Duration,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            claims: json!({"email": "user@example.com", "name": "Uma User"}),
            login_seconds: 3600,
            refresh_seconds: 3600,
            refresh_takes: Duration::ZERO,
        }
    }
}

#[derive(Default)]
struct State {
    script: Script,
    /// The nonce of each code that was not redeemed yet.
    codes: HashMap<String, String>,
    good: HashSet<String>,
    issued: usize,
    refreshes: usize,
    replays: usize,
    said: Vec<String>,
}

/// The provider; it lives until the process ends.
#[derive(Clone)]
pub struct ScriptedProvider {
    port: u16,
    key: Arc<EcdsaKeyPair>,
    state: Arc<Mutex<State>>,
}

impl ScriptedProvider {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When no loopback port can be listened on.
    #[must_use]
    pub fn start(script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State {
            script,
            ..State::default()
        };
        let provider = Self {
            port: address.port(),
            key: Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
            state: Arc::new(Mutex::new(state)),
        };
        let serving = provider.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = serving.clone();
                thread::spawn(move || provider.serve(stream));
            }
        });
        provider
    }

    /// Its issuer URL.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often a refresh was asked for.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        self.state().refreshes
    }

    /// How often with a token that had been used before.
    #[must_use]
    pub fn replays(&self) -> usize {
        self.state().replays
    }

    /// Every token that it gave out.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.state().said.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection = Connection::new(Box::new(stream));
        while let Some(head) = connection.read_head()? {
            let body = connection.read_body(&head, false)?.bytes;
            connection.take_seen();
            let answer = self.answer(&head, &body);
            connection.write(answer.as_bytes())?;
        }
        Ok(())
    }

    fn answer(&self, head: &Head, body: &[u8]) -> String {
        let target = head.start.split(' ').nth(1).unwrap_or_default();
        let Ok(url) = Url::parse(&self.issuer()).and_then(|base| base.join(target)) else {
            return json_answer(400, &json!({}));
        };
        match url.path() {
            "/.well-known/openid-configuration" => json_answer(200, &self.discovery()),
            "/jwks" => json_answer(200, &self.jwks()),
            "/authorize" => self.authorize(&url),
            "/token" => self.token(&form_urlencoded::parse(body).into_owned().collect()),
            _ => json_answer(404, &json!({})),
        }
    }

    fn discovery(&self) -> Value {
        let issuer = self.issuer();
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    fn jwks(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (
            URL_SAFE_NO_PAD.encode(&point[1..33]),
            URL_SAFE_NO_PAD.encode(&point[33..65]),
        );
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k", "x": x, "y": y}]})
    }

    fn authorize(&self, url: &Url) -> String {
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let mut state = self.state();
        state.issued += 1;
        let code = format!("code-{}", state.issued);
        state.codes.insert(code.clone(), query["nonce"].clone());
        let mut back = Url::parse(&query["redirect_uri"]).expect("a redirect URL");
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .append_pair("iss", &self.issuer());
        format!("HTTP/1.1 302 Found\r\nlocation: {back}\r\ncontent-length: 0\r\n\r\n")
    }

    fn token(&self, form: &HashMap<String, String>) -> String {
        let refused = json_answer(400, &json!({"error": "invalid_grant"}));
        if form["grant_type"] != "refresh_token" {
            let nonce = self.state().codes.remove(&form["code"]);
            let seconds = self.state().script.login_seconds;
            return nonce.map_or(refused, |nonce| self.tokens_for(Some(&nonce), seconds));
        }
        let (takes, seconds, is_good) = {
            let mut state = self.state();
            state.refreshes += 1;
            // Spent when it arrives, whatever becomes of the answer.
            let is_good = state.good.remove(&form["refresh_token"]);
            state.replays += usize::from(!is_good);
            (state.script.refresh_takes, state.script.refresh_seconds, is_good)
        };
        thread::sleep(takes);
        if is_good {
            self.tokens_for(None, seconds)
        } else {
            refused
        }
    }

    fn tokens_for(&self, nonce: Option<&str>, seconds: u64) -> String {
        let mut state = self.state();
        state.issued += 1;
        let (access, refresh) = (
            format!("access-token-{}", state.issued),
            format!("refresh-token-{}", state.issued),
        );
        let id = self.id_token(&state.script.claims, nonce);
        state.good.insert(refresh.clone());
        state.said.extend([access.clone(), refresh.clone(), id.clone()]);
        let tokens = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": seconds,
            "refresh_token": refresh, "id_token": id,
        });
        json_answer(200, &tokens)
    }

    fn id_token(&self, said: &Value, nonce: Option<&str>) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let mut claims: Map<String, Value> = said.as_object().cloned().unwrap_or_default();
        for (name, value) in [
            ("iss", json!(self.issuer())),
            ("sub", json!("id-of-user")),
            ("aud", json!(CLIENT_ID)),
            ("exp", json!(now + 3600)),
            ("iat", json!(now)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        self.sign(&claims)
    }

    /// A logout token (OpenID Connect Back-Channel Logout 1.0) of this moment for its
    /// one user and the `sid` of the script, with some claims changed; null leaves one
    /// out.
    ///
    /// # Panics
    ///
    /// When `changes` is no object.
    #[must_use]
    pub fn logout_token(&self, changes: &Value) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let (number, sid) = {
            let mut state = self.state();
            state.issued += 1;
            (state.issued, state.script.claims["sid"].clone())
        };
        let mut claims = json!({
            "iss": self.issuer(), "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": format!("logout-{number}"),
            "sub": "id-of-user", "sid": sid,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        for (name, value) in changes.as_object().expect("changes are an object") {
            claims[name] = value.clone();
        }
        let mut claims = claims.as_object().cloned().unwrap_or_default();
        claims.retain(|_, value| !value.is_null());
        self.sign(&claims)
    }

    fn sign(&self, claims: &Map<String, Value>) -> String {
        let der = self.key.to_pkcs8v1().expect("a key can be written");
        let header = Header {
            kid: Some("k".to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(der.as_ref())).expect("a key signs")
    }
}

fn json_answer(status: u16, content: &Value) -> String {
    let content = content.to_string();
    let length = content.len();
    format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{content}"
    )
}
