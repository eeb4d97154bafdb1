//! Somebody who has signed in: a session and its cookie, without a browser.

use crate::policy::claims;
use core::time::Duration;
use jiff::{SignedDuration, Timestamp};
use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::{AuthzServer, Options};
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_model::SessionId;
use portcullis_session::handle::{self, Handle};
use portcullis_session::record::Session;
use portcullis_store::Store;
use std::sync::Arc;
use uuid::Uuid;

/// An authz-server on `store`.
///
/// # Panics
///
/// Without the system's certificate authorities.
#[must_use]
pub fn server(store: Arc<dyn Store>) -> Arc<AuthzServer> {
    AuthzServer::new(Options {
        store,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default()).unwrap(),
        max_staleness: Duration::ZERO,
        in_band: false,
    })
}

/// A session of Alice's, whom the demo's route `admin` lets in, and the value of
/// the `cookie` header that goes with it on `host`.
///
/// # Panics
///
/// When the server has no bundle.
#[must_use]
pub fn signed_in(server: &AuthzServer, host: &str) -> (Session, String) {
    let active = server.feed().active().unwrap();
    let provider_id = active.settings().provider.as_ref().unwrap().id.clone();
    let now = Timestamp::now();
    let session = Session {
        id: SessionId(Uuid::from_u128(u128::MAX / 3)),
        user_id: "00u1a2b3c4".to_owned(),
        email: "alice@example.com".to_owned(),
        name: "Alice Example".to_owned(),
        provider_id: provider_id.clone(),
        claims: claims(),
        issued_at: now,
        expires_at: now.checked_add(SignedDuration::from_hours(14)).unwrap(),
        id_token: "the-id-token".to_owned().into(),
        access_token: "the-access-token".to_owned().into(),
        refresh_token: None,
        access_token_expires_at: None,
        id_token_expires_at: None,
        progress: portcullis_session::refresh::Progress::default(),
    };
    let handle = Handle {
        session_id: session.id,
        provider_id,
        issued_at: now,
    };
    let name = &active.cookies.session;
    let value = handle::seal(&handle, &active.keys, name, host, [9; 12]).unwrap();
    (session, format!("theme=dark; {name}={value}; lang=en"))
}
