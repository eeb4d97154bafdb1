//! `/.pomerium/callback/` on a route host: takes the session that the
//! authenticate host has just vouched for, in the browser that began the login
//! here and in no other.

use axum::response::Response;
use portcullis_session::cookies::Found;
use portcullis_session::handle::Handle;
use portcullis_session::transaction::{Callback, TransactionError};

use super::fault::Fault;
use super::login::{CALLBACK_PARAMETER, onward, session_cookie};
use super::visit::Visit;

pub(super) async fn callback(visit: &Visit) -> Result<Response, Fault> {
    let start = format!("{}/", visit.origin());
    let query = visit.query()?;
    let token = query.require(CALLBACK_PARAMETER)?;
    let names = &visit.active.cookies;
    let binding = match visit.cookie(&names.binding) {
        Found::One(value) => value,
        Found::None => return Err(Fault::other_browser().retry_at(start)),
        Found::Ambiguous => return Err(Fault::ambiguous_cookies()),
    };
    let callback = Callback::open(&visit.active.keys, visit.host.as_str(), token, binding, visit.now)
        .map_err(|error| match error {
            TransactionError::Invalid => Fault::token_invalid(),
            TransactionError::Expired => Fault::link_expired(),
            TransactionError::OtherBrowser => Fault::other_browser(),
        })
        .map_err(|fault| fault.retry_at(&start))?;
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
        .ok_or_else(|| Fault::link_expired().retry_at(start))?;
    // The binding cookie stays for the logins of other tabs; it is worth nothing
    // without a token that was made for it.
    let cookies = session_cookie(visit, &names.session, session_id, stored.session.expires_at)?;
    onward(visit, destination.url().as_str(), cookies)
}
