//! HTTP/2 by single frames: requests that no client library would write, and answers
//! whole.

use std::io;

use url::Url;

use crate::client::{Client, Response};
use crate::wire::{Head, Stream};

mod authorizer;
mod hpack;
mod huffman;

pub use authorizer::{Authorizer, Says};

/// What a client says before its first frame (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest frame that a peer takes without having been asked.
const MAX_FRAME: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// Fields as they are written, pseudo-headers among them: nothing is checked, sorted,
/// lowered or left out.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Fields out of whatever is bytes.
pub fn fields<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Fields {
    pairs
        .iter()
        .map(|(name, value)| (name.as_ref().to_vec(), value.as_ref().to_vec()))
        .collect()
}

/// One request on a stream of its own.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The field section.
    pub fields: Fields,
    /// The content, at most one frame.
    pub body: Vec<u8>,
    /// The trailer section.
    pub trailers: Fields,
}

/// Sends one request over a connection of its own to the host of `url`, whose path is
/// not looked at.
///
/// # Errors
///
/// When there is no answer: the stream was reset (`stream reset …`), the connection
/// was ended (`goaway …`, `closed`), or nothing came.
pub fn send(client: &Client, url: &Url, request: &Request) -> io::Result<Response> {
    let stream = client.connect_as(url, &[b"h2"])?;
    let mut peer = Peer {
        stream,
        table: hpack::Table::default(),
    };
    // A peer that has had enough may end the connection while it is written to; what it
    // said before counts.
    let written = peer.ask(request);
    peer.answer(url).map_err(|read| match written {
        Err(error) if read.kind() != io::ErrorKind::Other => error,
        _ => read,
    })
}

/// Begins `count` requests over one connection and breaks each off at once, all in one
/// writing. Returns when the other side has taken them all, or ended the connection.
///
/// # Errors
///
/// When the connection cannot be made.
pub fn break_off(client: &Client, url: &Url, request: &Fields, count: u32) -> io::Result<()> {
    let mut stream = client.connect_as(url, &[b"h2"])?;
    let mut all = PREFACE.to_vec();
    all.extend(frame(SETTINGS, 0, 0, &[]));
    let block = hpack::encode(request);
    for id in (0..count).map(|number| 2 * number + 1) {
        all.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, &block));
        // CANCEL.
        all.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    all.extend(frame(PING, 0, 0, b"all read"));
    // Who has had enough closes, whatever is still written.
    if stream.write_all(&all).and_then(|()| stream.flush()).is_err() {
        return Ok(());
    }
    let mut peer = Peer {
        stream,
        table: hpack::Table::default(),
    };
    while let Ok(frame) = peer.read() {
        if frame.kind == GOAWAY || (frame.kind == PING && frame.flags & ACK != 0) {
            break;
        }
    }
    Ok(())
}

struct Peer {
    stream: Box<dyn Stream>,
    table: hpack::Table,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Peer {
    fn ask(&mut self, request: &Request) -> io::Result<()> {
        let Request {
            fields,
            body,
            trailers,
        } = request;
        let mut all = PREFACE.to_vec();
        all.extend(frame(SETTINGS, 0, 0, &[]));
        let ends = body.is_empty() && trailers.is_empty();
        all.extend(section(fields, if ends { END_STREAM } else { 0 }));
        if !body.is_empty() {
            let flags = if trailers.is_empty() { END_STREAM } else { 0 };
            all.extend(frame(DATA, flags, 1, body));
        }
        if !trailers.is_empty() {
            all.extend(section(trailers, END_STREAM));
        }
        self.stream.write_all(&all)?;
        self.stream.flush()
    }

    fn answer(&mut self, url: &Url) -> io::Result<Response> {
        let (mut block, mut body) = (Vec::new(), Vec::new());
        let mut head: Option<(u16, Head)> = None;
        loop {
            let frame = self.read()?;
            match (frame.kind, frame.stream) {
                (SETTINGS, _) if frame.flags & ACK == 0 => {
                    self.stream.write_all(&self::frame(SETTINGS, ACK, 0, &[]))?;
                    self.stream.flush()?;
                }
                (PING, _) if frame.flags & ACK == 0 => {
                    self.stream
                        .write_all(&self::frame(PING, ACK, 0, &frame.payload))?;
                    self.stream.flush()?;
                }
                (GOAWAY, _) => {
                    let code = frame.payload.get(4..8).map_or(&[][..], |code| code);
                    return Err(io::Error::other(format!("goaway {}", number(code))));
                }
                (RST_STREAM, 1) => {
                    // An answer may be followed by a reset: its end is not waited for.
                    if let Some((status, head)) = head {
                        return Ok(response(url, status, head, body));
                    }
                    return Err(io::Error::other(format!(
                        "stream reset {}",
                        number(&frame.payload)
                    )));
                }
                (HEADERS | CONTINUATION, 1) => {
                    block.extend(unpadded(&frame));
                    if frame.flags & END_HEADERS != 0 {
                        let read = self.table.decode(&std::mem::take(&mut block))?;
                        // Trailers, which nobody asks about, come after the head.
                        head = head.or_else(|| split(read));
                    }
                }
                (DATA, 1) => body.extend(unpadded(&frame)),
                _ => {}
            }
            let ends = frame.stream == 1
                && matches!(frame.kind, DATA | HEADERS)
                && frame.flags & END_STREAM != 0
                && block.is_empty();
            if ends && let Some((status, head)) = head.take() {
                return Ok(response(url, status, head, body));
            }
        }
    }

    fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                io::Error::other("closed")
            } else {
                error
            }
        })?;
        let mut payload = vec![0; number(&head[..3]) as usize];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame {
            kind: head[3],
            flags: head[4],
            stream: number(&head[5..]) & 0x7fff_ffff,
            payload,
        })
    }
}

fn response(url: &Url, status: u16, head: Head, body: Vec<u8>) -> Response {
    Response {
        url: url.clone(),
        history: Vec::new(),
        status,
        head,
        body,
    }
}

/// The status and the other fields; `None` for what is not the final answer.
fn split(read: Vec<(String, String)>) -> Option<(u16, Head)> {
    let (pseudo, fields): (Vec<_>, Vec<_>) = read.into_iter().partition(|(name, _)| name.starts_with(':'));
    let status = pseudo
        .iter()
        .find(|(name, _)| name == ":status")?
        .1
        .parse()
        .ok()?;
    let start = format!("HTTP/2 {status}");
    (status >= 200).then_some((status, Head { start, fields }))
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field section, in as many frames as it needs.
fn section(fields: &Fields, flags: u8) -> Vec<u8> {
    let block = hpack::encode(fields);
    let mut parts: Vec<&[u8]> = block.chunks(MAX_FRAME).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let last = parts.len() - 1;
    let all = parts.iter().enumerate().flat_map(|(n, part)| {
        let (kind, flags) = if n == 0 {
            (HEADERS, flags)
        } else {
            (CONTINUATION, 0)
        };
        frame(kind, flags | if n == last { END_HEADERS } else { 0 }, 1, part)
    });
    all.collect()
}

fn unpadded(frame: &Frame) -> &[u8] {
    let mut payload = frame.payload.as_slice();
    if frame.kind != CONTINUATION && frame.flags & PADDED != 0 {
        let padding = usize::from(payload[0]);
        payload = &payload[1..payload.len() - padding];
    }
    if frame.kind == HEADERS && frame.flags & PRIORITY != 0 {
        payload = &payload[5..];
    }
    payload
}
