//! The authenticate host: sign-in, the way to the identity provider and back.
//!
//! Nothing is kept for a login under way: what must be remembered travels
//! sealed in `state`, the PKCE verifier and the nonce derive from it, our key
//! and the browser's csrf cookie.

use std::sync::Arc;

use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use portcullis_bundle::SameSite;
use portcullis_idp::Identity;
use portcullis_model::SessionId;
use portcullis_session::browser::turns::{self, Turn};
use portcullis_session::cookies::{Attributes, Found};
use portcullis_session::handle::{self, Handle};
use portcullis_session::record::Session;
use portcullis_session::signed_url::{self, SignedUrlError};
use portcullis_session::transaction::{self, Callback, State, TransactionError};
use portcullis_session::{Purpose, browser, cookies, lifetime, refresh};
use url::Url;

use super::destination::Destination;
use super::fault::Fault;
use super::visit::Visit;
use super::{redirect, with_cookies};
use crate::sessions::StoredSession;
use crate::sign_in::{self, PROVIDER_PARAMETER, REDIRECT_PARAMETER};

mod target;

pub(super) use target::Return;

/// The path on a route host that takes the session.
pub(super) const CALLBACK_PATH: &str = "/.pomerium/callback/";
/// Its parameter.
pub(super) const CALLBACK_PARAMETER: &str = "portcullis_callback";

/// `/.pomerium/sign_in`: to the route host with a session, else to the provider.
pub(super) async fn sign_in(visit: &Visit) -> Result<Response, Fault> {
    let posted = visit.parts.method == Method::POST;
    if posted && visit.is_foreign() {
        return Err(Fault::cross_site());
    }
    let query = visit.query()?;
    let verified = verify_signature(visit);
    if !matches!(
        verified,
        Ok(()) | Err(SignedUrlError::Expired | SignedUrlError::NotYetValid)
    ) {
        return Err(Fault::signature());
    }
    // The signature fits, so everything is as we wrote it.
    let target = Return::asked_for(visit, &query)?;
    // The answer to our question about a program; nothing else is posted here.
    if posted && !matches!(target, Return::Program(_)) {
        return Err(Fault::method_not_allowed("GET, HEAD"));
    }
    let expired = || match target.again(visit) {
        Ok(again) => Fault::link_expired().retry_at(again),
        Err(fault) => fault,
    };
    if verified.is_err() {
        return Err(expired());
    }
    let provider = visit
        .settings()
        .provider
        .as_ref()
        .ok_or_else(Fault::not_configured)?;
    if query.require(PROVIDER_PARAMETER)? != provider.id {
        return Err(expired());
    }
    match visit.session().await? {
        // Nobody would see where an image or a script was sent on to.
        Some(_) if posted && !visit.is_visit() => Err(Fault::login_required()),
        Some(_) if matches!(target, Return::Program(_)) && !posted && !visit.is_navigation() => {
            Err(Fault::login_required())
        }
        Some(stored) => deliver(visit, &target, &stored.session, None),
        None if posted => redirect(StatusCode::SEE_OTHER, visit.url()?.as_str(), []),
        None => begin(visit, &target).await,
    }
}

/// Whether this request's URL carries our signature.
pub(super) fn verify_signature(visit: &Visit) -> Result<(), SignedUrlError> {
    let url = visit.url().map_err(|_| SignedUrlError::Signature)?;
    signed_url::verify(&visit.settings().keys.shared_secret, &url, visit.now)
}

