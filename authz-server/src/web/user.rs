//! `/.pomerium/` and `/.pomerium/user`: what we know of whoever is signed in.
//! Never the provider's tokens, nor the session's id.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use portcullis_session::assertion::AssertionClaims;
use portcullis_session::cookies::Found;
use portcullis_session::signed_url::{SIGNATURE, SignedUrlError};
use serde_json::Value;

use super::fault::Fault;
use super::login::{self, Return};
use super::visit::{Role, Visit};
use super::{own_sessions, pages, redirect, way_back};
use crate::sign_in::{self, REDIRECT_PARAMETER, SignInError};

/// Claims about the assertion, not about the user; and the id of the session,
/// which Pomerium shows here and we do not.
const LEFT_OUT: [&str; 6] = ["iss", "aud", "exp", "iat", "jti", "sid"];

/// The page; who has no session is sent to the sign-in.
pub(super) async fn page(visit: &Visit) -> Result<Response, Fault> {
    if visit.role == Role::Authenticate {
        let query = visit.query()?;
        // Links here from elsewhere are signed; one that pretends to be is refused.
        let pretends = query.has(SIGNATURE) || query.has(REDIRECT_PARAMETER);
        if pretends {
            login::verify_signature(visit).map_err(|error| match error {
                // It stood on a page that was open for a while.
                SignedUrlError::Expired | SignedUrlError::NotYetValid => {
                    Fault::link_expired().retry_at(format!("{}/.pomerium/", visit.origin()))
                }
                _ => Fault::signature(),
            })?;
            let cookie = match query.get(REDIRECT_PARAMETER)? {
                Some(url) => Some(way_back::keep(visit, &visit.destination(url)?)),
                None => None,
            };
            return redirect(StatusCode::FOUND, "/.pomerium/", cookie);
        }
    }
    match visit.session().await? {
        Some(stored) => {
            let sessions = own_sessions::of(visit, &stored).await?;
            let way_back = way_back::of(visit);
            let host = visit.host.as_str();
            pages::user(visit.look(), &stored.session, host, sessions, way_back)
        }
        None => sign_in_first(visit).await,
    }
}

/// Sends whoever has no session here to the sign-in, and then back to this address.
pub(super) async fn sign_in_first(visit: &Visit) -> Result<Response, Fault> {
    // Another cookie beside ours would outlive the login, which would begin anew.
    if visit.cookie(visit.session_cookie_name()) == Found::Ambiguous {
        return Err(Fault::ambiguous_cookies());
    }
    if visit.role == Role::Authenticate && matches!(visit.path(), "/.pomerium" | "/.pomerium/") {
        return login::begin(visit, &Return::OwnPage).await;
    }
    start_login(visit)
}

/// The assertion's claims as JSON.
pub(super) async fn json(visit: &Visit) -> Result<Response, Fault> {
    let stored = visit.caller().await?.ok_or_else(Fault::login_required)?;
    let names = visit
        .settings()
        .jwt_claims_headers
        .iter()
        .map(|(_, claim)| claim.as_str());
    let claims = AssertionClaims::new(
        Some(&stored.session),
        visit.host.as_str(),
        visit.now,
        uuid::Uuid::nil(),
        names,
    );
    let claims = serde_json::to_value(&claims).map_err(|_| Fault::internal("claims are no json"))?;
    let Value::Object(mut claims) = claims else {
        return Err(Fault::internal("claims are no object"));
    };
    for name in LEFT_OUT {
        claims.remove(name);
    }
    Ok(axum::Json(claims).into_response())
}

/// The same first step that a Check answers with.
fn start_login(visit: &Visit) -> Result<Response, Fault> {
    if !visit.is_navigation() {
        return Err(Fault::login_required());
    }
    let binding = match visit.cookie(&visit.active.cookies.binding) {
        Found::One(value) => Some(value),
        Found::None | Found::Ambiguous => None,
    };
    let target = visit
        .parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let back = sign_in::return_to(&visit.host, Some(visit.port), target);
    let start = sign_in::start(
        &visit.active,
        &visit.host,
        &back,
        binding,
        visit.now,
        visit.server.random(),
    )
    .map_err(|error| match error {
        SignInError::NotConfigured | SignInError::Hosted | SignInError::NoProvider => Fault::not_configured(),
        SignInError::Random(_) | SignInError::Url => Fault::internal("a sign-in cannot be started"),
    })?;
    redirect(StatusCode::FOUND, &start.location, start.set_cookie)
}
