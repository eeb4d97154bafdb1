//! Both doors on one listener.

use super::serve_joined;
use crate::fixture::{Ask, Fixture, Told, any_user, no_claims};
use core::time::Duration;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portcullis_proto::channel::{ClientOptions, connect};
use portcullis_proto::listener::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::sync::CancellationToken;
use url::Url;

fn options(url: &str) -> ClientOptions {
    ClientOptions {
        url: Url::parse(url).unwrap(),
        ca_pem: None,
        identity: None,
        key: None,
        plaintext: false,
    }
}

#[tokio::test]
async fn checks_and_pages_come_through_one_door() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve_joined(
        fixture.server.clone(),
        Incoming::tcp(listener, None),
        shutdown.clone(),
    ));

    let mut checks = AuthorizationClient::new(connect(&options(&format!("http://{address}"))).unwrap());
    let denied = checks.check(Ask::new().request()).await.unwrap().into_inner();
    assert_eq!(Told(denied).status(), 302);
    let signed_in = Ask::new().session(&cookie).request();
    assert!(Told(checks.check(signed_in).await.unwrap().into_inner()).passes());
    let huge = Ask::new().header("x-huge", vec![b'x'; 2 * 1024 * 1024]);
    checks.check(huge.request()).await.unwrap_err();
    // The sessions follow the store while it serves.
    assert!(fixture.server.sessions().is_connected());

    // A page by HTTP/2 with prior knowledge, as Envoy asks for it.
    let pages: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let page = pages
        .get(format!("http://{address}/ping").parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        (page.status().as_u16(), page.version()),
        (200, http::Version::HTTP_2)
    );
    let body = page.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&body[..], b"OK\n");
    // As much in headers as Envoy lets through.
    let cookie = format!("x={}", "x".repeat(59 * 1024));
    let long = http::Request::get(format!("http://{address}/ping")).header("cookie", cookie);
    let page = pages.request(long.body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    // What is no page is answered by the pages, not as a gRPC call.
    let none = pages
        .get(
            format!("http://{address}/grpc.health.v1.Health/Check")
                .parse()
                .unwrap(),
        )
        .await
        .unwrap();
    assert!(none.status().is_client_error(), "{}", none.status());
    assert!(!none.headers().contains_key("grpc-status"));

    // And by HTTP/1.
    let mut page = TcpStream::connect(address).await.unwrap();
    page.write_all(b"GET /ping HTTP/1.1\r\nhost: verify.example.com\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("OK\n"),
        "{answer}"
    );

    drop((checks, pages));
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(60), serving)
        .await
        .expect("it stops")
        .unwrap()
        .unwrap();
    assert!(!fixture.server.sessions().is_connected());
}

#[tokio::test]
async fn a_unix_socket_will_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authz.sock");
    let fixture = Fixture::of(&any_user());
    let shutdown = CancellationToken::new();
    let _stop = shutdown.clone().drop_guard();
    let incoming = Incoming::unix(UnixListener::bind(&path).unwrap());
    tokio::spawn(serve_joined(fixture.server.clone(), incoming, shutdown));
    let url = format!("unix://{}", path.display());
    let mut checks = AuthorizationClient::new(connect(&options(&url)).unwrap());
    let denied = checks.check(Ask::new().request()).await.unwrap().into_inner();
    assert_eq!(Told(denied).status(), 302);
}
