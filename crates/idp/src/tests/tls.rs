//! https towards a provider under a private root.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::http_client::HttpError;
use crate::{HttpClient, HttpOptions};

/// A server for `localhost` that answers every request with `{}`; its address
/// and the root that vouches for it.
async fn server() -> (String, String) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    (format!("https://localhost:{port}/"), root_pem)
}

async fn get(url: &str, extra_roots_pem: Option<String>) -> Result<Vec<u8>, HttpError> {
    let client = HttpClient::new(&HttpOptions {
        extra_roots_pem,
        ..HttpOptions::default()
    })
    .unwrap();
    let request = http::Request::get(url).body(Vec::new()).unwrap();
    client.send(request).await.map(http::Response::into_body)
}

#[tokio::test]
async fn only_known_roots_and_the_right_name_are_trusted() {
    let (url, root) = server().await;
    assert_eq!(get(&url, Some(root.clone())).await, Ok(b"{}".to_vec()));
    for (url, root) in [
        (url.clone(), None),
        (url.replace("localhost", "127.0.0.1"), Some(root)),
    ] {
        let error = get(&url, root).await.unwrap_err();
        assert!(
            matches!(&error, HttpError::Connect(why) if why.contains("certificate")),
            "{error:?}"
        );
    }
}
