//! The sessions of whoever is signed in, on the user page, and their end.
//!
//! An id of a session is a secret of sorts, so that the page names each by a text
//! that only we can open; what it opens to is ended only for its own user.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use portcullis_session::handle::{self, Handle};
use portcullis_session::lifetime;

use super::fault::Fault;
use super::pages::OwnSession;
use super::redirect;
use super::visit::Visit;
use crate::sessions::StoredSession;

pub(super) const PATH: &str = "/.pomerium/sessions/end";
const PARAMETER: &str = "portcullis_session";
/// Sessions that a page lists.
const MAX_SHOWN: usize = 50;
/// Stands in for the cookie name when a session is named: it opens as no cookie.
const SEAL_NAME: &str = "own_session";

/// The user's live sessions that this server knows, the newest first; and how many
/// more there are than a page lists.
pub(super) fn of(visit: &Visit, own: &StoredSession) -> Result<(Vec<OwnSession>, usize), Fault> {
    let mut all = Vec::new();
    visit.server.sessions().for_each(|stored| {
        if is_of_same_user(stored, own) && lifetime::is_live(&stored.session, visit.now).is_ok() {
            all.push(Arc::clone(stored));
        }
    });
    all.sort_by_key(|stored| core::cmp::Reverse((stored.session.issued_at, stored.session.id.0)));
    let row = |stored: Arc<StoredSession>| {
        let session = &stored.session;
        let end = match session.id == own.session.id {
            true => None,
            false => Some(address(visit, &stored)?),
        };
        Ok(OwnSession {
            issued_at: session.issued_at,
            expires_at: session.expires_at,
            end,
        })
    };
    let more = all.len().saturating_sub(MAX_SHOWN);
    let shown = all
        .into_iter()
        .take(MAX_SHOWN)
        .map(row)
        .collect::<Result<_, Fault>>()?;
    Ok((shown, more))
}

/// `POST` [`PATH`]: ends one of them.
pub(super) async fn end(visit: &Visit) -> Result<Response, Fault> {
    if visit.is_foreign() {
        return Err(Fault::cross_site());
    }
    let own = visit.session().await?.ok_or_else(Fault::login_required)?;
    let query = visit.query()?;
    let sealed = query.require(PARAMETER)?;
    let handle = handle::open(&visit.active.keys, SEAL_NAME, visit.host.as_str(), sealed)
        .map_err(|_| Fault::session_unknown().retry_at(format!("{}/.pomerium/", visit.origin())))?;
    // One that has ended already is as good as ended now.
    if let Some(stored) = visit.server.sessions().get(handle.session_id).await? {
        if !is_of_same_user(&stored, &own) {
            return Err(Fault::session_unknown());
        }
        visit.server.sessions().revoke(handle.session_id).await?;
        tracing::info!(
            user_id = own.session.user_id,
            "ended another session of the same user"
        );
    }
    redirect(StatusCode::SEE_OTHER, "/.pomerium/", [])
}

fn is_of_same_user(stored: &StoredSession, own: &StoredSession) -> bool {
    stored.session.user_id == own.session.user_id && stored.session.provider_id == own.session.provider_id
}

fn address(visit: &Visit, stored: &StoredSession) -> Result<String, Fault> {
    let handle = Handle {
        session_id: stored.session.id,
        provider_id: stored.session.provider_id.clone(),
        issued_at: visit.now,
    };
    let host = visit.host.as_str();
    let sealed = handle::seal(&handle, &visit.active.keys, SEAL_NAME, host, visit.random()?)
        .map_err(|_| Fault::internal("a session handle cannot be sealed"))?;
    Ok(format!("{PATH}?{PARAMETER}={sealed}"))
}
