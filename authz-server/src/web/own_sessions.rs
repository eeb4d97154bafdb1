//! The sessions of whoever is signed in, on the user page, and their end.
//!
//! An id of a session is a secret of sorts, so that the page names each by a text
//! that only we can open; what it opens to is ended only for its own user.

use core::hash::{Hash as _, Hasher as _};
use core::time::Duration;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use portcullis_model::SessionId;
use portcullis_session::handle::{self, Handle};
use portcullis_session::lifetime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;
use super::pages::OwnSession;
use super::redirect;
use super::sign_out::tokens;
use super::visit::Visit;
use crate::sessions::StoredSession;

pub(super) const PATH: &str = "/.pomerium/sessions/end";
const PARAMETER: &str = "portcullis_session";
/// Sessions that a page lists.
const MAX_SHOWN: usize = 50;
/// Stands in for the cookie name when a session is named: it opens as no cookie,
/// since no cookie can have this name.
const SEAL_NAME: &str = "own_session=";

/// How long a page waits for its turn; then it comes without the list.
const PATIENCE: Duration = Duration::from_secs(1);

/// Each user has one of these turns: of one user one page at a time looks through the
/// sessions of all, and nobody keeps more than a few processors busy with that.
pub(crate) struct Turns([Arc<Semaphore>; 16]);

impl Default for Turns {
    fn default() -> Self {
        Self(core::array::from_fn(|_| Arc::new(Semaphore::new(1))))
    }
}

impl Turns {
    /// Waits until this user may look through the sessions; `None` where others are at
    /// it for too long.
    async fn take(&self, user_id: &str) -> Option<OwnedSemaphorePermit> {
        let mut hasher = DefaultHasher::new();
        user_id.hash(&mut hasher);
        let [.., last] = hasher.finish().to_be_bytes();
        let turns = self.0.get(usize::from(last) % self.0.len())?;
        let turn = Arc::clone(turns).acquire_owned();
        tokio::time::timeout(PATIENCE, turn).await.ok()?.ok()
    }

    /// Every turn there is.
    #[cfg(test)]
    pub(super) fn take_all(&self) -> Vec<OwnedSemaphorePermit> {
        let all = self.0.iter().map(|turns| Arc::clone(turns).try_acquire_owned());
        all.collect::<Result<_, _>>().unwrap()
    }
}

/// The user's live sessions that this server knows, the newest first, and how many
/// more there are than a page lists; `None` where there is no saying now.
pub(super) async fn of(
    visit: &Visit,
    own: &Arc<StoredSession>,
) -> Result<Option<(Vec<OwnSession>, usize)>, Fault> {
    let Some(turn) = visit.server.turns().take(&own.session.user_id).await else {
        return Ok(None);
    };
    let (server, own_too, now) = (Arc::clone(&visit.server), Arc::clone(own), visit.now);
    // There may be a million sessions; who waits for a Check must not wait for this.
    let found = tokio::task::spawn_blocking(move || {
        // Until the walk has ended, even where nobody waits for it any more.
        let _turn = turn;
        let mut found = Newest::default();
        server.sessions().for_each(|stored| {
            if is_of_same_user(stored, &own_too) && lifetime::is_live(&stored.session, now).is_ok() {
                found.add(stored);
            }
        });
        found
    });
    let Newest { shown, more } = found
        .await
        .map_err(|_| Fault::internal("the sessions cannot be looked through"))?;
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
    let shown = shown.into_values().rev().map(row).collect::<Result<_, Fault>>()?;
    Ok(Some((shown, more)))
}

/// The newest sessions, as many as a page lists, and how many more there are.
#[derive(Default)]
struct Newest {
    shown: BTreeMap<(Timestamp, SessionId), Arc<StoredSession>>,
    more: usize,
}

impl Newest {
    fn add(&mut self, stored: &Arc<StoredSession>) {
        let session = &stored.session;
        self.shown
            .insert((session.issued_at, session.id), Arc::clone(stored));
        if self.shown.len() > MAX_SHOWN {
            self.shown.pop_first();
            self.more += 1;
        }
    }
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
        tokens::revoke(visit, &stored);
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
