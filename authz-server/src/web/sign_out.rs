//! `/.pomerium/sign_out`: ends the session on all hosts, and at the identity
//! provider where it offers that.
//!
//! A page of another site must not be able to sign anybody out, so a sign-out
//! without a question needs either a request from our own page, or an address
//! signed for the very session that this browser has.

use std::sync::Arc;

use axum::response::Response;
use http::{Method, StatusCode};
use portcullis_session::handle::{self, Handle};
use portcullis_session::signed_url::{self, SIGNATURE, SignedUrlError};
use secrecy::ExposeSecret as _;
use url::Url;

use super::fault::Fault;
use super::login::verify_signature;
use super::pages;
use super::redirect;
use super::visit::{Role, Visit};
use crate::feed::authority;
use crate::sessions::StoredSession;

const PATH: &str = "/.pomerium/sign_out";
const SIGNED_OUT_PATH: &str = "/.pomerium/signed_out";
/// Names the session that a route host asks to end, sealed for the
/// authenticate host.
const SESSION_PARAMETER: &str = "portcullis_session";
/// Stands in for the cookie name when that is sealed: it opens as no cookie,
/// since no cookie can have this name.
const SEAL_NAME: &str = "sign_out=";

pub(super) async fn sign_out(visit: &Visit) -> Result<Response, Fault> {
    if visit.parts.method == Method::POST && visit.is_foreign() {
        return Err(Fault::cross_site());
    }
    match visit.role {
        Role::Authenticate => on_authenticate_host(visit).await,
        Role::Route | Role::Unknown => on_route_host(visit).await,
    }
}

async fn on_route_host(visit: &Visit) -> Result<Response, Fault> {
    let handle = visit.handle();
    let clear = visit.clear_cookie(&visit.active.cookies.session);
    let Some((host, port)) = visit.active.authenticate() else {
        if visit.is_foreign() {
            return Err(Fault::cross_site());
        }
        if let Some(handle) = handle {
            visit.server.sessions().revoke(handle.session_id).await?;
        }
        return with_cookies(pages::signed_out(visit.look())?, clear);
    };
    let mut url = Url::parse(&format!("https://{}{PATH}", authority(host.as_str(), port)))
        .map_err(|_| Fault::internal("the sign-out address cannot be built"))?;
    if visit.is_foreign() {
        // Changes nothing here; there the user is asked.
        return redirect(see_other(visit), url.as_str(), []);
    }
    if let Some(handle) = handle {
        let sealed = handle::seal(
            &handle,
            &visit.active.keys,
            SEAL_NAME,
            host.as_str(),
            visit.random()?,
        )
        .map_err(|_| Fault::internal("a session handle cannot be sealed"))?;
        url.query_pairs_mut().append_pair(SESSION_PARAMETER, &sealed);
    }
    let url = signed_url::sign(&visit.settings().keys.shared_secret, &url, visit.now);
    redirect(see_other(visit), url.as_str(), clear)
}

async fn on_authenticate_host(visit: &Visit) -> Result<Response, Fault> {
    let query = visit.query()?;
    let signed = if query.has(SIGNATURE) {
        match verify_signature(visit) {
            Ok(()) => true,
            // Too late to act without asking.
            Err(SignedUrlError::Expired | SignedUrlError::NotYetValid) => false,
            Err(_) => return Err(Fault::signature()),
        }
    } else {
        false
    };
    let own = visit.session().await?;
    let named = match query.get(SESSION_PARAMETER)?.filter(|_| signed) {
        Some(sealed) => named_session(visit, sealed).await?,
        None => None,
    };
    let asked_for = visit.parts.method == Method::POST
        || (signed
            && match (&own, &named) {
                (Some(own), Some(named)) => own.session.id == named.session.id,
                (Some(_), None) => !visit.is_foreign(),
                (None, _) => true,
            });
    match (&own, &named) {
        _ if asked_for => end(visit, own, named).await,
        (Some(own), _) => pages::confirm_sign_out(visit.look(), &own.session.email),
        (None, _) => redirect(see_other(visit), SIGNED_OUT_PATH, []),
    }
}

async fn named_session(visit: &Visit, sealed: &str) -> Result<Option<Arc<StoredSession>>, Fault> {
    match handle::open(&visit.active.keys, SEAL_NAME, visit.host.as_str(), sealed) {
        Ok(handle @ Handle { .. }) => visit.live_session(&handle).await,
        Err(_) => Ok(None),
    }
}

/// Deletes the sessions, takes the cookie back, and goes to the provider.
async fn end(
    visit: &Visit,
    own: Option<Arc<StoredSession>>,
    named: Option<Arc<StoredSession>>,
) -> Result<Response, Fault> {
    for stored in own.iter().chain(&named) {
        visit.server.sessions().revoke(stored.session.id).await?;
        tracing::info!(user_id = stored.session.user_id, "signed out");
    }
    let clear = visit.clear_cookie(&visit.active.cookies.authenticate);
    let elsewhere = match own.or(named) {
        Some(stored) => end_session_url(visit, &stored).await?,
        None => None,
    };
    let location = elsewhere.as_ref().map_or(SIGNED_OUT_PATH, Url::as_str);
    redirect(see_other(visit), location, clear)
}

/// Where the provider ends its own session. That it cannot be asked now must
/// not keep anybody from signing out here.
async fn end_session_url(visit: &Visit, stored: &StoredSession) -> Result<Option<Url>, Fault> {
    let Some(provider) = &visit.active.provider else {
        return Ok(None);
    };
    let back = Url::parse(&format!("{}{SIGNED_OUT_PATH}", visit.origin()))
        .map_err(|_| Fault::internal("the signed-out address cannot be built"))?;
    let hint = Some(&stored.session.id_token).filter(|token| !token.expose_secret().is_empty());
    match provider.end_session_url(hint, &back).await {
        Ok(url) => Ok(url),
        Err(error) => {
            tracing::warn!(%error, "the session at the identity provider could not be ended");
            Ok(None)
        }
    }
}

/// After a POST the browser must go on with GET.
fn see_other(visit: &Visit) -> StatusCode {
    if visit.parts.method == Method::POST {
        StatusCode::SEE_OTHER
    } else {
        StatusCode::FOUND
    }
}

fn with_cookies(mut response: Response, cookies: Vec<String>) -> Result<Response, Fault> {
    for cookie in cookies {
        let cookie = http::HeaderValue::try_from(cookie)
            .map_err(|_| Fault::internal("a cookie is no header value"))?;
        response.headers_mut().append(http::header::SET_COOKIE, cookie);
    }
    Ok(response)
}
