//! HTTP/2 as bytes, for calls that no client would make.

use core::net::SocketAddr;
use core::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The path of a check.
pub(super) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What comes back is waited for no longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame that came back.
#[derive(Debug)]
pub(super) struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Whether the other side says that it goes.
    fn is_goaway(&self) -> bool {
        self.kind == GOAWAY
    }

    /// Whether it is content of this stream.
    pub(super) fn is_data_of(&self, stream: u32) -> bool {
        self.kind == DATA && self.stream == stream && !self.payload.is_empty()
    }

    fn ends(&self, stream: u32) -> bool {
        self.stream == stream && (self.kind == RST_STREAM || self.flags & END_STREAM != 0)
    }
}

/// A connection, and frames that are not sent yet.
pub(super) struct Wire {
    socket: TcpStream,
    unsent: Vec<u8>,
}

impl Wire {
    /// A connection to `address`.
    pub(super) async fn to(address: SocketAddr) -> Self {
        let mut wire = Self {
            socket: TcpStream::connect(address).await.unwrap(),
            unsent: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        };
        wire.frame(SETTINGS, 0, 0, &[]);
        wire
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.unsent.extend_from_slice(&length[1..]);
        self.unsent.extend_from_slice(&[kind, flags]);
        self.unsent.extend_from_slice(&stream.to_be_bytes());
        self.unsent.extend_from_slice(payload);
    }

    /// Begins a gRPC call of `path`.
    pub(super) fn call(&mut self, stream: u32, path: &str) {
        let mut block = Vec::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "authz"),
            (":path", path),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ] {
            // Literal, not indexed, not compressed.
            block.push(0);
            for text in [name, value] {
                block.push(
                    u8::try_from(text.len())
                        .ok()
                        .filter(|length| *length < 127)
                        .unwrap(),
                );
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.frame(HEADERS, END_HEADERS, stream, &block);
    }

    /// The one message of a call.
    pub(super) fn message(&mut self, stream: u32, message: &[u8]) {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], &length[..], message].concat();
        self.frame(DATA, END_STREAM, stream, &framed);
    }

    /// Breaks a call off.
    pub(super) fn cancel(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }

    /// Sends all of it at once.
    pub(super) async fn send(&mut self) {
        let unsent = core::mem::take(&mut self.unsent);
        self.socket.write_all(&unsent).await.unwrap();
    }

    /// What comes until `stream` ends, or the connection.
    pub(super) async fn until_end_of(&mut self, stream: u32) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let Some(frame) = timeout(PATIENCE, self.read()).await.expect("an answer") else {
                return frames;
            };
            let is_last = frame.ends(stream) || frame.is_goaway();
            frames.push(frame);
            if is_last {
                return frames;
            }
        }
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).await.ok()?;
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let mut payload = vec![0; length];
        self.socket.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }
}
