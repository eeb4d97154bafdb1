//! `/.pomerium/sign_out`: ends the session on all hosts, and at the identity
//! provider where it offers that.
//!
//! A page of another site must not be able to sign anybody out, so a sign-out
//! without a question needs either a request that the browser says is a person's or
//! our own page's, or an address signed for the very session that this browser has.
//! A browser that does not say (it has no Fetch Metadata) is asked. What is no visit
//! by a person, by the browser's own word, is refused altogether.

use std::sync::Arc;

use axum::response::Response;
use http::Method;
use portcullis_session::cookies::Found;
use portcullis_session::handle::{self, Handle};
use portcullis_session::signed_url::{self, SIGNATURE, SignedUrlError};
use secrecy::ExposeSecret as _;
use url::Url;

use super::fault::Fault;
use super::login::verify_signature;
use super::pages;
use super::query::Query;
use super::visit::{Role, Visit};
use super::{redirect, with_cookies};
use crate::feed::authority;
use crate::initiator::Initiator;
use crate::sessions::StoredSession;
use crate::sign_in::REDIRECT_PARAMETER;

mod place;
pub(super) mod tokens;

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
    if !visit.is_visit() {
        return Err(Fault::not_a_navigation());
    }
    match visit.role {
        Role::Authenticate | Role::OneHost => on_authenticate_host(visit).await,
        Role::Route | Role::Unknown => on_route_host(visit).await,
    }
}

/// Whether whoever asks means it: the form of our own page, or a browser that says that
/// no page of another origin made the request. Of an image in a page of another site a
/// browser without Fetch Metadata says nothing at all.
fn is_meant(visit: &Visit) -> bool {
    visit.parts.method == Method::POST || matches!(visit.initiator(), Initiator::Person | Initiator::Own)
}

