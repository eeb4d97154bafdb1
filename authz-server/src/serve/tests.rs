use super::serve;
use crate::fixture::{Ask, Fixture, any_user, no_claims};
use core::time::Duration;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

async fn client(socket: &Path) -> AuthorizationClient<Channel> {
    let socket = PathBuf::from(socket);
    let connector = tower::service_fn(move |_: http::Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://authz.internal");
    AuthorizationClient::new(endpoint.connect_with_connector(connector).await.unwrap())
}

#[tokio::test]
async fn both_doors_serve_and_close() {
    let directory = tempfile::tempdir().unwrap();
    let (grpc, web) = (
        directory.path().join("authz.sock"),
        directory.path().join("web.sock"),
    );
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(
        fixture.server.clone(),
        UnixListener::bind(&grpc).unwrap(),
        UnixListener::bind(&web).unwrap(),
        shutdown.clone(),
    ));

    let mut client = client(&grpc).await;
    let denied = client.check(Ask::new().request()).await.unwrap().into_inner();
    assert_eq!(crate::fixture::Told(denied).status(), 302);
    let allowed = client
        .check(Ask::new().session(&cookie).request())
        .await
        .unwrap()
        .into_inner();
    assert!(crate::fixture::Told(allowed).passes());
    // More than any check of Envoy's: refused, and the server lives on.
    let huge = Ask::new().header("x-huge", vec![b'x'; 2 * 1024 * 1024]);
    client.check(huge.request()).await.unwrap_err();
    client.check(Ask::new().request()).await.unwrap();

    let mut page = UnixStream::connect(&web).await.unwrap();
    page.write_all(b"GET /ping HTTP/1.1\r\nhost: verify.example.com\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // The sessions follow the store while it serves.
    assert!(fixture.server.sessions().is_connected());

    drop(client);
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving)
        .await
        .expect("it stops")
        .unwrap()
        .unwrap();
    assert!(UnixStream::connect(&grpc).await.is_err() && UnixStream::connect(&web).await.is_err());
}
