//! New tokens for one session.

use std::sync::Arc;

use core::pin::pin;
use core::time::Duration;
use jiff::{SignedDuration, Timestamp};
use portcullis_idp::{IdpError, Provider, Refreshed};
use portcullis_model::SessionId;
use portcullis_session::lifetime;
use portcullis_session::record::Session;
use portcullis_session::refresh::{self, Profile, Renewed};
use secrecy::SecretString;

use super::{Outcome, UNWRITTEN, later};
use crate::clock::random_bytes;
use crate::sessions::{StoredSession, Unreplaced};
use crate::state::AuthzServer;

/// Between two attempts to write what the provider answered.
const WRITE_PAUSE: Duration = Duration::from_millis(500);
/// How much of a lease may be over when the provider is asked: its answer, after at
/// most 24 s, must come before the end.
const LATE: SignedDuration = SignedDuration::from_secs(5);

/// Renews the tokens of the session `id`, if they are still due and nobody else
/// is at it.
pub(super) async fn refresh(server: &AuthzServer, id: SessionId) -> Outcome {
    let outcome = try_refresh(server, id, false).await;
    server.refresher().outcomes.add(outcome);
    let until = later(server.clock().now(), refresh::COOL_OFF);
    server.refresher().rest(id, until);
    outcome
}

/// The same though the tokens are not due yet: the provider has refused the one
/// that we hold.
pub(super) async fn refresh_now(server: &AuthzServer, id: SessionId) -> Outcome {
    let outcome = try_refresh(server, id, true).await;
    server.refresher().outcomes.add(outcome);
    outcome
}

async fn try_refresh(server: &AuthzServer, id: SessionId, at_once: bool) -> Outcome {
    let stored = match server.sessions().get(id).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Outcome::Overtaken,
        Err(_) => return Outcome::StoreUnavailable,
    };
    let now = server.clock().now();
    let is_due = stored.refresh_at.is_some_and(|due| due <= now);
    let is_free = stored.session.progress.lease.is_none();
    if !(is_due || at_once && is_free) || lifetime::is_live(&stored.session, now).is_err() {
        return Outcome::Overtaken;
    }
    let Some((provider, spent)) = provider_of(server, &stored.session) else {
        return Outcome::Overtaken;
    };
    let Ok(holder) = random_bytes(server.random()) else {
        return Outcome::StoreUnavailable;
    };
    let holder = uuid::Builder::from_random_bytes(holder).into_uuid();
    let leased = refresh::leased(&stored.session, holder, now);
    let leased = match server.sessions().replace(&stored, leased).await {
        Ok(leased) => leased,
        Err(Unreplaced::Changed) => return Outcome::Overtaken,
        Err(error @ (Unreplaced::Record(_) | Unreplaced::Unavailable(_))) => {
            tracing::warn!(%error, session = stored.log_name, "a session is not refreshed, it is tried again");
            return Outcome::StoreUnavailable;
        }
    };
    if server.clock().now().duration_since(now) > LATE {
        // The store took its time, and the answer might come after the lease.
        return note_failure(server, leased, &spent, Outcome::StoreUnavailable).await;
    }
    let asked = server.clock().now();
    let (answer, leased) = {
        let session = &stored.session;
        let answer = provider.refresh(&spent, &session.id_token, &session.user_id);
        holding(server, leased, answer).await
    };
    match answer {
        Ok(answer) => {
            let outcome = answer.person.as_ref().err().map_or(Outcome::Refreshed, failure);
            keep(
                server,
                &provider,
                leased,
                &spent,
                &renewed(answer, asked),
                outcome,
            )
            .await
        }
        Err(error @ (IdpError::Refused { .. } | IdpError::OtherUser)) => {
            end_if(server, leased, Some(&spent), &error.to_string()).await
        }
        Err(error) => {
            tracing::warn!(%error, session = stored.log_name, "a session could not be refreshed, it is tried again");
            note_failure(server, leased, &spent, failure(&error)).await
        }
    }
}

