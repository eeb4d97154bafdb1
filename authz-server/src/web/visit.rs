//! One request to a page: what is asked, on which host, by whom.

use std::sync::Arc;

use axum::extract::Request;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use jiff::Timestamp;
use portcullis_bundle::Settings;
use portcullis_idp::Provider;
use portcullis_model::Host;
use portcullis_session::cookies::{self, Attributes, Found};
use portcullis_session::handle::{self, Handle, Scope};
use portcullis_session::{lifetime, token};

use super::destination::Destination;
use super::fault::{Fault, Form};
use super::look::Look;
use super::query::Query;
use crate::AuthzServer;
use crate::check::identify::Presented;
use crate::check::intake;
use crate::clock;
use crate::feed::{Active, authority};
use crate::initiator::Initiator;
use crate::sessions::StoredSession;
use crate::sign_in;

/// The longest request id that is repeated on a page.
const MAX_REQUEST_ID: usize = 128;

/// What a host is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Our own authenticate service.
    Authenticate,
    /// A host of some route.
    Route,
    /// A host of some route that logs in for itself.
    OneHost,
    /// Neither.
    Unknown,
}

/// A request with everything that its page needs; one bundle, one moment.
pub(super) struct Visit {
    pub(super) server: Arc<AuthzServer>,
    pub(super) active: Arc<Active>,
    pub(super) now: Timestamp,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) role: Role,
    pub(super) parts: Parts,
}

impl Visit {
    pub(super) fn new(server: &Arc<AuthzServer>, parts: Parts) -> Result<Self, Fault> {
        let active = server.feed().active().ok_or_else(Fault::not_ready)?;
        let (host, port) = requested_host(&parts.uri, &parts.headers).ok_or_else(Fault::bad_host)?;
        let (role, port) = role(&active, &host, port);
        Ok(Self {
            server: Arc::clone(server),
            active,
            now: server.clock().now(),
            host,
            port,
            role,
            parts,
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        self.active.settings()
    }

    pub(super) fn look(&self) -> Look<'_> {
        let pages = &self.settings().pages;
        Look::new(&pages.branding, pages.routes_portal)
    }

    pub(super) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    pub(super) fn query(&self) -> Result<Query<'_>, Fault> {
        Query::parse(self.parts.uri.query().unwrap_or_default())
    }

    /// `https://host[:port]` of this request.
    pub(super) fn origin(&self) -> String {
        format!("https://{}", authority(self.host.as_str(), self.port))
    }

    /// This request's URL as it was signed.
    pub(super) fn url(&self) -> Result<url::Url, Fault> {
        let target = self
            .parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        url::Url::parse(&format!("{}{target}", self.origin())).map_err(|_| Fault::signature())
    }

    /// Who began this request.
    pub(super) fn initiator(&self) -> Initiator {
        let lines = |name: &str| {
            let lines = self.parts.headers.get_all(name).iter();
            lines.map(http::HeaderValue::as_bytes)
        };
        let own = self.origin();
        Initiator::of(lines("sec-fetch-site"), lines("origin"), |origin| {
            origin.eq_ignore_ascii_case(own.as_bytes())
        })
    }

    /// Whether a page of another origin made this request.
    pub(super) fn is_foreign(&self) -> bool {
        self.initiator() == Initiator::Foreign
    }

    /// Whether a person goes there, as far as the browser says: neither an image nor a
    /// script's fetch (Fetch Metadata), nor a page that is loaded before anybody wants
    /// it.
    pub(super) fn is_visit(&self) -> bool {
        let headers = &self.parts.headers;
        let mut modes = headers.get_all("sec-fetch-mode").iter();
        let navigates = modes.all(|mode| mode.as_bytes().eq_ignore_ascii_case(b"navigate"));
        let in_advance = ["sec-purpose", "purpose", "x-purpose", "x-moz"]
            .into_iter()
            .flat_map(|name| headers.get_all(name))
            .any(|purpose| {
                let purpose = purpose.as_bytes().to_ascii_lowercase();
                [&b"prefetch"[..], b"prerender", b"preview"]
                    .iter()
                    .any(|word| purpose.windows(word.len()).any(|part| part == *word))
            });
        navigates && !in_advance
    }