async fn on_route_host(visit: &Visit) -> Result<Response, Fault> {
    let query = visit.query()?;
    let place = place::wanted(visit, &query)?;
    let handle = visit.handle();
    let clear = visit.clear_cookie(&visit.active.cookies.session);
    let Some((host, port)) = visit.active.authenticate() else {
        if visit.is_foreign() {
            return Err(Fault::cross_site());
        }
        if !is_meant(visit)
            && let Some(stored) = visit.session().await?
        {
            let action = action(visit, &query, None)?;
            return pages::confirm_sign_out(visit.look(), &stored.session.email, &action);
        }
        if let Some(handle) = handle
            && let Err(error) = visit.server.sessions().revoke(handle.session_id).await
        {
            return Err(Fault::from(error).with_cookies(clear));
        }
        return match place {
            Some(place) => redirect(visit.see_other(), place.as_str(), clear),
            None => with_cookies(pages::signed_out(visit.look())?, clear),
        };
    };
    let mut url = Url::parse(&format!("https://{}{PATH}", authority(host.as_str(), port)))
        .map_err(|_| Fault::internal("the sign-out address cannot be built"))?;
    if let Some(place) = &place {
        url.query_pairs_mut()
            .append_pair(REDIRECT_PARAMETER, place.as_str());
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
    if !is_meant(visit) {
        // Changes nothing here; there the user is asked.
        return redirect(visit.see_other(), url.as_str(), []);
    }
    let url = signed_url::sign(&visit.settings().keys.shared_secret, &url, visit.now);
    redirect(visit.see_other(), url.as_str(), clear)
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
    let sealed = query.get(SESSION_PARAMETER)?;
    let named = match sealed {
        Some(sealed) => named_session(visit, sealed).await?,
        None => None,
    };
    let asked_for = visit.parts.method == Method::POST
        || (signed
            && match (&own, &named) {
                (Some(own), Some(named)) => own.session.id == named.session.id,
                (Some(_), None) => is_meant(visit),
                (None, _) => true,
            });
    let place = place::wanted(visit, &query)?;
    if asked_for {
        return end(visit, own, named, place).await;
    }
    match own.as_ref().or(named.as_ref()) {
        Some(stored) => {
            let sealed = sealed.filter(|_| named.is_some());
            let action = action(visit, &query, sealed)?;
            pages::confirm_sign_out(visit.look(), &stored.session.email, &action)
        }
        None => {
            let location = place.as_ref().map_or(SIGNED_OUT_PATH, Url::as_str);
            redirect(visit.see_other(), location, dead_cookies(visit))
        }
    }
}

/// Where the answer to the question goes: what the query may name, a place or the
/// session of the host that was left (sealed, so that nobody but us has written it), is
/// named again.
fn action(visit: &Visit, query: &Query<'_>, sealed: Option<&str>) -> Result<String, Fault> {
    let mut named = url::form_urlencoded::Serializer::new(String::new());
    if let Some(place) = place::named(visit, query)? {
        named.append_pair(REDIRECT_PARAMETER, place.as_str());
    }
    if let Some(sealed) = sealed {
        named.append_pair(SESSION_PARAMETER, sealed);
    }
    let named = named.finish();
    Ok(match named.is_empty() {
        true => PATH.to_owned(),
        false => format!("{PATH}?{named}"),
    })
}

async fn named_session(visit: &Visit, sealed: &str) -> Result<Option<Arc<StoredSession>>, Fault> {
    match handle::open(&visit.active.keys, SEAL_NAME, visit.host.as_str(), sealed) {
        Ok(handle @ Handle { .. }) => visit.live_session(&handle).await,
        Err(_) => Ok(None),
    }
}

/// Deletes the sessions, takes the cookies back, and goes to the provider. Where the
/// session is gone already, whoever asked is still signed out there.
async fn end(
    visit: &Visit,
    own: Option<Arc<StoredSession>>,
    named: Option<Arc<StoredSession>>,
    place: Option<Url>,
) -> Result<Response, Fault> {
    let other = named.as_ref().filter(|named| {
        let own = own.as_ref();
        own.is_none_or(|own| own.session.id != named.session.id)
    });
    let mut failed = None;
    for stored in own.iter().chain(other) {
        if let Err(error) = visit.server.sessions().revoke(stored.session.id).await {
            failed.get_or_insert(error);
        }
        tokens::revoke(visit, stored);
        tracing::info!(user_id = stored.session.user_id, "signed out");
    }
    // This server lets nobody in with them any more, and tells the store later. That
    // others may is for the user to know, whose browser forgets them in any case.
    if let Some(error) = failed {
        return Err(Fault::from(error).with_cookies(clear_cookies(visit)));
    }
    let elsewhere = end_session_url(visit, own.or(named).as_deref(), place.as_ref()).await?;
    let location = elsewhere.or(place);
    let location = location.as_ref().map_or(SIGNED_OUT_PATH, Url::as_str);
    redirect(visit.see_other(), location, clear_cookies(visit))
}

/// Takes back what this host has set, and what this browser also shows to
/// it of the routes' cookie.
fn clear_cookies(visit: &Visit) -> Vec<String> {
    let names = &visit.active.cookies;
    let own = visit.session_cookie_name();
    let mut clear = visit.clear_cookie(own);
    if own != names.session && visit.cookie_attributes(&names.session).domain.is_some() {
        clear.extend(visit.clear_cookie(&names.session));
    }
    clear
}

/// The same where no session was asked to end: only what came and is worth nothing.
fn dead_cookies(visit: &Visit) -> Vec<String> {
    match visit.cookie(visit.session_cookie_name()) {
        Found::None => Vec::new(),
        Found::One(_) | Found::Ambiguous => clear_cookies(visit),
    }
}

/// Where the provider ends its own session, and sends the browser to `place` or our
/// own page afterwards. That it cannot be asked now must not keep anybody from
/// signing out here.
async fn end_session_url(
    visit: &Visit,
    stored: Option<&StoredSession>,
    place: Option<&Url>,
) -> Result<Option<Url>, Fault> {
    let Some(provider) = &visit.active.provider else {
        return Ok(None);
    };
    let own_page = Url::parse(&format!("{}{SIGNED_OUT_PATH}", visit.origin()))
        .map_err(|_| Fault::internal("the signed-out address cannot be built"))?;
    let hint = stored
        .map(|stored| &stored.session.id_token)
        .filter(|token| !token.expose_secret().is_empty());
    match provider.end_session_url(hint, place.unwrap_or(&own_page)).await {
        Ok(url) => Ok(url),
        Err(error) => {
            tracing::warn!(%error, "the session at the identity provider could not be ended");
            Ok(None)
        }
    }
}