/// What an answer that is no final word counts as.
fn failure(error: &IdpError) -> Outcome {
    match error {
        IdpError::Unavailable { .. } => Outcome::Unavailable,
        _ => Outcome::Invalid,
    }
}

/// The provider of a session and the token to spend there.
fn provider_of(server: &AuthzServer, session: &Session) -> Option<(Arc<Provider>, SecretString)> {
    let active = server.feed().active()?;
    let configured = active.settings().provider.as_ref()?;
    if configured.id != session.provider_id {
        return None;
    }
    Some((active.provider.clone()?, session.refresh_token.clone()?))
}

/// Awaits `answer` and renews the lease meanwhile.
pub(super) async fn holding<T>(
    server: &AuthzServer,
    mut leased: Arc<StoredSession>,
    answer: impl Future<Output = T>,
) -> (T, Arc<StoredSession>) {
    let mut answer = pin!(answer);
    loop {
        match tokio::time::timeout(refresh::RENEW_LEASE, &mut answer).await {
            Ok(answer) => return (answer, leased),
            Err(_) => {
                let Some(lease) = leased.session.progress.lease else {
                    continue;
                };
                let again = refresh::leased(&leased.session, lease.holder, server.clock().now());
                // Where this fails, what is written at the end will tell why.
                if let Ok(again) = server.sessions().replace(&leased, again).await {
                    leased = again;
                }
            }
        }
    }
}

fn renewed(answer: Refreshed, asked: Timestamp) -> Renewed {
    let Refreshed {
        access_token,
        access_token_expires_in,
        refresh_token,
        id_token,
        person,
    } = answer;
    let profile = match person {
        Ok(person) => Some(Profile {
            email: person.email,
            name: person.name,
            claims: person.claims,
            id_token,
        }),
        Err(error) => {
            tracing::warn!(%error, "a session has new tokens, and keeps the claims that it had");
            None
        }
    };
    let span = |span| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    Renewed {
        access_token,
        access_token_expires_at: access_token_expires_in.map(|expires_in| later(asked, span(expires_in))),
        refresh_token,
        profile,
    }
}

/// Writes new tokens; `outcome` is what that counts as.
async fn keep(
    server: &AuthzServer,
    provider: &Provider,
    leased: Arc<StoredSession>,
    spent: &SecretString,
    answer: &Renewed,
    outcome: Outcome,
) -> Outcome {
    let now = server.clock().now();
    let change = |session: &Session| refresh::renewed(session, answer, now);
    let (id, name) = (leased.session.id, leased.log_name.clone());
    match write(server, leased, Some(spent), change, UNWRITTEN).await {
        Ok(_) => {
            tracing::debug!(session = name, "a session was refreshed");
            outcome
        }
        Err(Unwritten::Gone) => {
            disown(provider, &name, spent, answer).await;
            Outcome::Overtaken
        }
        Err(Unwritten::Overtaken) => Outcome::Overtaken,
        Err(Unwritten::TooLarge) => {
            disown(provider, &name, spent, answer).await;
            // It cannot live on what was said before: that is no longer so.
            let Ok(Some(stored)) = server.sessions().fresh(id).await else {
                return Outcome::StoreUnavailable;
            };
            let why = "the provider says more than can be kept";
            end_if(server, stored, Some(spent), why).await
        }
        Err(Unwritten::Unavailable) => {
            tracing::error!(
                session = name,
                "new tokens could not be written and are lost: the session may end with the next refresh"
            );
            Outcome::StoreUnavailable
        }
    }
}

/// Has new tokens revoked that nobody will hold: whoever ended the session meanwhile knew
/// the old ones alone, and these would stay good at the provider.
async fn disown(provider: &Provider, name: &str, spent: &SecretString, answer: &Renewed) {
    let refresh_token = answer.refresh_token.as_ref().unwrap_or(spent);
    if let Err(error) = provider.revoke(Some(refresh_token), &answer.access_token).await {
        tracing::warn!(%error, session = name, "the new tokens of a session that has ended are not revoked");
    }
}

