//! One gRPC call without any code that was made for it, as a stranger would.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// `/portcullis.feed.v1.BundleFeed/Follow`.
pub const FEED: &str = "/portcullis.feed.v1.BundleFeed/Follow";
/// `/portcullis.store.v1.RecordStore/Get`.
pub const STORE: &str = "/portcullis.store.v1.RecordStore/Get";
/// The configuration streams of Envoy, delta.
pub const ADS_DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/// The configuration streams of Envoy, state of the world.
pub const ADS_SOTW: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/// Calls `path` on a loopback port in clear text with an empty message; returns
/// the `grpc-status` and all headers, trailers and content as text.
///
/// # Errors
///
/// When there is no answer.
pub fn call(port: u16, path: &str, fields: &[(&str, &str)]) -> io::Result<(String, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(10), exchange(port, path, fields))
            .await
            .map_err(io::Error::other)?
    })
}

async fn exchange(port: u16, path: &str, fields: &[(&str, &str)]) -> io::Result<(String, String)> {
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
            .await
            .map_err(io::Error::other)?;
    let running = tokio::spawn(connection);
    let mut request = Request::post(format!("http://127.0.0.1:{port}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    // A message of no bytes, not compressed.
    let body = Full::new(Bytes::from_static(&[0, 0, 0, 0, 0]));
    let request = request.body(body).map_err(io::Error::other)?;
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = head
        .headers
        .get("grpc-status")
        .or_else(|| trailers.get("grpc-status"));
    let status = status.and_then(|status| status.to_str().ok()).unwrap_or_default();
    let all = format!("{:?} {trailers:?} {:?}", head.headers, body.to_bytes());
    running.abort();
    Ok((status.to_owned(), all))
}
