//! The door of the checks, and who comes to it in odd ways (XA-08, XA-10, XA-16).

use super::frames::{CHECK, Wire};
use super::serve_joined;
use crate::check::answer::Verdict;
use crate::fixture::{Ask, Fixture, Told, any_user, public};
use core::net::SocketAddr;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use portcullis_proto::listener::Incoming;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Code;

/// The server of `fixture` on a port of its own, for as long as the guard lives.
async fn door(fixture: &Fixture) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let guard = shutdown.clone().drop_guard();
    let incoming = Incoming::tcp(listener, None);
    tokio::spawn(serve_joined(fixture.server.clone(), incoming, shutdown));
    (address, guard)
}

/// How many checks were decided.
fn decided(fixture: &Fixture) -> u64 {
    let metrics = fixture.server.metrics();
    Verdict::ALL.iter().map(|verdict| metrics.checks(*verdict)).sum()
}

/// Envoy breaks off a check when its client goes. Whoever makes it do that hundreds of
/// times at once must not cost others their checks on the same connection.
#[tokio::test]
async fn calls_that_are_broken_off_cost_nobody_else_theirs() {
    let fixture = Fixture::of(&any_user());
    let (address, _guard) = door(&fixture).await;
    let mut wire = Wire::to(address).await;
    let check = Ask::new().request().encode_to_vec();
    let mut stream = 1;
    for _ in 0..10 {
        for _ in 0..200 {
            wire.call(stream, CHECK);
            wire.message(stream, &check);
            wire.cancel(stream);
            stream += 2;
        }
        wire.send().await;
        wire.call(stream, CHECK);
        wire.message(stream, &check);
        wire.send().await;
        let frames = wire.until_end_of(stream).await;
        let data = frames.iter().find(|frame| frame.is_data_of(stream));
        let data = data.unwrap_or_else(|| panic!("no answer after {stream}: {frames:?}"));
        let told = Told(prost::Message::decode(&data.payload[5..]).unwrap());
        assert_eq!(told.status(), 302);
        stream += 2;
    }
}

#[tokio::test]
async fn what_is_not_exactly_the_path_of_a_check_is_none() {
    // On a route that is open to all, so that a check would pass.
    let fixture = Fixture::of(&public());
    let (address, _guard) = door(&fixture).await;
    let check = Ask::new().request().encode_to_vec();
    for path in [
        "envoy.service.auth.v3.Authorization/Check",
        "//envoy.service.auth.v3.Authorization/Check",
        "/envoy.service.auth.v3.Authorization//Check",
        "/envoy.service.auth.v3.Authorization/Check/",
        "/envoy.service.auth.v3.Authorization/Check/x",
        "/envoy.service.auth.v3.Authorization/check",
        "/ENVOY.SERVICE.AUTH.V3.AUTHORIZATION/Check",
        "/envoy.service.auth.v3.Authorization/%43heck",
        "/envoy.service.auth.v3.Authorization/./Check",
        "/x/../envoy.service.auth.v3.Authorization/Check",
        "/envoy.service.auth.v3.Authorization/",
        "/envoy.service.auth.v3.Authorization",
        "/envoy.service.auth.v2.Authorization/Check",
        "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
        "/portcullis.store.v1.RecordStore/Get",
        "/",
        "*",
        "",
    ] {
        // Each over a connection of its own: some end it.
        let mut wire = Wire::to(address).await;
        wire.call(1, path);
        wire.message(1, &check);
        wire.send().await;
        let frames = wire.until_end_of(1).await;
        assert!(!frames.is_empty(), "{path}: no word");
        assert_eq!(decided(&fixture), 0, "{path}: it was decided");
    }
    let mut wire = Wire::to(address).await;
    wire.call(1, CHECK);
    wire.message(1, &check);
    wire.send().await;
    wire.until_end_of(1).await;
    assert_eq!(decided(&fixture), 1, "this is one");
}

#[tokio::test]
async fn more_than_a_check_holds_is_refused_and_the_next_is_answered() {
    let fixture = Fixture::of(&public());
    let (address, _guard) = door(&fixture).await;
    let mut checks = AuthorizationClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let of_bytes = |bytes: usize| Ask::new().header("x-large", vec![b'x'; bytes]).request();
    for bytes in [1024 * 1024, 5 * 1024 * 1024] {
        let refused = checks.check(of_bytes(bytes)).await.unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    }
    assert_eq!(decided(&fixture), 0);
    let many = (0..10_000).fold(Ask::new(), |ask, number| ask.header(&format!("x-{number}"), ""));
    let told = checks.check(many.request()).await.unwrap().into_inner();
    assert_eq!(Told(told).status(), 431);
    let told = checks.check(Ask::new().request()).await.unwrap().into_inner();
    assert!(Told(told).passes());
}
