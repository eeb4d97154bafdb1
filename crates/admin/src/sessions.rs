//! Sessions listed, shown and ended, in bounded steps over the store.
//!
//! A step ends when it has found enough, looked at enough records, or has taken long
//! enough, and says where the next goes on. Sessions that begin meanwhile may be
//! missed. To end one is to delete its record: the store's change stream takes that to
//! every authz-server.

pub(crate) mod routes;
mod rows;
mod select;
mod walk;

use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use portcullis_model::SessionId;
use portcullis_session::log_name;
use portcullis_session::record::Session;
use portcullis_store::{KIND_SESSION, Store, StoreError};

use crate::fault::Fault;
use crate::protocol::{
    Details, ListAnswer, ListRequest, MAX_IDS, Refusal, RevokeAnswer, RevokeRequest, Row, Selection,
};
use walk::{Bounds, Found, Walk, get};

/// Bounds of each step.
const STEP: Bounds = Bounds {
    examined: 20_000,
    named: 500,
    time: Duration::from_secs(2),
};

/// The next of the sessions that are asked for.
///
/// # Errors
/// When the store does not answer.
pub async fn list(store: &dyn Store, now: Timestamp, asked: &ListRequest) -> Result<ListAnswer, Fault> {
    let bounds = Bounds {
        named: STEP.named.min(asked.limit),
        ..STEP
    };
    let mut walk = Walk::new(asked.after.clone(), bounds);
    let mut sessions = Vec::new();
    while !walk.is_full(sessions.len())
        && let Some(page) = walk.page(store).await?
    {
        for record in page {
            if walk.is_full(sessions.len()) {
                break;
            }
            if let Some(session) = walk.read(&record)
                && select::meets(&asked.selection, &session)
            {
                sessions.push(rows::row(&session, now));
            }
        }
    }
    Ok(ListAnswer {
        sessions,
        unreadable: walk.unreadable,
        next: walk.next,
    })
}

/// All that is known of the session `id`.
///
/// # Errors
/// When there is none, its record cannot be read, or the store does not answer.
pub async fn show(store: &dyn Store, now: Timestamp, id: SessionId) -> Result<Details, Fault> {
    match get(store, id).await? {
        Found::Session(session, version) => Ok(rows::details(&session, version, now)),
        Found::Unreadable => Err(Fault::new(
            StatusCode::NOT_FOUND,
            "unreadable",
            format!("the record of the session `{id}` cannot be read: nobody is let in by it"),
        )),
        Found::Nothing => Err(Fault::not_found(format!("there is no session `{id}`"))),
    }
}

/// Ends the next of the sessions that are asked for, on behalf of the user `uid`.
///
/// # Errors
/// When the request names none or contradicts itself, or the store does not answer at
/// the first of them; a later failure stands in the answer beside what was done.
pub async fn revoke(
    store: &dyn Store,
    now: Timestamp,
    asked: &RevokeRequest,
    uid: u32,
) -> Result<RevokeAnswer, Fault> {
    revoke_within(store, now, asked, uid, STEP).await
}

async fn revoke_within(
    store: &dyn Store,
    now: Timestamp,
    asked: &RevokeRequest,
    uid: u32,
    bounds: Bounds,
) -> Result<RevokeAnswer, Fault> {
    let names_some = !asked.ids.is_empty() || asked.selection != Selection::default();
    if asked.all == names_some {
        return Err(Fault::bad_request(
            "either a selection, or all sessions: one of the two must be said",
        ));
    }
    if asked.ids.len() > MAX_IDS {
        return Err(Fault::new(
            StatusCode::BAD_REQUEST,
            "too_large",
            format!("there are more than {MAX_IDS} ids in the request"),
        ));
    }
    let mut answer = RevokeAnswer::default();
    let mut ending = Ending {
        store,
        now,
        uid,
        dry_run: asked.dry_run,
    };
    let done = if asked.ids.is_empty() {
        ending.matching(asked, bounds, &mut answer).await
    } else {
        ending.named(asked, &mut answer).await
    };
    if let Err(error) = done {
        if answer == RevokeAnswer::default() {
            return Err(error.into());
        }
        let fault = Fault::from(error);
        answer.broke_off = Some(Refusal {
            code: fault.code().to_owned(),
            message: fault.to_string(),
        });
    }
    Ok(answer)
}

/// Sessions on their way out.
struct Ending<'a> {
    store: &'a dyn Store,
    now: Timestamp,
    uid: u32,
    dry_run: bool,
}

impl Ending<'_> {
    async fn matching(
        &mut self,
        asked: &RevokeRequest,
        bounds: Bounds,
        answer: &mut RevokeAnswer,
    ) -> Result<(), StoreError> {
        let mut walk = Walk::new(asked.after.clone(), bounds);
        let walked = async {
            while !walk.is_full(answer.revoked.len())
                && let Some(page) = walk.page(self.store).await?
            {
                for record in page {
                    if walk.is_full(answer.revoked.len()) {
                        break;
                    }
                    if let Some(session) = walk.read(&record)
                        && select::meets(&asked.selection, &session)
                    {
                        answer.revoked.push(self.end(&session).await?);
                    }
                }
            }
            Ok(())
        };
        let walked = walked.await;
        answer.unreadable = walk.unreadable;
        answer.next = walk.next.filter(|_| walked.is_ok());
        walked
    }

    async fn named(&mut self, asked: &RevokeRequest, answer: &mut RevokeAnswer) -> Result<(), StoreError> {
        let mut ids = asked.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            match get(self.store, id).await? {
                Found::Session(session, _) if select::meets(&asked.selection, &session) => {
                    answer.revoked.push(self.end(&session).await?);
                }
                Found::Session(..) => answer.unmet.push(id),
                Found::Unreadable => answer.unreadable += 1,
                Found::Nothing => answer.unknown.push(id),
            }
        }
        Ok(())
    }

    /// Ends `session`, and says so in the log.
    async fn end(&mut self, session: &Session) -> Result<Row, StoreError> {
        if !self.dry_run {
            self.store.delete(KIND_SESSION, &session.id.to_string()).await?;
            tracing::info!(
                user_id = session.user_id,
                session = log_name(session.id),
                uid = self.uid,
                "a session was revoked at the admin socket"
            );
        }
        Ok(rows::row(session, self.now))
    }
}

#[cfg(test)]
mod tests;