async fn note_failure(
    server: &AuthzServer,
    leased: Arc<StoredSession>,
    spent: &SecretString,
    outcome: Outcome,
) -> Outcome {
    let now = server.clock().now();
    let change = |session: &Session| refresh::failed(session, now);
    // If this cannot be written the lease ends by itself.
    let _ = write(server, leased, Some(spent), change, Duration::ZERO).await;
    outcome
}

/// Ends `stored`, unless somebody else has changed it meanwhile.
pub(super) async fn end(server: &AuthzServer, stored: Arc<StoredSession>, why: &str) {
    let outcome = end_if(server, stored, None, why).await;
    server.refresher().outcomes.add(outcome);
}

async fn end_if(
    server: &AuthzServer,
    stored: Arc<StoredSession>,
    spent: Option<&SecretString>,
    why: &str,
) -> Outcome {
    let (id, name) = (stored.session.id, stored.log_name.clone());
    // A deletion knows no condition, so it follows a write that does.
    let now = server.clock().now();
    let change = |session: &Session| refresh::ended(session, now);
    match write(server, stored, spent, change, UNWRITTEN).await {
        Ok(_) => {}
        Err(Unwritten::Overtaken | Unwritten::Gone) => return Outcome::Overtaken,
        Err(Unwritten::TooLarge | Unwritten::Unavailable) => return Outcome::StoreUnavailable,
    }
    tracing::info!(session = name, why, "a session has ended");
    if let Err(error) = server.sessions().revoke(id).await {
        tracing::warn!(%error, session = name, "the session is over, its record is deleted later");
    }
    Outcome::Ended
}

enum Unwritten {
    /// The record is gone.
    Gone,
    /// It holds other tokens than those that were spent; or, where none were, it is not
    /// the one that was judged.
    Overtaken,
    TooLarge,
    Unavailable,
}

/// Writes a change of `held`: anew on what the record has become, for as long as
/// that still holds the token `spent`, and again for `patience` where the store is
/// away. Without a token nothing tells that the reason for the change is still one,
/// so that it is for this very record. `change` makes the same of the same.
async fn write(
    server: &AuthzServer,
    mut held: Arc<StoredSession>,
    spent: Option<&SecretString>,
    change: impl Fn(&Session) -> Session,
    patience: Duration,
) -> Result<Arc<StoredSession>, Unwritten> {
    let id = held.session.id;
    let until = tokio::time::Instant::now() + patience;
    // A write of ours may have been made without our hearing of it.
    let mut wanted = None;
    loop {
        let changed = change(&held.session);
        match server.sessions().replace(&held, changed.clone()).await {
            Ok(stored) => return Ok(stored),
            Err(Unreplaced::Record(_)) => return Err(Unwritten::TooLarge),
            Err(Unreplaced::Changed) => {}
            Err(Unreplaced::Unavailable(_)) => wanted = changed.encode().ok(),
        }
        loop {
            match server.sessions().fresh(id).await {
                Ok(None) => return Err(Unwritten::Gone),
                Ok(Some(stored)) => {
                    if wanted.is_some() && stored.session.encode().ok() == wanted {
                        return Ok(stored);
                    }
                    let still_ours = match spent {
                        Some(spent) => refresh::holds(&stored.session, spent),
                        None => stored.version == held.version,
                    };
                    if !still_ours {
                        return Err(Unwritten::Overtaken);
                    }
                    held = stored;
                    break;
                }
                Err(_) => {}
            }
            if tokio::time::Instant::now() >= until {
                return Err(Unwritten::Unavailable);
            }
            tokio::time::sleep(WRITE_PAUSE).await;
        }
        // A store that answers reads and no writes must not be asked without end.
        if wanted.is_some() {
            if tokio::time::Instant::now() >= until {
                return Err(Unwritten::Unavailable);
            }
            tokio::time::sleep(WRITE_PAUSE).await;
        }
    }
}
