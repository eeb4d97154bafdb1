//! `/.pomerium/callback/` on a route host: takes the session that the
//! authenticate host has just vouched for, in the browser that began the login
//! here and in no other.

use axum::response::Response;
use portcullis_session::Purpose;
use portcullis_session::cookies::Found;
use portcullis_session::handle::Handle;
use portcullis_session::transaction::{Callback, TransactionError};

use super::fault::Fault;
use super::login::{CALLBACK_PARAMETER, end, onward, session_cookie, turn};
use super::visit::Visit;

pub(super) async fn callback(visit: &Visit) -> Result<Response, Fault> {
    let start = format!("{}/", visit.origin());
    let query = visit.query()?;
    let token = query.require(CALLBACK_PARAMETER)?;
    let names = &visit.active.cookies;
    let ring = &visit.active.keys;
    let anew = || {
        Callback::peek_redirect(ring, visit.host.as_str(), token)
            .and_then(|url| visit.destination(&url).ok())
            .filter(|destination| *destination.host() == visit.host)
            .map_or_else(|| start.clone(), |destination| destination.url().to_string())
    };
    let binding = match visit.cookie(&names.binding) {
        Found::One(value) => value,
        Found::None => return Err(Fault::other_browser().retry_at(anew())),
        Found::Ambiguous => return Err(Fault::ambiguous_cookies().retry_at(anew())),
    };
    let callback = Callback::open(ring, visit.host.as_str(), token, binding, visit.now)
        .map_err(|error| match error {
            TransactionError::Invalid => Fault::token_invalid(),
            TransactionError::Expired => Fault::link_expired(),
            TransactionError::OtherBrowser => Fault::other_browser(),
            TransactionError::Overtaken => Fault::other_browser().by_itself(),
        })
        .map_err(|fault| fault.retry_at(anew()))?;
    let destination = visit.destination(&callback.redirect)?;
    if *destination.host() != visit.host {
        return Err(Fault::bad_redirect());
    }
    // Our new cookie would stand beside a foreign one, the next request would be
    // anonymous again, and the browser would go round in circles.
    if visit.cookie(&names.session) == Found::Ambiguous {
        return Err(Fault::ambiguous_cookies());
    }
    let Callback {
        session_id,
        provider_id,
        redirect: _,
        issued_at,
    } = callback;
    let handle = Handle {
        session_id,
        provider_id,
        issued_at,
    };
    // None when signed out since, or when the provider's settings have changed.
    let stored = visit
        .live_session(&handle)
        .await?
        .ok_or_else(|| Fault::link_expired().retry_at(anew()))?;
    let lost = visit.session().await?.is_none();
    let counted = turn(visit, Purpose::Binding, binding, &end(visit, &destination), lost)?;
    // The binding cookie stays for the logins of other tabs; it is worth nothing
    // without a token that was made for it.
    let mut cookies = session_cookie(visit, &names.session, session_id, stored.session.expires_at)?;
    cookies.push(counted);
    onward(visit, destination.url().as_str(), cookies)
}