    /// Whether a person would see the page that a redirect leads to: the rule by
    /// which a Check, too, answers with a redirect or with 401 and no cookie, and
    /// besides nothing that is loaded in advance.
    pub(super) fn is_navigation(&self) -> bool {
        let read = matches!(self.parts.method, Method::GET | Method::HEAD);
        // Who brings a token would not know what to do with a redirect.
        let program = self.token() != Presented::None;
        read && self.is_visit() && !program && !is_xml_http_request(&self.parts.headers)
    }

    /// The status of a redirect: after a POST the browser must go on with GET.
    pub(super) fn see_other(&self) -> StatusCode {
        if self.parts.method == Method::POST {
            StatusCode::SEE_OTHER
        } else {
            StatusCode::FOUND
        }
    }

    pub(super) fn destination(&self, raw: &str) -> Result<Destination, Fault> {
        Destination::parse(raw, self.settings()).ok_or_else(Fault::bad_redirect)
    }

    /// Our cookie `name`.
    pub(super) fn cookie(&self, name: &str) -> Found<'_> {
        let lines = self.parts.headers.get_all(header::COOKIE);
        cookies::read(lines.iter().map(http::HeaderValue::as_bytes), name)
    }

    /// The identity provider, as it is spoken to from this host.
    pub(super) fn provider(&self) -> Result<Arc<Provider>, Fault> {
        let provider = self.active.provider.as_ref().ok_or_else(Fault::not_configured)?;
        if self.role != Role::OneHost {
            return Ok(Arc::clone(provider));
        }
        let back = url::Url::parse(&format!("{}/oauth2/callback", self.origin()))
            .map_err(|_| Fault::internal("a callback address cannot be built"))?;
        Ok(Arc::new(provider.returning_to(back)))
    }

    /// The name of the cookie that holds the session on this host.
    pub(super) fn session_cookie_name(&self) -> &str {
        match self.role {
            Role::Authenticate => &self.active.cookies.authenticate,
            Role::Route | Role::OneHost | Role::Unknown => &self.active.cookies.session,
        }
    }

    /// The attributes of the session cookie `name` on this host.
    ///
    /// `cookie_domain` shares the cookie of the routes. There is one authenticate
    /// host, so its cookie stays its own: elsewhere it could only be stolen.
    pub(super) fn cookie_attributes(&self, name: &str) -> Attributes<'_> {
        let cookie = &self.settings().cookie;
        let shared = name == self.active.cookies.session;
        Attributes {
            domain: if shared {
                cookie.domain_on(&self.host)
            } else {
                None
            },
            http_only: cookie.http_only,
            same_site: cookie.same_site.attribute(),
        }
    }

    /// What the value of the session cookie `name` is bound to.
    pub(super) fn cookie_scope(&self, name: &str) -> Scope<'_> {
        match self.cookie_attributes(name).domain {
            Some(domain) => Scope::Domain(domain),
            None => Scope::Host(self.host.as_str()),
        }
    }

    /// The `Set-Cookie` values that take the session cookie `name` back, also the
    /// one that was set before the cookie had a domain.
    pub(super) fn clear_cookie(&self, name: &str) -> Vec<String> {
        let attributes = self.cookie_attributes(name);
        let host_only = Attributes {
            domain: None,
            ..attributes
        };
        let mut clear = vec![cookies::clear(name, &host_only)];
        if attributes.domain.is_some() {
            clear.push(cookies::clear(name, &attributes));
        }
        clear
    }

    /// The handle in this host's session cookie, if it is one of this provider.
    pub(super) fn handle(&self) -> Option<Handle> {
        let provider = self.settings().provider.as_ref()?;
        let name = self.session_cookie_name();
        let Found::One(value) = self.cookie(name) else {
            return None;
        };
        handle::open(&self.active.keys, name, self.cookie_scope(name), value)
            .ok()
            .filter(|handle| handle.provider_id == provider.id)
    }

    /// The live session of this host's cookie.
    pub(super) async fn session(&self) -> Result<Option<Arc<StoredSession>>, Fault> {
        match self.handle() {
            Some(handle) => self.live_session(&handle).await,
            None => Ok(None),
        }
    }

    /// The same, or without any cookie the live session of a program's token: for
    /// what programs read. A cookie that is of no use ends the search, as for a Check.
    pub(super) async fn caller(&self) -> Result<Option<Arc<StoredSession>>, Fault> {
        if self.cookie(self.session_cookie_name()) != Found::None {
            return self.session().await;
        }
        let token = match self.token() {
            Presented::One(token) => token,
            Presented::None => return Ok(None),
            Presented::Ambiguous => return Err(Fault::two_tokens()),
        };
        match token::open(&self.active.keys, self.host.as_str(), &token) {
            Ok(handle) => self.live_session(&handle).await,
            Err(_) => Ok(None),
        }
    }

    fn token(&self) -> Presented<'_> {
        let lines = |name: &str| {
            let lines = self.parts.headers.get_all(name).iter();
            lines.filter_map(|line| core::str::from_utf8(line.as_bytes()).ok())
        };
        let (own, authorization) = (lines("x-pomerium-authorization"), lines("authorization"));
        // As for a Check: nobody becomes somebody else by another site's link.
        let query = self.parts.uri.query().filter(|_| !self.is_foreign());
        Presented::find(own, authorization, query)
    }

    /// The session that a handle points to, if it is live.
    pub(super) async fn live_session(&self, handle: &Handle) -> Result<Option<Arc<StoredSession>>, Fault> {
        let Some(provider) = &self.settings().provider else {
            return Ok(None);
        };
        let stored = self.server.sessions().get(handle.session_id).await?;
        let live =
            stored.filter(|stored| lifetime::admit(handle, &stored.session, &provider.id, self.now).is_ok());
        if let Some(stored) = &live {
            self.server.refresher().notice(stored, self.now);
        }
        Ok(live)
    }

    /// Unpredictable bytes.
    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        clock::random_bytes(self.server.random()).map_err(|_| Fault::internal("the random source failed"))
    }
}

