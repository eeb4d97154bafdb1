//! The pages: login, callback, sign-out, user, well-known documents.
//!
//! They are one `tower::Service` that knows neither sockets nor peers: the host
//! comes from `:authority` or `Host`, the rest from the request. This file is
//! the table of what stands where; each page is a file of its own.

mod backchannel_logout;
mod callback;
mod cors;
mod depends_on;
mod destination;
mod fault;
mod form_post;
mod login;
mod look;
mod own_sessions;
mod pages;
mod portal;
mod programmatic;
mod public;
mod query;
mod sign_out;
mod user;
mod visit;
mod way_back;
mod well_known;

#[cfg(test)]
mod tests;

use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, StatusCode, header};

use crate::AuthzServer;
use crate::check::answer::ROBOTS;
use crate::sign_in;
use fault::{Fault, Form};
pub(crate) use own_sessions::Turns;
use visit::{Asker, Role, Visit};

/// The most time that a page may take: a login asks the identity provider,
/// which has its own, shorter bounds.
const DEADLINE: Duration = Duration::from_secs(20);

/// Every page as one service.
pub fn router(server: Arc<AuthzServer>) -> Router {
    Router::new().fallback(serve).with_state(server)
}

/// The public keys alone, whatever host they are asked for: for who knows this server by
/// another name than those of the routes, as istiod does that of a Service.
pub fn keys_router(server: Arc<AuthzServer>) -> Router {
    Router::new().fallback(serve_keys).with_state(server)
}

/// Marks a request whose answer is that of a check: text.
#[derive(Clone, Copy)]
pub(crate) struct InBand;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    // Everywhere, whether we are configured or not.
    Ping,
    // On the hosts of routes and of the authenticate service.
    User,
    UserJson,
    SignOut,
    Callback,
    WellKnown,
    Keys,
    Routes,
    RoutesJson,
    Jwt,
    Programmatic,
    HpkeKey,
    Icon,
    Style,
    EndSession,
    DependsOn,
    // On the authenticate host alone.
    Home,
    Robots,
    // There too, or where each host logs in for itself on all.
    BackchannelLogout,
    SignIn,
    ProviderCallback,
    SignedOut,
}

/// Every path that something stands at.
const PATHS: &[(&str, Page)] = &[
    ("/ping", Page::Ping),
    ("/healthz", Page::Ping),
    ("/.pomerium", Page::User),
    ("/.pomerium/", Page::User),
    ("/.pomerium/user", Page::UserJson),
    ("/.pomerium/sign_out", Page::SignOut),
    ("/.pomerium/callback", Page::Callback),
    ("/.pomerium/callback/", Page::Callback),
    ("/.pomerium/routes", Page::Routes),
    ("/.pomerium/api/v1/routes", Page::RoutesJson),
    ("/.pomerium/jwt", Page::Jwt),
    (programmatic::PATH, Page::Programmatic),
    ("/.pomerium/favicon.ico", Page::Icon),
    ("/.pomerium/index.css", Page::Style),
    (own_sessions::PATH, Page::EndSession),
    (backchannel_logout::PATH, Page::BackchannelLogout),
    (sign_in::DEPENDS_ON_PATH, Page::DependsOn),
    ("/.well-known/pomerium", Page::WellKnown),
    ("/.well-known/pomerium/", Page::WellKnown),
    ("/.well-known/pomerium/jwks.json", Page::Keys),
    ("/.well-known/pomerium/hpke-public-key", Page::HpkeKey),
    ("/", Page::Home),
    ("/robots.txt", Page::Robots),
    (sign_in::PATH, Page::SignIn),
    ("/oauth2/callback", Page::ProviderCallback),
    ("/.pomerium/signed_out", Page::SignedOut),
];

impl Page {
    fn at(path: &str) -> Option<Self> {
        // Some SDKs join `https://host/` and `/.well-known/…`.
        let path = if path.starts_with("//.well-known/") {
            path.get(1..)?
        } else {
            path
        };
        PATHS
            .iter()
            .find_map(|(known, page)| (*known == path).then_some(*page))
    }

    fn stands_on(self, role: Role) -> bool {
        match self {
            Self::Ping => true,
            Self::User
            | Self::UserJson
            | Self::SignOut
            | Self::Callback
            | Self::WellKnown
            | Self::Keys
            | Self::Routes
            | Self::RoutesJson
            | Self::Jwt
            | Self::Programmatic
            | Self::HpkeKey
            | Self::Icon
            | Self::Style
            | Self::EndSession
            | Self::DependsOn => role != Role::Unknown,
            Self::Home | Self::Robots => role == Role::Authenticate,
            Self::BackchannelLogout | Self::SignIn | Self::ProviderCallback | Self::SignedOut => {
                matches!(role, Role::Authenticate | Role::OneHost)
            }
        }
    }

    /// Whether an application of ours may read the answer across origins, by an address
    /// that we signed.
    fn is_read_across(self) -> bool {
        matches!(self, Self::User | Self::SignIn)
    }

