//! The public keys on a listener of their own.

use super::{keys, serve_keys};
use crate::fixture::{Ask, Fixture, any_user};
use core::net::SocketAddr;
use core::time::Duration;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portcullis_proto::channel::{ClientOptions, connect};
use portcullis_proto::listener::Incoming;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use url::Url;

#[tokio::test]
async fn anybody_gets_the_keys_by_either_http_and_nobody_a_decision() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fixture = Fixture::of(&any_user());
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve_keys(
        fixture.server.clone(),
        Incoming::tcp(listener, None),
        shutdown.clone(),
    ));
    let at = |path: &str| format!("http://{address}{path}").parse::<http::Uri>().unwrap();
    for two in [false, true] {
        let client: Client<_, Empty<bytes::Bytes>> =
            Client::builder(TokioExecutor::new()).http2_only(two).build_http();
        let answer = client.get(at("/.well-known/pomerium/jwks.json")).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let keys: Value = serde_json::from_slice(&body).unwrap();
        assert!(keys["keys"][0]["kid"].is_string(), "{keys}");
        assert!(keys["keys"][0].get("d").is_none(), "{keys}");
        for other in ["/ping", "/.pomerium/", "/.well-known/pomerium", "/metrics"] {
            assert_eq!(
                client.get(at(other)).await.unwrap().status().as_u16(),
                404,
                "{other}"
            );
        }
    }
    let options = ClientOptions {
        url: Url::parse(&format!("http://{address}")).unwrap(),
        ca_pem: None,
        identity: None,
        key: None,
        plaintext: false,
    };
    let mut checks = AuthorizationClient::new(connect(&options).unwrap());
    checks.check(Ask::new().request()).await.unwrap_err();
    drop(checks);

    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

async fn serving() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Fixture::of(&any_user()).server.clone();
    tokio::spawn(serve_keys(
        server,
        Incoming::tcp(listener, None),
        CancellationToken::new(),
    ));
    address
}

/// Whether the keys come on this connection.
async fn ask(connection: &mut TcpStream) -> bool {
    let request = b"GET /.well-known/pomerium/jwks.json HTTP/1.1\r\nhost: a.test\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    loop {
        match connection.read_buf(&mut answer).await {
            Ok(0) | Err(_) => return false,
            Ok(_) if answer.ends_with(b"}]}") => return answer.starts_with(b"HTTP/1.1 200"),
            Ok(_) => {}
        }
    }
}

#[tokio::test]
async fn so_many_connections_stay_open_and_the_oldest_goes_for_one_more() {
    let address = serving().await;
    let mut connections = Vec::new();
    // None is silent, so that none goes for that.
    for _ in 0..keys::MAX_CONNECTIONS {
        let mut connection = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut connection).await);
        connections.push(connection);
    }
    assert!(ask(&mut connections[0]).await, "none is too many yet");
    let mut one_more = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut one_more).await);
    assert!(!ask(&mut connections[0]).await, "the oldest");
    for connection in &mut connections[1..] {
        assert!(ask(connection).await);
    }
}

/// Time passes here whenever nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn who_asks_for_nothing_goes_before_who_has_asked() {
    let address = serving().await;
    let mut asking = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut asking).await);
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    for gone in [&mut silent, &mut slow] {
        gone.read_u8().await.unwrap_err();
    }
    assert!(ask(&mut asking).await);
}
