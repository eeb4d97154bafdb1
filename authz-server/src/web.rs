//! The pages: login, callback, sign-out, user, well-known documents.
//!
//! They are one `tower::Service` that knows neither sockets nor peers: the host
//! comes from `:authority` or `Host`, the rest from the request. This file is
//! the table of what stands where; each page is a file of its own.

mod callback;
mod depends_on;
mod destination;
mod fault;
mod form_post;
mod login;
mod look;
mod own_sessions;
mod pages;
mod portal;
mod query;
mod same_origin;
mod sign_out;
mod user;
mod visit;
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
use fault::Fault;
use visit::{Asker, Role, Visit};

/// The most time that a page may take: a login asks the identity provider,
/// which has its own, shorter bounds.
const DEADLINE: Duration = Duration::from_secs(20);

/// Every page as one service.
pub fn router(server: Arc<AuthzServer>) -> Router {
    Router::new().fallback(serve).with_state(server)
}

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
    EndSession,
    DependsOn,
    // On the authenticate host alone.
    Home,
    Robots,
    SignIn,
    ProviderCallback,
    SignedOut,
}

impl Page {
    fn at(path: &str) -> Option<Self> {
        // Some SDKs join `https://host/` and `/.well-known/…`.
        let path = if path.starts_with("//.well-known/") {
            path.get(1..)?
        } else {
            path
        };
        Some(match path {
            "/ping" | "/healthz" => Self::Ping,
            "/.pomerium" | "/.pomerium/" => Self::User,
            "/.pomerium/user" => Self::UserJson,
            "/.pomerium/sign_out" => Self::SignOut,
            "/.pomerium/callback/" | "/.pomerium/callback" => Self::Callback,
            "/.pomerium/routes" => Self::Routes,
            "/.pomerium/api/v1/routes" => Self::RoutesJson,
            "/.pomerium/jwt" => Self::Jwt,
            own_sessions::PATH => Self::EndSession,
            sign_in::DEPENDS_ON_PATH => Self::DependsOn,
            "/.well-known/pomerium" | "/.well-known/pomerium/" => Self::WellKnown,
            "/.well-known/pomerium/jwks.json" => Self::Keys,
            "/" => Self::Home,
            "/robots.txt" => Self::Robots,
            "/.pomerium/sign_in" => Self::SignIn,
            "/oauth2/callback" => Self::ProviderCallback,
            "/.pomerium/signed_out" => Self::SignedOut,
            _ => return None,
        })
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
            | Self::EndSession
            | Self::DependsOn => role != Role::Unknown,
            Self::Home | Self::Robots | Self::SignIn | Self::ProviderCallback | Self::SignedOut => {
                role == Role::Authenticate
            }
        }
    }

    /// The methods that the page takes, as `Allow` lists them.
    fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::EndSession => (&[Method::POST], "POST"),
            Self::SignOut | Self::ProviderCallback => {
                (&[Method::GET, Method::HEAD, Method::POST], "GET, HEAD, POST")
            }
            Self::WellKnown | Self::Keys => (
                &[Method::GET, Method::HEAD, Method::OPTIONS],
                "GET, HEAD, OPTIONS",
            ),
            _ => (&[Method::GET, Method::HEAD], "GET, HEAD"),
        }
    }
}

async fn serve(State(server): State<Arc<AuthzServer>>, request: Request) -> Response {
    let asker = Asker::of(&request);
    let mut response = match tokio::time::timeout(DEADLINE, answer(&server, request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(fault)) => asker.answer(&server, fault),
        Err(_) => asker.answer(&server, Fault::too_slow()),
    };
    pages::harden(&mut response);
    response
}

async fn answer(server: &Arc<AuthzServer>, request: Request) -> Result<Response, Fault> {
    let page = Page::at(request.uri().path());
    if let Some(page) = page {
        let (methods, allow) = page.methods();
        if !methods.contains(request.method()) {
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
    match page {
        Page::Ping => Ok(plain("OK\n")),
        Page::User => user::page(&visit).await,
        Page::UserJson => user::json(&visit).await,
        Page::SignOut => sign_out::sign_out(&visit).await,
        Page::Callback => callback::callback(&visit).await,
        Page::WellKnown | Page::Keys if visit.parts.method == Method::OPTIONS => Ok(well_known::preflight()),
        Page::WellKnown => Ok(well_known::document(&visit.active, &visit.origin())),
        Page::Keys => well_known::keys(&visit.active, &visit.parts.headers),
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
        Page::EndSession => own_sessions::end(&visit).await,
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
    for cookie in cookies {
        let cookie =
            HeaderValue::from_str(&cookie).map_err(|_| Fault::internal("a cookie is no header value"))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
