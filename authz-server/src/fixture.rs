//! For tests: a server over a memory store with a clock of its own, bundles made
//! by hand, and checks as Envoy would send them.

use crate::check::audit::{Audit, Events};
use crate::clock::{Clock, Random, RandomError};
use crate::metrics::Metrics;
use crate::sessions::StoredSession;
use crate::{AuthzServer, Options};
use core::time::Duration;
use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse, HeaderValue, HttpResponse};
use envoy_types::pb::envoy::config::core::v3::{Address, HeaderMap, SocketAddress, address};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use jiff::{SignedDuration, Timestamp};
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{
    Authenticate, Bundle, Cookie, FoundBy, Keys, Listing, Provider, RedirectHosts, Route, RoutePolicy,
    SameSite, Settings,
};
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_model::{Claims, HeaderName, Host, HostPattern, Pages, RouteId, SessionId};
use portcullis_policy::{Legacy, Policy, Program, compile};
use portcullis_session::handle::{self, Handle};
use portcullis_session::record::Session;
use portcullis_session::token;
use portcullis_store::{MemoryStore, Store};
use prost::Message as _;
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) mod certificates;
mod cuttable;
pub(crate) mod documents;

pub(crate) use cuttable::{BreaksOff, Cuttable};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600;

pub(crate) const HOST: &str = "verify.example.com";
pub(crate) const ROUTE: RouteId = RouteId(0x1122_3344_5566_7788);

/// A clock that stands still until it is told.
pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Different bytes each time, the same in each run.
pub(crate) struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(8) {
            let next = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&next.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) struct Fixture {
    pub(crate) server: Arc<AuthzServer>,
    pub(crate) clock: Arc<TestClock>,
}

impl Fixture {
    /// A server without any bundle.
    pub(crate) fn empty() -> Self {
        Self::over(Arc::new(MemoryStore::new(7)))
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        let metrics = Metrics::default();
        let audit = Audit::logging(&metrics, Box::new(Events));
        Self::with(store, metrics, audit)
    }

    pub(crate) fn with(store: Arc<dyn Store>, metrics: Metrics, audit: Audit) -> Self {
        Self::with_staleness(store, metrics, audit, Duration::ZERO)
    }

    /// A server whose memory answers for a store that is away.
    pub(crate) fn stale(store: Arc<dyn Store>, max_staleness: Duration) -> Self {
        let metrics = Metrics::default();
        let audit = Audit::logging(&metrics, Box::new(Events));
        Self::with_staleness(store, metrics, audit, max_staleness)
    }

    /// A server behind an Envoy that is not ours, without any bundle.
    pub(crate) fn in_band() -> Self {
        let metrics = Metrics::default();
        let audit = Audit::logging(&metrics, Box::new(Events));
        let store = Arc::new(MemoryStore::new(7));
        Self::made(store, metrics, audit, Duration::ZERO, true)
    }

    fn with_staleness(
        store: Arc<dyn Store>,
        metrics: Metrics,
        audit: Audit,
        max_staleness: Duration,
    ) -> Self {
        Self::made(store, metrics, audit, max_staleness, false)
    }

    fn made(
        store: Arc<dyn Store>,
        metrics: Metrics,
        audit: Audit,
        max_staleness: Duration,
        in_band: bool,
    ) -> Self {
        let clock = Arc::new(TestClock(Mutex::new(Timestamp::from_second(START).unwrap())));
        let options = Options {
            store,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(TestRandom(AtomicU64::new(1))),
            http: HttpClient::new(&HttpOptions::default()).unwrap(),
            max_staleness,
            in_band,
        };
        Self {
            server: AuthzServer::with_audit(options, metrics, audit),
            clock,
        }
    }

    /// A server with one route [`ROUTE`] on [`HOST`] and this policy.
    pub(crate) fn of(legacy: &Legacy) -> Self {
        let fixture = Self::empty();
        fixture.publish(settings(), [route(legacy)]);
        fixture
    }

    pub(crate) fn publish(&self, settings: Settings, routes: impl IntoIterator<Item = Route>) {
        let bundle = Bundle::new(Arc::new(settings), routes.into_iter().map(Arc::new));
        self.server.feed().publish(Arc::new(bundle)).unwrap();
    }