/// Sends the browser to the identity provider.
pub(super) async fn begin(visit: &Visit, target: &Return) -> Result<Response, Fault> {
    if !visit.is_navigation() {
        return Err(Fault::login_required());
    }
    let provider = visit.provider()?;
    // Before the user has gone through the provider's pages for nothing.
    visit.server.sessions().can_keep()?;
    let provider_id = visit
        .settings()
        .provider
        .as_ref()
        .map(|provider| provider.id.clone());
    let ring = &visit.active.keys;
    let host = visit.host.as_str();
    let name = &visit.active.cookies.csrf;
    let (csrf, set) = match visit.cookie(name) {
        // Kept for all tabs: a second login must not make the first one's answer foreign.
        Found::One(value) if browser::verify(ring, Purpose::Csrf, host, value).is_ok() => {
            let set = sign_in::is_aging(value, cookies::CSRF_MAX_AGE, visit.now);
            (value.to_owned(), set)
        }
        _ => {
            let seed = browser::seed(visit.now, visit.random()?);
            (browser::issue(ring, Purpose::Csrf, host, seed), true)
        }
    };
    let state = State {
        return_to: target.write(),
        issued_at: visit.now,
        provider_id: provider_id.ok_or_else(Fault::not_configured)?,
        seed: visit.random()?,
    };
    let state = state
        .seal(ring, host, &csrf, visit.random()?)
        .map_err(|_| Fault::internal("a state cannot be sealed"))?;
    let nonce = transaction::nonce(ring, host, &state, &csrf);
    let verifier = transaction::pkce_verifier(ring, host, &state, &csrf);
    let url = provider.authorize_url(&state, &nonce, &verifier).await?;
    let cookie = set.then(|| cookies::set_csrf(name, &csrf, visit.now));
    redirect(StatusCode::FOUND, url.as_str(), cookie)
}

/// `/oauth2/callback`: what the provider answered, by way of the browser.
pub(super) async fn provider_callback(visit: &Visit) -> Result<Response, Fault> {
    let own_page = format!("{}/.pomerium/", visit.origin());
    let query = visit.query()?;
    let (code, error, issuer) = (query.get("code")?, query.get("error")?, query.get("iss")?);
    let text = query
        .get("state")?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Fault::state_invalid().retry_at(&own_page))?;
    let ring = &visit.active.keys;
    let host = visit.host.as_str();
    let anew = || Return::begun_at(text, visit).unwrap_or_else(|| own_page.clone());
    let csrf = match visit.cookie(&visit.active.cookies.csrf) {
        Found::One(value) => value,
        Found::None => return Err(Fault::other_browser().retry_at(anew())),
        Found::Ambiguous => return Err(Fault::ambiguous_cookies().retry_at(anew())),
    };
    let state = State::open(ring, host, text, csrf, visit.now).map_err(|error| {
        match error {
            TransactionError::Invalid => Fault::state_invalid(),
            TransactionError::Expired => Fault::login_expired(),
            TransactionError::OtherBrowser => Fault::other_browser(),
            TransactionError::Overtaken => Fault::other_browser().by_itself(),
        }
        .retry_at(anew())
    })?;
    let target = Return::read(&state.return_to, visit)?;
    let again = target.again(visit)?;
    let settings = visit
        .settings()
        .provider
        .as_ref()
        .ok_or_else(Fault::not_configured)?;
    let provider = visit.provider()?;
    // Another provider's answer (RFC 9207), or settings that have changed since.
    if state.provider_id != settings.id || issuer.is_some_and(|issuer| issuer != settings.issuer_url) {
        return Err(Fault::state_invalid().retry_at(again));
    }
    if let Some(error) = error {
        return Err(Fault::provider_error(error).retry_at(again));
    }
    let code = code
        .filter(|code| !code.is_empty())
        .ok_or_else(Fault::missing_parameter)?;
    let nonce = transaction::nonce(ring, host, text, csrf);
    let verifier = transaction::pkce_verifier(ring, host, text, csrf);
    let identity = provider
        .exchange(code, &nonce, &verifier)
        .await
        .map_err(|error| Fault::from(error).retry_at(&again))?;
    // Another tab of this browser finished a login of the same user since this one
    // began: both go on with that session, else each tab would end the one before.
    if let Some(stored) = visit.session().await? {
        let session = &stored.session;
        if session.user_id == identity.user_id && session.issued_at >= state.issued_at {
            return deliver(visit, &target, session, None);
        }
    }
    // Before anything is kept. Where the login was for another host, its callback counts.
    let place = match &target {
        Return::OwnPage => Some(again),
        Return::Route { destination, .. } => target.is_here(visit).then(|| end(visit, destination)),
        Return::Program(_) => None,
    };
    let counted = place
        .map(|place| turn(visit, Purpose::Csrf, csrf, &place, visit.handle().is_none()))
        .transpose()?;
    let stored = replace_session(visit, new_session(visit, identity, settings.id.clone())?).await?;
    let session = &stored.session;
    tracing::info!(
        user_id = session.user_id,
        provider_id = session.provider_id,
        "signed in"
    );
    let name = visit.session_cookie_name();
    let mut cookies = session_cookie(visit, name, session.id, session.expires_at)?;
    cookies.extend(counted);
    deliver(visit, &target, session, Some(cookies))
}

