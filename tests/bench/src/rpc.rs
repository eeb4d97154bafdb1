//! A gRPC client that costs little: HTTP/2 and ready-made messages, so that the
//! server and not its client is the limit.

use crate::address::Address;
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{Method, Request, Version};

const CHECK: &str = "http://authz/envoy.service.auth.v3.Authorization/Check";
/// Far more than is ever on its way.
const WINDOW: u32 = 8 * 1024 * 1024;
/// Of gRPC's frame: not compressed, and the length.
const PREFIX: usize = 5;

/// A call that brought no answer.
pub type Failure = Box<dyn core::error::Error + Send + Sync>;

/// One connection; clones share it.
#[derive(Clone)]
pub struct Connection(SendRequest<Bytes>);

impl Connection {
    /// Connects, and serves the connection in a task of its own.
    ///
    /// # Errors
    ///
    /// When nobody listens there, or does not speak HTTP/2.
    pub async fn open(address: &Address) -> Result<Self, Failure> {
        let stream = address.connect().await?;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await?;
        tokio::spawn(async move {
            // Whoever waits for an answer sees the error.
            let _ = connection.await;
        });
        Ok(Self(sender))
    }

    /// Asks once; `frame` comes from [`frame`]. The answer's message, encoded.
    ///
    /// # Errors
    ///
    /// When the server fails, or says that the call did.
    pub async fn check(&self, frame: &Bytes) -> Result<Bytes, Failure> {
        let mut sender = self.0.clone().ready().await?;
        let request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(CHECK)
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(())?;
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(frame.clone(), true)?;

        let mut body = response.await?.into_body();
        let mut message = BytesMut::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            message.extend_from_slice(&data);
        }
        let trailers = body.trailers().await?.ok_or("the answer has no trailers")?;
        match trailers.get("grpc-status").map(http::HeaderValue::as_bytes) {
            Some(b"0") if message.len() >= PREFIX => Ok(message.freeze().slice(PREFIX..)),
            status => Err(format!("the call failed: {status:?}").into()),
        }
    }
}

/// A message as gRPC frames it.
#[must_use]
pub fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + PREFIX);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.extend_from_slice(message);
    frame.freeze()
}
