//! Invariant 6 across processes: two authz-servers on one control plane's store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::sessions::Known;
use portcullis_authz_server::{AuthzServer, Options};
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_model::{Claims, SessionId};
use portcullis_session::record::Session;
use portcullis_store::{KIND_SESSION, MemoryStore, Store};
use portcullis_store_remote::RemoteStore;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::world::{Door, until};

/// An authz-server that follows the store behind `door`, until the guard goes.
fn authz(door: &Door, max_staleness: Duration) -> (Arc<AuthzServer>, DropGuard) {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let server = AuthzServer::new(Options {
        store: Arc::new(RemoteStore::new(door.channel())),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default()).unwrap(),
        max_staleness,
        in_band: false,
    });
    let stop = CancellationToken::new();
    let (following, until_stop) = (Arc::clone(&server), stop.clone());
    tokio::spawn(async move { following.sessions().follow(until_stop).await });
    (server, stop.drop_guard())
}

fn session(number: u128) -> Session {
    let now = Timestamp::now();
    Session {
        id: SessionId(Uuid::from_u128(number)),
        user_id: "user".to_owned(),
        email: "user@example.com".to_owned(),
        name: String::new(),
        provider_id: "provider".to_owned(),
        claims: Claims::default(),
        issued_at: now,
        expires_at: now + Duration::from_secs(3_600),
        id_token: String::new().into(),
        access_token: String::new().into(),
        refresh_token: None,
        access_token_expires_at: None,
        id_token_expires_at: None,
        progress: portcullis_session::refresh::Progress::default(),
    }
}

async fn connected(server: &AuthzServer) {
    let connected = || server.sessions().is_connected();
    until(Duration::from_secs(5), "the session stream connects", connected).await;
}

fn is_live(server: &AuthzServer, id: SessionId) -> bool {
    matches!(server.sessions().known(id), Known::Live(_))
}

const STALENESS: Duration = Duration::from_secs(900);

#[tokio::test]
async fn a_session_made_at_one_server_is_known_at_the_other_and_revoked_within_a_second() {
    let door = Door::open(Arc::new(MemoryStore::new(7)));
    let ((a, _a), (b, _b)) = (authz(&door, STALENESS), authz(&door, STALENESS));
    connected(&a).await;
    connected(&b).await;
    let id = a.sessions().insert(session(1)).await.unwrap().session.id;
    // Even before the change arrives it is found, in the store.
    assert!(b.sessions().get(id).await.unwrap().is_some());
    until(Duration::from_secs(1), "it arrives", || is_live(&b, id)).await;

    let revoked = Instant::now();
    a.sessions().revoke(id).await.unwrap();
    assert!(!is_live(&a, id), "at once where it was revoked");
    until(Duration::from_secs(1), "the revocation arrives", || {
        !is_live(&b, id)
    })
    .await;
    assert!(revoked.elapsed() < Duration::from_secs(1));
    assert!(b.sessions().get(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_is_cut_off_serves_from_memory_and_keeps_what_it_revoked() {
    let inner = Arc::new(MemoryStore::new(7));
    let mut door = Door::open(inner.clone());
    let ((a, _a), (b, _b)) = (authz(&door, STALENESS), authz(&door, STALENESS));
    connected(&a).await;
    connected(&b).await;
    let [kept, gone] = [1, 2].map(|number| SessionId(Uuid::from_u128(number)));
    a.sessions().insert(session(1)).await.unwrap();
    a.sessions().insert(session(2)).await.unwrap();
    until(Duration::from_secs(1), "both arrive", || {
        is_live(&b, kept) && is_live(&b, gone)
    })
    .await;

    door.kill().await;
    let cut_off = || !a.sessions().is_connected() && !b.sessions().is_connected();
    until(Duration::from_secs(5), "both notice", cut_off).await;
    // What memory holds serves on; what it does not is refused, not anonymous.
    assert!(b.sessions().get(kept).await.unwrap().is_some());
    b.sessions().get(SessionId(Uuid::from_u128(3))).await.unwrap_err();
    b.sessions().insert(session(4)).await.unwrap_err();
    // A revocation counts here at once, though the store cannot be told.
    b.sessions().revoke(gone).await.unwrap_err();
    assert!(b.sessions().get(gone).await.unwrap().is_none());
    // The other one cannot know.
    assert!(a.sessions().get(gone).await.unwrap().is_some());

    // Once it is back, the store is told, and with it everybody.
    door.reopen(inner.clone());
    connected(&a).await;
    connected(&b).await;
    let refused = || !is_live(&a, gone) && !is_live(&b, gone);
    until(Duration::from_secs(5), "the revocation arrives", refused).await;
    assert!(a.sessions().get(gone).await.unwrap().is_none());
    assert!(
        inner
            .get(KIND_SESSION, &gone.to_string())
            .await
            .unwrap()
            .is_none()
    );
    assert!(is_live(&a, kept) && is_live(&b, kept));
}

#[tokio::test]
async fn without_staleness_a_server_that_is_cut_off_refuses_everybody() {
    let mut door = Door::open(Arc::new(MemoryStore::new(7)));
    let (server, _stop) = authz(&door, Duration::ZERO);
    connected(&server).await;
    let id = server.sessions().insert(session(1)).await.unwrap().session.id;
    door.kill().await;
    until(Duration::from_secs(5), "it notices", || {
        !server.sessions().is_connected()
    })
    .await;
    server.sessions().get(id).await.unwrap_err();
}

#[tokio::test]
async fn sessions_outlive_both() {
    let inner = Arc::new(MemoryStore::new(7));
    let mut door = Door::open(inner.clone());
    let id = {
        let (server, _stop) = authz(&door, STALENESS);
        server.sessions().insert(session(1)).await.unwrap().session.id
    };
    door.kill().await;
    door.reopen(inner);
    let (server, _stop) = authz(&door, STALENESS);
    connected(&server).await;
    assert!(is_live(&server, id));
}