    /// The methods that the page takes, as `Allow` lists them.
    fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::EndSession | Self::BackchannelLogout => (&[Method::POST], "POST"),
            // Whoever asks with HEAD looks only, and must not be signed out by that.
            Self::SignOut => (&[Method::GET, Method::POST], "GET, POST"),
            Self::SignIn | Self::ProviderCallback => {
                (&[Method::GET, Method::HEAD, Method::POST], "GET, HEAD, POST")
            }
            Self::WellKnown | Self::Keys | Self::HpkeKey => (
                &[Method::GET, Method::HEAD, Method::OPTIONS],
                "GET, HEAD, OPTIONS",
            ),
            _ => (&[Method::GET, Method::HEAD], "GET, HEAD"),
        }
    }
}

/// Whether what stands at `path` looks at the body of such a request.
pub(crate) fn reads_body(path: &str, method: &Method) -> bool {
    let page = Page::at(path);
    method == Method::POST && matches!(page, Some(Page::ProviderCallback | Page::BackchannelLogout))
}

async fn serve(State(server): State<Arc<AuthzServer>>, request: Request) -> Response {
    let asker = Asker::of(&request);
    let mut reader = None;
    let answer = answer(&server, request, &mut reader);
    let mut response = match tokio::time::timeout(DEADLINE, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(fault)) => asker.answer(&server, fault),
        Err(_) => asker.answer(&server, Fault::too_slow()),
    };
    if let Some(reader) = reader {
        cors::allow(&mut response, reader);
    }
    pages::harden(&mut response);
    response
}

async fn serve_keys(State(server): State<Arc<AuthzServer>>, request: Request) -> Response {
    // It is programs that ask, and of a host of ours a page would speak.
    let refuse = |fault: Fault| fault.into_response(Form::Json, None, None, None);
    let mut response = well_known::keys_alone(&server, &request).unwrap_or_else(refuse);
    pages::harden(&mut response);
    response
}

/// `reader` becomes the origin that may read the answer, if there is one.
async fn answer(
    server: &Arc<AuthzServer>,
    request: Request,
    reader: &mut Option<HeaderValue>,
) -> Result<Response, Fault> {
    let page = Page::at(request.uri().path());
    if let Some(page) = page {
        let (methods, allow) = page.methods();
        let preflight = page.is_read_across() && request.method() == Method::OPTIONS;
        if !methods.contains(request.method()) && !preflight {
            return Err(Fault::method_not_allowed(allow));
        }
    }
    if page == Some(Page::Ping) {
        return Ok(plain("OK\n"));
    }
    let (parts, body) = request.into_parts();
    let visit = Visit::new(server, parts)?;
    if visit.role == Role::Unknown {
        return Err(Fault::unknown_host());
    }
    let page = page
        .filter(|page| page.stands_on(visit.role))
        .ok_or_else(Fault::not_found)?;
    if page.is_read_across() {
        *reader = cors::reader(&visit);
        if visit.parts.method == Method::OPTIONS {
            let preflight = reader
                .as_ref()
                .and_then(|_| cors::preflight(&visit.parts.headers));
            return preflight.ok_or_else(|| Fault::method_not_allowed(page.methods().1));
        }
    }
    match page {
        Page::Ping => Ok(plain("OK\n")),
        Page::User => user::page(&visit).await,
        Page::UserJson => user::json(&visit).await,
        Page::SignOut => sign_out::sign_out(&visit).await,
        Page::Callback => callback::callback(&visit).await,
        Page::WellKnown | Page::Keys | Page::HpkeKey if visit.parts.method == Method::OPTIONS => {
            Ok(well_known::preflight())
        }
        Page::WellKnown => Ok(well_known::document(&visit.active, &visit.origin())),
        Page::Keys => well_known::keys(&visit.active, &visit.parts.headers),
        Page::HpkeKey => well_known::hpke_public_key(&visit.active, &visit.parts.headers),
        Page::Icon => public::icon(&visit),
        Page::Style => public::style(&visit),
        Page::Home => redirect(StatusCode::FOUND, "/.pomerium/", []),
        Page::Robots => Ok(plain(ROBOTS)),
        Page::SignIn => login::sign_in(&visit).await,
        Page::ProviderCallback if visit.parts.method == Method::POST => {
            form_post::answer(&visit.parts.headers, body).await
        }
        Page::ProviderCallback => login::provider_callback(&visit).await,
        Page::SignedOut => pages::signed_out(visit.look()),
        Page::Routes => portal::page(&visit).await,
        Page::RoutesJson => portal::json(&visit).await,
        Page::Jwt => portal::jwt(&visit).await,
        Page::Programmatic => programmatic::begin(&visit).await,
        Page::EndSession => own_sessions::end(&visit).await,
        Page::BackchannelLogout => Ok(backchannel_logout::receive(&visit, body).await),
        Page::DependsOn => depends_on::onward(&visit).await,
    }
}

fn plain(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// A redirect with cookies. `location` is a path of this host or an https URL
/// that we built or checked.
fn redirect(
    status: StatusCode,
    location: &str,
    cookies: impl IntoIterator<Item = String>,
) -> Result<Response, Fault> {
    let mut response = status.into_response();
    let location =
        HeaderValue::from_str(location).map_err(|_| Fault::internal("a location is no header value"))?;
    response.headers_mut().insert(header::LOCATION, location);
    with_cookies(response, cookies)
}

fn with_cookies(
    mut response: Response,
    cookies: impl IntoIterator<Item = String>,
) -> Result<Response, Fault> {
    for cookie in cookies {
        let cookie =
            HeaderValue::try_from(cookie).map_err(|_| Fault::internal("a cookie is no header value"))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