/// Counts that this browser is sent on to `place` with its session, where it came
/// without one (`lost`) or with; the `Set-Cookie` that remembers it.
///
/// A browser that does not keep the session comes back at once, and the redirects
/// would go round without end: the third such turn within a minute is refused.
pub(super) fn turn(
    visit: &Visit,
    purpose: Purpose,
    cookie: &str,
    place: &str,
    lost: bool,
) -> Result<String, Fault> {
    let ring = &visit.active.keys;
    match turns::turn(ring, purpose, visit.host.as_str(), cookie, place, lost, visit.now) {
        Turn::Onward(value) if purpose == Purpose::Csrf => {
            Ok(cookies::set_csrf(&visit.active.cookies.csrf, &value, visit.now))
        }
        Turn::Onward(value) => Ok(cookies::set_binding(
            &visit.active.cookies.binding,
            &value,
            visit.now,
        )),
        Turn::Circle => {
            tracing::warn!(host = visit.host.as_str(), "a browser goes round in circles");
            Err(Fault::redirect_loop().retry_at(place))
        }
    }
}

/// Where a login for `destination` leads in the end. The way through further hosts
/// has another address in each second, by its signature: turns on it are those to
/// the page behind it.
pub(super) fn end(visit: &Visit, destination: &Destination) -> String {
    let url = destination.url();
    let behind = (url.path() == sign_in::DEPENDS_ON_PATH)
        .then(|| url.query_pairs().find(|(name, _)| name == REDIRECT_PARAMETER))
        .flatten()
        .and_then(|(_, url)| visit.destination(&url).ok());
    behind.as_ref().unwrap_or(destination).url().to_string()
}

/// Keeps the session in place of the one that this browser has here: whoever
/// held the old cookie must not gain by this login, nor keep half of it.
async fn replace_session(visit: &Visit, session: Session) -> Result<Arc<StoredSession>, Fault> {
    // It would send the browser round in circles between us and the provider.
    lifetime::is_live(&session, visit.now).map_err(|_| Fault::stillborn())?;
    // The new one first: where it cannot be kept, the old one serves on.
    let stored = visit.server.sessions().insert(session).await?;
    if let Some(old) = visit.handle() {
        visit.server.sessions().revoke(old.session_id).await?;
    }
    Ok(stored)
}

/// The record of a login that has just succeeded, always under a new id.
fn new_session(visit: &Visit, identity: Identity, provider_id: String) -> Result<Session, Fault> {
    let Identity {
        user_id,
        email,
        name,
        claims,
        id_token,
        access_token,
        refresh_token,
        access_token_expires_in,
    } = identity;
    let later = |span| visit.now.saturating_add(span).unwrap_or(Timestamp::MAX);
    let span = |span| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    let id_token_expires_at = refresh::id_token_expiry(&claims);
    Ok(Session {
        id: SessionId(uuid::Builder::from_random_bytes(visit.random()?).into_uuid()),
        user_id,
        email,
        name,
        provider_id,
        claims,
        issued_at: visit.now,
        expires_at: later(span(visit.settings().cookie.expire)),
        id_token,
        access_token,
        refresh_token,
        access_token_expires_at: access_token_expires_in.map(|expires_in| later(span(expires_in))),
        id_token_expires_at,
        progress: refresh::Progress::default(),
    })
}

