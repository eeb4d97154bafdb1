//! What the provider says of a user by now, into all of the user's sessions.

use std::sync::Arc;

use jiff::SignedDuration;
use portcullis_idp::{IdpError, Provider, Userinfo};
use portcullis_session::refresh::{Profile, USERINFO_EVERY, with_profile};

use super::{Outcome, later, tokens};
use crate::sessions::StoredSession;
use crate::state::AuthzServer;

/// The pause after the provider did not answer.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Reads userinfo with the token of the first of `sessions`, which are all of one
/// user.
pub(super) async fn refresh(server: &AuthzServer, sessions: Vec<Arc<StoredSession>>) {
    let Some(first) = sessions.first() else { return };
    let Some(provider) = provider_of(server, first) else {
        return;
    };
    let answer = provider.read_userinfo(&first.session.access_token).await;
    let (outcome, pause) = match answer {
        // There is none to read.
        Ok(None) => (None, USERINFO_EVERY),
        Ok(Some(userinfo)) => (Some(keep(server, &sessions, &userinfo).await), PAUSE),
        Err(IdpError::Refused { .. }) => {
            // The token is no longer good: a new one, or the end.
            if first.session.refresh_token.is_some() {
                tokens::refresh_now(server, first.session.id).await;
            } else {
                tokens::end(
                    server,
                    Arc::clone(first),
                    "its access token is no longer accepted",
                )
                .await;
            }
            (None, USERINFO_EVERY)
        }
        Err(error @ IdpError::Unavailable { .. }) => {
            tracing::warn!(%error, session = first.log_name, "userinfo could not be read, it is tried again");
            (Some(Outcome::Unavailable), PAUSE)
        }
        Err(error) => {
            tracing::warn!(%error, session = first.log_name, "userinfo could not be read, it is tried again");
            (Some(Outcome::Invalid), USERINFO_EVERY)
        }
    };
    if let Some(outcome) = outcome {
        server.refresher().outcomes.add(outcome);
    }
    let until = later(server.clock().now(), pause);
    let resting = &server.refresher().resting_users;
    resting.pin().insert(first.session.user_id.clone(), until);
}

fn provider_of(server: &AuthzServer, stored: &StoredSession) -> Option<Arc<Provider>> {
    let active = server.feed().active()?;
    let configured = active.settings().provider.as_ref()?;
    if configured.id != stored.session.provider_id {
        return None;
    }
    active.provider.clone()
}

async fn keep(server: &AuthzServer, sessions: &[Arc<StoredSession>], userinfo: &Userinfo) -> Outcome {
    let mut outcome = Outcome::Userinfo;
    for stored in sessions {
        let session = &stored.session;
        let person = match userinfo.over(&session.id_token) {
            Ok(person) if person.user_id == session.user_id => person,
            other => {
                let error = other.err().unwrap_or(IdpError::OtherUser);
                tracing::warn!(%error, session = stored.log_name, "userinfo is not used for a session");
                outcome = Outcome::Invalid;
                continue;
            }
        };
        let profile = Profile {
            email: person.email,
            name: person.name,
            claims: person.claims,
            id_token: None,
        };
        let changed = with_profile(session.clone(), &profile, server.clock().now());
        // What has changed meanwhile is newer than this; the next time is soon enough.
        if let Err(error) = server.sessions().replace(stored, changed).await {
            tracing::debug!(%error, session = stored.log_name, "userinfo is not written to a session");
        }
    }
    outcome
}
