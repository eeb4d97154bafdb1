//! HTTP/2 requests, with what HTTP/1.1 cannot say: split cookies and trailers.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::client::tls_config;

/// A request; fields may repeat.
pub struct Http2Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL; its host is this machine.
    pub url: &'a str,
    /// Fields.
    pub fields: &'a [(&'a str, &'a str)],
    /// The content.
    pub body: &'a [u8],
    /// Trailers after the content.
    pub trailers: &'a [(&'a str, &'a str)],
}

/// Sends one request over a connection of its own.
///
/// # Errors
///
/// When the connection or the stream fails, as it does for malformed requests.
///
/// # Panics
///
/// When the request itself cannot be written down.
pub fn send(authority: &[u8], request: &Http2Request<'_>) -> io::Result<Response<Bytes>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let limit = Duration::from_secs(15);
        tokio::time::timeout(limit, exchange(authority, request))
            .await
            .map_err(io::Error::other)?
    })
}

async fn exchange(authority: &[u8], request: &Http2Request<'_>) -> io::Result<Response<Bytes>> {
    let url = Url::parse(request.url).expect("a URL");
    let host = url.host_str().unwrap_or_default().to_owned();
    let connector = TlsConnector::from(Arc::new(tls_config(authority, &[b"h2"])));
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, url.port_or_known_default().unwrap_or(443))).await?;
    let tls = connector
        .connect(ServerName::try_from(host).map_err(io::Error::other)?, tcp)
        .await?;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    tokio::spawn(connection);

    let mut frames = Vec::new();
    if !request.body.is_empty() {
        frames.push(Ok::<_, io::Error>(Frame::data(Bytes::copy_from_slice(
            request.body,
        ))));
    }
    if !request.trailers.is_empty() {
        frames.push(Ok(Frame::trailers(fields(request.trailers))));
    }
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let body = BodyExt::boxed_unsync(StreamBody::new(tokio_stream::iter(frames)));
    let mut message = Request::builder()
        .method(method)
        .uri(request.url)
        .body(body)
        .expect("a request");
    *message.headers_mut() = fields(request.fields);
    let answer = sender.send_request(message).await.map_err(io::Error::other)?;
    let (head, body) = answer.into_parts();
    let content = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(head, content))
}

fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a field name");
        map.append(name, HeaderValue::from_str(value).expect("a field value"));
    }
    map
}