/// The `Set-Cookie` values of a session cookie for this host.
pub(super) fn session_cookie(
    visit: &Visit,
    name: &str,
    session_id: SessionId,
    expires_at: Timestamp,
) -> Result<Vec<String>, Fault> {
    let provider = visit
        .settings()
        .provider
        .as_ref()
        .ok_or_else(Fault::not_configured)?;
    let handle = Handle {
        session_id,
        provider_id: provider.id.clone(),
        issued_at: visit.now,
    };
    let scope = visit.cookie_scope(name);
    let value = handle::seal(&handle, &visit.active.keys, name, scope, visit.random()?)
        .map_err(|_| Fault::internal("a session handle cannot be sealed"))?;
    let attributes = visit.cookie_attributes(name);
    let set = cookies::set_session(name, &value, &attributes, expires_at, visit.now);
    // One of the host alone, from before there was a domain, would stand beside it.
    let mut all = match attributes.domain {
        Some(_) => vec![cookies::clear(
            name,
            &Attributes {
                domain: None,
                ..attributes
            },
        )],
        None => Vec::new(),
    };
    all.push(set);
    Ok(all)
}

/// Sends the browser on with its session.
fn deliver(
    visit: &Visit,
    target: &Return,
    session: &Session,
    cookie: Option<Vec<String>>,
) -> Result<Response, Fault> {
    let location = match target {
        Return::OwnPage => format!("{}/.pomerium/", visit.origin()),
        // The session of this host is the cookie that it has already.
        Return::Route { destination, .. } if *destination.host() == visit.host => {
            destination.url().to_string()
        }
        Return::Route { destination, binding } => {
            callback_url(visit, destination, binding, session.id)?.into()
        }
        Return::Program(program) if program.asks() => {
            return with_cookies(program.question(visit, session)?, cookie.unwrap_or_default());
        }
        Return::Program(program) => program.delivery(visit, session)?,
    };
    match cookie {
        Some(cookies) => onward(visit, &location, cookies),
        None => redirect(visit.see_other(), &location, []),
    }
}

/// Sends the browser on with the session cookies that it has just got.
///
/// A `Strict` cookie is not sent on a redirect that the identity provider's page
/// began, and the login would begin anew without end: the way on then starts at
/// a page of this host.
pub(super) fn onward(visit: &Visit, location: &str, cookies: Vec<String>) -> Result<Response, Fault> {
    if visit.settings().cookie.same_site != SameSite::Strict {
        return redirect(StatusCode::FOUND, location, cookies);
    }
    let mut response = redirect(StatusCode::OK, location, cookies)?;
    let headers = response.headers_mut();
    if let Some(location) = headers.remove(header::LOCATION) {
        let refresh = [b"0;url=", location.as_bytes()].concat();
        let refresh = HeaderValue::from_bytes(&refresh)
            .map_err(|_| Fault::internal("a location is no header value"))?;
        headers.insert(header::REFRESH, refresh);
    }
    Ok(response)
}

fn callback_url(
    visit: &Visit,
    destination: &Destination,
    binding: &str,
    session_id: SessionId,
) -> Result<Url, Fault> {
    let provider = visit
        .settings()
        .provider
        .as_ref()
        .ok_or_else(Fault::not_configured)?;
    let token = Callback {
        session_id,
        provider_id: provider.id.clone(),
        redirect: destination.url().to_string(),
        issued_at: visit.now,
    }
    .seal(
        &visit.active.keys,
        destination.host().as_str(),
        binding,
        visit.random()?,
    )
    .map_err(|_| Fault::internal("a callback token cannot be sealed"))?;
    let mut url = Url::parse(&format!("https://{}{CALLBACK_PATH}", destination.authority()))
        .map_err(|_| Fault::internal("a callback address cannot be built"))?;
    url.query_pairs_mut().append_pair(CALLBACK_PARAMETER, &token);
    Ok(url)
}
