//! What is told of a session: never a token.

use jiff::Timestamp;
use portcullis_session::lifetime::{self, Dead};
use portcullis_session::log_name;
use portcullis_session::record::Session;
use portcullis_session::refresh;
use serde_json::{Map, Value};

use crate::protocol::{Details, Row, State};

/// As lists show it.
pub(super) fn row(session: &Session, now: Timestamp) -> Row {
    Row {
        id: session.id,
        log_name: log_name(session.id),
        email: session.email.clone(),
        user_id: session.user_id.clone(),
        provider_id: session.provider_id.clone(),
        state: state(session, now),
        issued_at: session.issued_at,
        expires_at: session.expires_at,
        refreshed_at: session.progress.refreshed_at,
    }
}

fn state(session: &Session, now: Timestamp) -> State {
    match lifetime::is_live(session, now) {
        Ok(()) => State::Live,
        Err(Dead::TokenExpired) => State::TokenExpired,
        Err(Dead::NotYetIssued) => State::NotYetValid,
        Err(_) => State::Expired,
    }
}

/// All that is known.
pub(super) fn details(session: &Session, version: u64, now: Timestamp) -> Details {
    let claims: Map<String, Value> = session
        .claims
        .iter()
        .map(|(name, values)| (name.to_owned(), Value::from(values.to_vec())))
        .collect();
    Details {
        row: row(session, now),
        name: session.name.clone(),
        access_token_expires_at: session.access_token_expires_at,
        id_token_expires_at: session.id_token_expires_at,
        refreshable: session.refresh_token.is_some(),
        refresh_due_at: refresh::due_at(session),
        refresh_failures: session.progress.failures,
        userinfo_at: session.progress.userinfo_at,
        record_version: version,
        claims,
    }
}
