//! An identity provider that breaks whatever rule a test names. Everybody who comes is
//! signed in at once.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_harness::wire::{Connection, Head};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

/// The rules that it breaks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Twist {
    /// Over the claims of the id token; `null` takes one out.
    pub(crate) claims: Value,
    /// Over the header of the id token.
    pub(crate) header: Value,
    /// In place of the id token's signature.
    pub(crate) signature: Option<String>,
    /// Over the token endpoint's answer; `null` takes a field out.
    pub(crate) tokens: Value,
    /// The token endpoint's whole answer.
    pub(crate) token_answer: Option<Vec<u8>>,
    /// How long the token endpoint takes.
    pub(crate) token_takes: Duration,
    /// Over the discovery document.
    pub(crate) discovery: Value,
    /// The discovery endpoint's whole answer.
    pub(crate) discovery_answer: Option<Vec<u8>>,
    /// What userinfo answers; there is none while this is none.
    pub(crate) userinfo: Option<(u16, Value)>,
    /// Whether connections are reset as soon as something was asked.
    pub(crate) resets: bool,
}

/// A request that it got: the path, and the query or form.
pub(crate) type Asked = (String, HashMap<String, String>);

struct State {
    twist: Twist,
    key: EcdsaKeyPair,
    kid: usize,
    nonces: HashMap<String, String>,
    issued: usize,
    asked: Vec<Asked>,
    said: Vec<String>,
}

/// The provider; it lives until the process ends.
#[derive(Clone)]
pub(crate) struct Evil {
    port: u16,
    state: Arc<Mutex<State>>,
}

fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

impl Evil {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let state = State {
            twist: Twist::default(),
            key: new_key(),
            kid: 1,
            nonces: HashMap::new(),
            issued: 0,
            asked: Vec::new(),
            said: Vec::new(),
        };
        let evil = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(Mutex::new(state)),
        };
        let serving = evil.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let evil = serving.clone();
                thread::spawn(move || evil.serve(stream));
            }
        });
        evil
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Breaks these rules from now on, and no others.
    pub(crate) fn twist(&self, twist: Twist) {
        self.state.lock().unwrap().twist = twist;
    }

    /// Breaks none from now on.
    pub(crate) fn behave(&self) {
        self.twist(Twist::default());
    }

    /// Signs with another key from now on; the former one is no longer published.
    pub(crate) fn new_key(&self, same_id: bool) {
        let mut state = self.state.lock().unwrap();
        state.key = new_key();
        state.kid += usize::from(!same_id);
    }

    /// What it was asked, without the path when `path` is empty.
    pub(crate) fn asked(&self, path: &str) -> Vec<HashMap<String, String>> {
        let state = self.state.lock().unwrap();
        let found = state.asked.iter().filter(|(asked, _)| asked == path);
        found.map(|(_, query)| query.clone()).collect()
    }

    /// Every token that it gave out.
    pub(crate) fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.clone()
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection = Connection::new(Box::new(stream));
        while let Some(head) = connection.read_head()? {
            let body = connection.read_body(&head, false)?.bytes;
            connection.take_seen();
            if self.state.lock().unwrap().twist.resets {
                return Ok(());
            }
            let answer = self.answer(&head, &body);
            connection.write(&answer)?;
        }
        Ok(())
    }

    fn answer(&self, head: &Head, body: &[u8]) -> Vec<u8> {
        let target = head.start.split(' ').nth(1).unwrap_or_default();
        let url = Url::parse(&self.issuer()).unwrap().join(target).unwrap();
        let query: HashMap<String, String> = match body {
            [] => url.query_pairs().into_owned().collect(),
            form => form_urlencoded::parse(form).into_owned().collect(),
        };
        let twist = {
            let mut state = self.state.lock().unwrap();
            state.asked.push((url.path().to_owned(), query.clone()));
            state.twist.clone()
        };
        match url.path() {
            "/.well-known/openid-configuration" => match twist.discovery_answer {
                Some(answer) => answer,
                None => json_answer(200, &over(self.discovery(&twist), &twist.discovery)),
            },
            "/jwks" => json_answer(200, &self.jwks()),
            "/authorize" => self.authorize(&query),
            "/token" => {
                thread::sleep(twist.token_takes);
                self.token(twist, &query)
            }
            "/userinfo" => {
                let (status, said) = twist.userinfo.unwrap_or((404, json!({})));
                json_answer(status, &said)
            }
            _ => json_answer(404, &json!({})),
        }
    }

    fn discovery(&self, twist: &Twist) -> Value {
        let issuer = self.issuer();
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        if twist.userinfo.is_some() {
            document["userinfo_endpoint"] = json!(format!("{issuer}/userinfo"));
        }
        document
    }

    fn jwks(&self) -> Value {
        let state = self.state.lock().unwrap();
        let point = state.key.public_key().as_ref();
        let (x, y) = (
            URL_SAFE_NO_PAD.encode(&point[1..33]),
            URL_SAFE_NO_PAD.encode(&point[33..65]),
        );
        let kid = format!("k{}", state.kid);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y}]})
    }

    fn authorize(&self, query: &HashMap<String, String>) -> Vec<u8> {
        let mut state = self.state.lock().unwrap();
        state.issued += 1;
        let code = format!("code-{}", state.issued);
        state.nonces.insert(code.clone(), query["nonce"].clone());
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .append_pair("iss", &self.issuer());
        format!("HTTP/1.1 302 Found\r\nlocation: {back}\r\ncontent-length: 0\r\n\r\n").into_bytes()
    }

    fn token(&self, twist: Twist, form: &HashMap<String, String>) -> Vec<u8> {
        if let Some(answer) = twist.token_answer {
            return answer;
        }
        let refused = json_answer(400, &json!({"error": "invalid_grant"}));
        let code = form.get("code").cloned().unwrap_or_default();
        let Some(nonce) = self.state.lock().unwrap().nonces.remove(&code) else {
            return refused;
        };
        let mut state = self.state.lock().unwrap();
        state.issued += 1;
        let access = format!("the-access-token-{}", state.issued);
        let refresh = format!("the-refresh-token-{}", state.issued);
        let hash = digest(&SHA256, access.as_bytes());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": self.issuer(), "sub": "id-of-user", "aud": "the-client", "nonce": nonce,
            "exp": now + 3600, "iat": now, "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
            "email": "user@example.com", "name": "Uma User",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "ES256", "kid": format!("k{}", state.kid)});
        let signed = format!(
            "{}.{}",
            part(&over(header, &twist.header)),
            part(&over(claims, &twist.claims))
        );
        let signature = state.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let signature = twist
            .signature
            .unwrap_or_else(|| URL_SAFE_NO_PAD.encode(signature));
        let id = format!("{signed}.{signature}");
        state.said.extend([access.clone(), refresh.clone(), id.clone()]);
        let tokens = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": refresh, "id_token": id,
        });
        json_answer(200, &over(tokens, &twist.tokens))
    }
}

/// An object with the fields of another over its own; `null` takes one out.
fn over(value: Value, other: &Value) -> Value {
    let mut fields: Map<String, Value> = value.as_object().cloned().unwrap_or_default();
    for (name, value) in other.as_object().into_iter().flatten() {
        match value {
            Value::Null => fields.remove(name),
            value => fields.insert(name.clone(), value.clone()),
        };
    }
    Value::Object(fields)
}

fn json_answer(status: u16, content: &Value) -> Vec<u8> {
    answer(status, "application/json", content.to_string().as_bytes())
}

/// An answer with this content.
pub(crate) fn answer(status: u16, kind: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head =
        format!("HTTP/1.1 {status} Answer\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), content].concat()
}