    pub(crate) async fn check(&self, ask: &Ask) -> Told {
        self.check_message(&ask.request()).await
    }

    /// From bytes to bytes, as it goes over the wire.
    pub(crate) async fn check_message(&self, check: &CheckRequest) -> Told {
        let reply = crate::check::check(&self.server, &check.encode_to_vec())
            .await
            .unwrap();
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        Told(prost::Message::decode(&*bytes).unwrap())
    }

    /// A session of `email` with these claims, and the value of its cookie on [`HOST`].
    pub(crate) async fn session(
        &self,
        email: &str,
        claims: serde_json::Value,
    ) -> (Arc<StoredSession>, String) {
        let active = self.server.feed().active().unwrap();
        let now = self.clock.now();
        let provider_id = active.settings().provider.as_ref().unwrap().id.clone();
        let random = crate::clock::random_bytes::<16>(self.server.random()).unwrap();
        let session = Session {
            id: SessionId(uuid::Builder::from_random_bytes(random).into_uuid()),
            user_id: format!("id-of-{email}"),
            email: email.to_owned(),
            name: "Some One".to_owned(),
            provider_id,
            claims: Claims::flatten(claims.as_object().unwrap()).unwrap(),
            issued_at: now,
            expires_at: now.checked_add(SignedDuration::from_hours(14)).unwrap(),
            id_token: "the-id-token".to_owned().into(),
            access_token: "the-access-token".to_owned().into(),
            refresh_token: None,
            access_token_expires_at: None,
            id_token_expires_at: None,
            progress: portcullis_session::refresh::Progress::default(),
        };
        let stored = self.server.sessions().insert(session).await.unwrap();
        let cookie = self.cookie(stored.session.id, HOST);
        (stored, cookie)
    }

    /// A program's token of the session `id` for `host`.
    pub(crate) fn token(&self, id: SessionId, host: &str) -> String {
        let active = self.server.feed().active().unwrap();
        let nonce = crate::clock::random_bytes(self.server.random()).unwrap();
        token::seal(&self.handle(id), &active.keys, host, self.clock.now(), nonce).unwrap()
    }

    fn handle(&self, id: SessionId) -> Handle {
        let active = self.server.feed().active().unwrap();
        Handle {
            session_id: id,
            provider_id: active.settings().provider.as_ref().unwrap().id.clone(),
            issued_at: self.clock.now(),
        }
    }

    /// The value of the session cookie for `id` on `host`.
    pub(crate) fn cookie(&self, id: SessionId, host: &str) -> String {
        let active = self.server.feed().active().unwrap();
        let handle = self.handle(id);
        let nonce = crate::clock::random_bytes(self.server.random()).unwrap();
        handle::seal(&handle, &active.keys, &active.cookies.session, host, nonce).unwrap()
    }
}

pub(crate) fn settings() -> Settings {
    let host = |name: &str| Host::parse(name).unwrap();
    Settings {
        authenticate: Authenticate::Own {
            host: host("authenticate.example.com"),
            port: 8443,
        },
        provider: Some(Provider::new(
            "oidc".to_owned(),
            "https://idp.example.com".to_owned(),
            "client".to_owned(),
            Some("secret".to_owned().into()),
            Vec::new(),
        )),
        cookie: Cookie {
            name: "_pomerium".to_owned(),
            expire: Duration::from_secs(14 * 3600),
            domain: None,
            http_only: true,
            same_site: SameSite::Unset,
        },
        keys: Keys {
            shared_secret: [1; 32].into(),
            cookie_secret: [2; 32].into(),
            signing_key_pem: None,
        },
        jwt_claims_headers: vec![
            (HeaderName::parse("x-email").unwrap(), "email".to_owned()),
            (
                HeaderName::parse("x-pomerium-claim-groups").unwrap(),
                "groups".to_owned(),
            ),
            (
                HeaderName::parse("x-department").unwrap(),
                "department".to_owned(),
            ),
        ],
        redirect_hosts: RedirectHosts::from_iter([
            (host(HOST).into(), 8443),
            (host("authenticate.example.com").into(), 8443),
        ]),
        pages: Pages::default(),
        path_parameters: None,
        trusted_hops: 0,
        client_authorities: None,
    }
}