/// `:authority`, which for HTTP/1 is `Host`; with its port, 443 if it has none.
fn requested_host(uri: &Uri, headers: &HeaderMap) -> Option<(Host, u16)> {
    let mut lines = headers.get_all(header::HOST).iter();
    let text = match (uri.authority(), lines.next(), lines.next()) {
        (Some(authority), _, None) => authority.as_str(),
        (None, Some(host), None) => host.to_str().ok()?,
        _ => return None,
    };
    let (host, port) = intake::host(text)?;
    Some((host, port.unwrap_or(443)))
}

/// What the host is, and its external port: that of the configuration, since a
/// client may write any port into its `Host`.
fn role(active: &Active, host: &Host, port: u16) -> (Role, u16) {
    if let Some((own, own_port)) = active.authenticate()
        && own == host
    {
        return (Role::Authenticate, own_port);
    }
    match active.settings().redirect_hosts.port(host, port) {
        Some(port) if active.each_host_logs_in() => (Role::OneHost, port),
        Some(port) => (Role::Route, port),
        None => (Role::Unknown, port),
    }
}

fn is_xml_http_request(headers: &HeaderMap) -> bool {
    headers
        .get_all("x-requested-with")
        .iter()
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest"))
}

/// What remains of a request when its page fails.
pub(super) struct Asker {
    form: Form,
    place: Option<(Host, u16)>,
    is_get: bool,
    request_id: Option<String>,
}

impl Asker {
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let accept = text("accept").unwrap_or_default();
        let json = accept.contains("application/json") && !accept.contains("text/html");
        let script = is_xml_http_request(headers) && !accept.contains("text/html");
        Self {
            form: if json || script { Form::Json } else { Form::Page },
            place: requested_host(request.uri(), headers),
            is_get: request.method() == Method::GET,
            request_id: text("x-request-id")
                .filter(|id| !id.is_empty() && id.len() <= MAX_REQUEST_ID)
                .map(ToOwned::to_owned),
        }
    }

    pub(super) fn answer(&self, server: &AuthzServer, fault: Fault) -> axum::response::Response {
        let active = server.feed().active();
        let look = active.as_ref().and_then(|active| active.error_look.as_ref());
        // Nothing of the path: it may be one that works once.
        let session_page = active
            .as_ref()
            .zip(self.place.as_ref())
            .filter(|_| self.form == Form::Page && fault.status().is_client_error())
            .and_then(|(active, (host, port))| {
                sign_in::session_page(active, host, *port, "/", server.clock().now())
            });
        let fault = if self.is_get { fault.once_more() } else { fault };
        let request_id = self.request_id.as_deref();
        fault.into_response(self.form, look, request_id, session_page.as_deref())
    }
}
