//! An authz-server with its provider, and browsers that keep cookies.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use portcullis_bundle::{
    Authenticate, Bundle, Cookie, Keys, Provider, RedirectHosts, Route, SameSite, Settings,
};
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_model::{HeaderName, Host, Pages};
use portcullis_store::{MemoryStore, Store};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::Url;

use super::idp::FakeIdp;
use crate::clock::{Clock, OsRandom};
use crate::{AuthzServer, Options};

pub(super) const AUTHENTICATE: &str = "https://authenticate.example.com";
pub(super) const APP: &str = "https://app.example.com";
pub(super) const OTHER: &str = "https://other.example.com:8443";
pub(super) const SHARED_SECRET: [u8; 32] = [7; 32];

#[derive(Clone)]
struct TestClock(Arc<Mutex<Timestamp>>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(super) struct Rig {
    /// Whether requests go through a check.
    pub(super) by_check: bool,
    pub(super) server: Arc<AuthzServer>,
    pub(super) idp: FakeIdp,
    clock: TestClock,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(super) fn location(&self) -> &str {
        self.header("location")
    }

    pub(super) fn set_cookies(&self) -> Vec<&str> {
        self.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts that this is a refusal with this status and code, and that it
    /// gives nobody a session.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let on_page = self.body.contains(&format!("id=\"code\">{code}<"));
        let in_json = self.body.contains(&format!("\"code\":\"{code}\""));
        assert!(on_page || in_json, "no code {code} in {}", self.body);
        assert!(self.set_cookies().is_empty(), "{:?}", self.set_cookies());
        self
    }
}

impl Rig {
    pub(super) async fn new() -> Self {
        let rig = Self::bare().await;
        rig.publish(rig.settings());
        rig
    }

    /// Without any configuration.
    pub(super) async fn bare() -> Self {
        Self::over(Arc::new(MemoryStore::new(1)), Duration::ZERO).await
    }

    /// Without any configuration, over this store.
    pub(super) async fn over(store: Arc<dyn Store>, max_staleness: Duration) -> Self {
        let clock = TestClock(Arc::new(Mutex::new(Timestamp::now())));
        let options = HttpOptions {
            total_timeout: Duration::from_secs(3),
            ..HttpOptions::default()
        };
        let server = AuthzServer::new(Options {
            store,
            clock: Arc::new(clock.clone()),
            random: Arc::new(OsRandom),
            http: HttpClient::new(&options).unwrap(),
            max_staleness,
            in_band: false,
        });
        Self {
            by_check: false,
            server,
            idp: FakeIdp::start().await,
            clock,
        }
    }

    pub(super) fn settings(&self) -> Settings {
        let host = |name: &str| Host::parse(name).unwrap();
        Settings {
            authenticate: Authenticate::Own {
                host: host("authenticate.example.com"),
                port: 443,
            },
            provider: Some(Provider::new(
                "oidc".to_owned(),
                self.idp.issuer(),
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
                shared_secret: SHARED_SECRET.into(),
                cookie_secret: [8; 32].into(),
                signing_key_pem: None,
            },
            jwt_claims_headers: vec![(HeaderName::parse("x-team").unwrap(), "team".to_owned())],
            redirect_hosts: RedirectHosts::from_iter([
                (host("app.example.com").into(), 443),
                (host("other.example.com").into(), 8443),
                (host("authenticate.example.com").into(), 443),
            ]),
            pages: Pages::default(),
            path_parameters: None,
            trusted_hops: 0,
            client_authorities: None,
        }
    }

    pub(super) fn publish(&self, settings: Settings) {
        self.publish_routes(settings, []);
    }

    pub(super) fn publish_routes(&self, settings: Settings, routes: impl IntoIterator<Item = Route>) {
        let routes = routes.into_iter().map(Arc::new);
        self.server
            .feed()
            .publish(Arc::new(Bundle::new(Arc::new(settings), routes)))
            .unwrap();
    }

    pub(super) fn advance(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn browser(&self) -> Browser<'_> {
        Browser {
            rig: self,
            cookies: HashMap::new(),
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        if self.by_check {
            return super::in_band::by_check(&self.server, request).await;
        }
        let response = self.server.web().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// The headers and the bytes of an answer.
    pub(super) async fn send_raw(&self, request: Request<Body>) -> (HeaderMap, Vec<u8>) {
        let response = self.server.web().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }
}

pub(super) fn user() -> Value {
    json!({"sub": "user-1", "email": "user@example.com", "name": "User One", "groups": ["staff"], "team": "a"})
}

fn is_of(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|labels| labels.ends_with('.'))
}

#[derive(Clone)]
pub(super) struct Browser<'a> {
    rig: &'a Rig,
    /// Per host, or per domain with a dot in front; ports share cookies, as in
    /// browsers.
    pub(super) cookies: HashMap<String, BTreeMap<String, String>>,
}

impl Browser<'_> {
    /// A person goes there: by the address bar, or by a redirect of what was opened so.
    pub(super) async fn get(&mut self, url: &str) -> Answer {
        let headers = [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
        self.send(Method::GET, url, &headers).await
    }

    pub(super) async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.send_body(method, url, headers, Body::empty()).await
    }

    pub(super) async fn send_body(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let url = Url::parse(url).unwrap();
        let host = url.host_str().unwrap().to_owned();
        let authority = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        let target = url
            .as_str()
            .strip_prefix(&url.origin().ascii_serialization())
            .unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", authority);
        let of_domain = |jar: &str| jar.strip_prefix('.').is_some_and(|domain| is_of(&host, domain));
        let jars = self
            .cookies
            .iter()
            .filter(|(jar, _)| **jar == host || of_domain(jar));
        let cookies: Vec<String> = jars
            .flat_map(|(_, jar)| jar)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.rig.send(request.body(body).unwrap()).await;
        for cookie in answer.set_cookies() {
            let readable = self
                .rig
                .server
                .feed()
                .current()
                .is_some_and(|bundle| !bundle.settings.cookie.http_only);
            assert!(
                cookie.contains("; Secure") && cookie.contains("; Path=/"),
                "{cookie}"
            );
            assert!(readable || cookie.contains("; HttpOnly"), "{cookie}");
            let domain = cookie.split("; ").find_map(|part| part.strip_prefix("Domain="));
            let jar = match domain {
                None => host.clone(),
                Some(domain) => {
                    assert!(is_of(&host, domain), "a browser refuses {cookie} from {host}");
                    format!(".{domain}")
                }
            };
            let jar = self.cookies.entry(jar).or_default();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Follows redirects among our hosts; a login at the provider succeeds.
    pub(super) async fn visit(&mut self, url: &str) -> Answer {
        let mut next = url.to_owned();
        for _ in 0..10 {
            let answer = self.get(&next).await;
            let location = match answer.header("refresh").split_once(";url=") {
                Some((_, refresh)) => refresh,
                None if answer.status.is_redirection() => answer.location(),
                None => return answer,
            };
            let location = Url::parse(&next).unwrap().join(location).unwrap();
            next = if location.as_str().starts_with(&self.rig.idp.issuer()) {
                self.rig.idp.log_in(location.as_str(), user())
            } else {
                location.into()
            };
        }
        panic!("the browser goes round in circles at {next}");
    }

    /// Follows redirects until one leads to `end`, or to a page; where that is.
    pub(super) async fn visit_to(&mut self, url: &str, end: &str) -> String {
        let mut next = url.to_owned();
        for _ in 0..30 {
            if next == end {
                return next;
            }
            let answer = self.get(&next).await;
            assert!(answer.status.is_redirection(), "{next}: {}", answer.body);
            let location = Url::parse(&next).unwrap().join(answer.location()).unwrap();
            next = if location.as_str().starts_with(&self.rig.idp.issuer()) {
                self.rig.idp.log_in(location.as_str(), user())
            } else {
                location.into()
            };
        }
        panic!("the browser goes round in circles at {next}");
    }

    /// The sign-in URL that a visit at this host leads to.
    pub(super) async fn sign_in_url(&mut self, origin: &str) -> String {
        let answer = self.get(&format!("{origin}/.pomerium/")).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        answer.location().to_owned()
    }

    /// Up to the provider, for a login at this host.
    pub(super) async fn authorize_url(&mut self, origin: &str) -> String {
        let sign_in = self.sign_in_url(origin).await;
        let answer = self.get(&sign_in).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        answer.location().to_owned()
    }

    /// Up to the way back from the provider, not yet taken.
    pub(super) async fn provider_answer(&mut self, origin: &str) -> String {
        let authorize = self.authorize_url(origin).await;
        self.rig.idp.log_in(&authorize, user())
    }

    /// Up to the callback on the route host, not yet taken.
    pub(super) async fn callback_url(&mut self, origin: &str) -> String {
        let back = self.provider_answer(origin).await;
        let answer = self.get(&back).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        assert!(
            answer
                .location()
                .starts_with(&format!("{origin}/.pomerium/callback/?")),
            "{}",
            answer.location()
        );
        answer.location().to_owned()
    }

    /// Whether this host's cookie is a live session.
    pub(super) async fn is_signed_in(&mut self, origin: &str) -> bool {
        let answer = self
            .send(Method::GET, &format!("{origin}/.pomerium/user"), &[])
            .await;
        assert!(matches!(answer.status.as_u16(), 200 | 401), "{}", answer.body);
        answer.status == StatusCode::OK
    }

    pub(super) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.cookies.get(host)?.get(name).map(String::as_str)
    }
}