pub(crate) fn route(legacy: &Legacy) -> Route {
    Route {
        id: ROUTE,
        name: Some("verify".to_owned()),
        host: HostPattern::parse(HOST).unwrap(),
        port: Some(8443),
        policy: RoutePolicy::Program(program(legacy)),
        pass_identity_headers: true,
        set_request_headers: Vec::new(),
        remove_request_headers: Vec::new(),
        allow_websockets: false,
        answer: None,
        error_details: None,
        listing: Listing::default(),
        depends_on: Vec::new(),
        found_by: Some(FoundBy {
            path: PathPattern::Any,
            turn: 0,
        }),
    }
}

/// The route [`ROUTE`] with the rules of this text.
pub(crate) fn route_of(policy: &str) -> Route {
    let node = portcullis_document::parse_yaml(policy, &portcullis_document::Limits::default());
    let policy = portcullis_policy::parse(&node.unwrap().unwrap()).unwrap();
    Route {
        policy: RoutePolicy::Program(compile(&policy).unwrap()),
        ..route(&Legacy::default())
    }
}

fn program(legacy: &Legacy) -> Program {
    compile(&Policy::from_route(legacy, None)).unwrap()
}

pub(crate) fn any_user() -> Legacy {
    Legacy {
        any_authenticated: true,
        ..Legacy::default()
    }
}

pub(crate) fn public() -> Legacy {
    Legacy {
        public: true,
        ..Legacy::default()
    }
}

pub(crate) fn no_claims() -> serde_json::Value {
    json!({})
}

/// A check, as Envoy sends it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) context: Vec<(String, String)>,
    /// Whether headers come as lines (`encode_raw_headers`) or as the plain map.
    pub(crate) raw: bool,
    /// Whether those are hidden that Envoy makes of method, host, path and scheme.
    pub(crate) hides: bool,
    /// `raw_body`, and `body` in its place if that is set.
    pub(crate) bodies: (Vec<u8>, String),
    /// `attributes.source.certificate`.
    pub(crate) certificate: String,
    /// `http` or `https`.
    pub(crate) scheme: String,
    /// `HTTP/1.1` and the like.
    pub(crate) protocol: String,
}

impl Ask {
    /// `GET /` of [`ROUTE`] by nobody in particular.
    pub(crate) fn new() -> Self {
        Self {
            method: "GET".to_owned(),
            host: format!("{HOST}:8443"),
            path: "/".to_owned(),
            headers: vec![("x-request-id".to_owned(), b"req-1".to_vec())],
            context: vec![],
            raw: true,
            hides: false,
            bodies: Default::default(),
            certificate: String::new(),
            scheme: "https".to_owned(),
            protocol: "HTTP/2".to_owned(),
        }
        .context(&[("internal", "false"), ("route_id", &ROUTE.to_string())])
    }

    pub(crate) fn context(mut self, pairs: &[(&str, &str)]) -> Self {
        self.context = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    pub(crate) fn protocol(mut self, protocol: &str) -> Self {
        self.protocol = protocol.to_owned();
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn session(self, cookie: &str) -> Self {
        self.header("cookie", format!("_pomerium={cookie}"))
    }

    /// The body, as bytes.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.bodies = (body.as_ref().to_vec(), String::new());
        self
    }

    /// The body, as text.
    pub(crate) fn text(mut self, body: &str) -> Self {
        self.bodies = (Vec::new(), body.to_owned());
        self
    }

    /// A certificate in PEM, as Envoy writes it.
    pub(crate) fn certificate(mut self, pem: &str) -> Self {
        let encoded = pem.replace('%', "%25").replace('\n', "%0A").replace(' ', "%20");
        self.certificate = encoded
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        self
    }

    pub(crate) fn joined(mut self) -> Self {
        self.raw = false;
        self
    }

    /// Leaves out the headers that begin with a colon, as a filter with `allowed_headers`.
    pub(crate) fn hiding(mut self) -> Self {
        self.hides = true;
        self
    }

    /// Every header line: first those of the request line, unless they were given.
    fn lines(&self) -> Vec<(String, Vec<u8>)> {
        let of_request = [
            (":authority", &self.host),
            (":path", &self.path),
            (":method", &self.method),
            (":scheme", &self.scheme),
        ];
        let given = |name: &str| self.headers.iter().any(|(given, _)| given == name);
        let mut lines: Vec<_> = of_request
            .into_iter()
            .filter(|(name, _)| !self.hides && !given(name))
            .map(|(name, value)| (name.to_owned(), value.clone().into_bytes()))
            .collect();
        lines.extend_from_slice(&self.headers);
        lines
    }

    pub(crate) fn request(&self) -> CheckRequest {
        let mut http = HttpRequest {
            method: self.method.clone(),
            host: self.host.clone(),
            scheme: self.scheme.clone(),
            path: self.path.clone(),
            protocol: self.protocol.clone(),
            raw_body: self.bodies.0.clone(),
            body: self.bodies.1.clone(),
            ..HttpRequest::default()
        };
        if self.raw {
            let headers = self.lines().into_iter().map(|(key, raw_value)| HeaderValue {
                key,
                value: String::new(),
                raw_value,
            });
            http.header_map = Some(HeaderMap {
                headers: headers.collect(),
            });
        } else {
            let mut map: HashMap<String, String> = HashMap::new();
            for (name, value) in self.lines() {
                let value = String::from_utf8_lossy(&value).replace(char::REPLACEMENT_CHARACTER, "!");
                map.entry(name)
                    .and_modify(|line| {
                        line.push(',');
                        line.push_str(&value);
                    })
                    .or_insert(value);
            }
            http.headers = map;
        }
        let address = address::Address::SocketAddress(SocketAddress {
            address: "192.0.2.7".to_owned(),
            ..SocketAddress::default()
        });
        CheckRequest {
            attributes: Some(AttributeContext {
                source: Some(Peer {
                    address: Some(Address {
                        address: Some(address),
                    }),
                    certificate: self.certificate.clone(),
                    ..Peer::default()
                }),
                request: Some(Request {
                    http: Some(http),
                    ..Request::default()
                }),
                context_extensions: self.context.iter().cloned().collect(),
                ..AttributeContext::default()
            }),
        }
    }
}

/// What Envoy was told.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) CheckResponse);

impl Told {
    /// Whether Envoy would let the request pass: by the status alone.
    pub(crate) fn passes(&self) -> bool {
        self.0.status.as_ref().is_none_or(|status| status.code == 0)
    }

    /// The status of a denial.
    pub(crate) fn status(&self) -> i32 {
        let Some(HttpResponse::DeniedResponse(denied)) = &self.0.http_response else {
            panic!("not a denial: {:?}", self.0)
        };
        assert!(
            !self.passes(),
            "a denied response with status 0 passes: {:?}",
            self.0
        );
        denied.status.as_ref().unwrap().code
    }

    pub(crate) fn body(&self) -> &str {
        let Some(HttpResponse::DeniedResponse(denied)) = &self.0.http_response else {
            panic!("not a denial: {:?}", self.0)
        };
        &denied.body
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.body()).unwrap()
    }

    /// The header of a denial, or the request header that is set on an allow.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = match self.0.http_response.as_ref().unwrap() {
            HttpResponse::DeniedResponse(denied) => &denied.headers,
            HttpResponse::OkResponse(ok) => &ok.headers,
            HttpResponse::ErrorResponse(_) => panic!("an error response: {:?}", self.0),
        };
        let mut values = headers
            .iter()
            .filter_map(|header| header.header.as_ref())
            .filter(|h| h.key == name);
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} is there twice");
        Some(&value.value)
    }

    /// The request headers that are removed on an allow.
    pub(crate) fn removed(&self) -> Vec<&str> {
        let Some(HttpResponse::OkResponse(ok)) = &self.0.http_response else {
            panic!("not an allow: {:?}", self.0)
        };
        assert!(self.passes());
        ok.headers_to_remove.iter().map(String::as_str).collect()
    }
}
