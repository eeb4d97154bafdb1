//! Clients that write down what they are told to and keep their connections.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use portcullis_harness::wire::Connection;

use crate::asked::Asked;

const TIMEOUT: Duration = Duration::from_secs(20);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME: usize = 16_384;

/// What a client got for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An answer with this status; over HTTP/2 the status is not read.
    Status(Option<u16>),
    /// None: the connection or the stream was ended.
    Ended,
    /// None within the time for one.
    TimedOut,
}

/// One client, with a connection of each protocol.
pub(crate) struct Wire {
    port: u16,
    h1: Option<Connection>,
    h2: Option<H2>,
}

impl Wire {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            h1: None,
            h2: None,
        }
    }

    pub(crate) fn ask(&mut self, asked: &Asked, mark: &str) -> Answer {
        let answer = if asked.h2 {
            self.over_h2(asked, mark).map(|()| Answer::Status(None))
        } else {
            self.over_h1(asked, mark)
                .map(|status| Answer::Status(Some(status)))
        };
        answer.unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Answer::TimedOut,
            _ => Answer::Ended,
        })
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn over_h1(&mut self, asked: &Asked, mark: &str) -> io::Result<u16> {
        let mut connection = match self.h1.take() {
            Some(connection) => connection,
            None => Connection::new(Box::new(self.connect()?)),
        };
        // A server that has had enough may end the connection while it is written to;
        // what it said before counts.
        let written = connection.write(&asked.h1(mark));
        let head = loop {
            let head = connection.read_head()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if !head.start.contains(" 100") {
                break head;
            }
        };
        let status = head
            .start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
        if asked.method != b"HEAD" && !matches!(status, 204 | 304) {
            connection.read_body(&head, false)?;
        }
        connection.take_seen();
        let stays = written.is_ok() && head.get("connection").is_none() && asked.leaves_a_clean_connection();
        // After an error of its own Envoy closes, whether or not it says so.
        self.h1 = Some(connection).filter(|_| stays && status != 400);
        Ok(status)
    }

    fn over_h2(&mut self, asked: &Asked, mark: &str) -> io::Result<()> {
        let mut h2 = match self.h2.take() {
            Some(h2) => h2,
            None => H2::over(self.connect()?)?,
        };
        h2.ask(&asked.h2(mark))?;
        self.h2 = Some(h2);
        Ok(())
    }
}

/// HTTP/2 (RFC 9113) as far as a client needs it that has one stream at a time and does
/// not care for what is in the answer.
struct H2 {
    stream: BufReader<TcpStream>,
    next: u32,
}

impl H2 {
    fn over(stream: TcpStream) -> io::Result<Self> {
        let mut h2 = Self {
            stream: BufReader::new(stream),
            next: 1,
        };
        h2.stream.get_mut().write_all(PREFACE)?;
        // Windows that no run of requests fills: SETTINGS_INITIAL_WINDOW_SIZE, and
        // that of the connection.
        h2.write(4, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff])?;
        h2.write(8, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes())?;
        Ok(h2)
    }

    /// Sends a request and reads until its stream is over. Fails where that is reset.
    fn ask(&mut self, fields: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
        let id = self.next;
        self.next += 2;
        let mut block = Vec::new();
        for (name, value) in fields {
            // A literal that is never put into a table (RFC 7541, section 6.2.2).
            block.push(0);
            string(&mut block, name);
            string(&mut block, value);
        }
        let mut parts = block.chunks(FRAME).peekable();
        let mut kind = 1;
        while let Some(part) = parts.next() {
            let end_headers = if parts.peek().is_none() { 4 } else { 0 };
            let end_stream = u8::from(kind == 1);
            self.write(kind, end_headers | end_stream, id, part)?;
            kind = 9;
        }
        loop {
            let (kind, flags, stream, payload) = self.read()?;
            match kind {
                // DATA and HEADERS with END_STREAM.
                0 | 1 if stream == id && flags & 1 != 0 => return Ok(()),
                // A reset without an error comes after a whole answer.
                3 if stream == id => return Err(io::ErrorKind::ConnectionReset.into()),
                4 if flags & 1 == 0 => self.write(4, 1, 0, &[])?,
                6 if flags & 1 == 0 => self.write(6, 1, 0, &payload)?,
                7 => return Err(io::ErrorKind::ConnectionAborted.into()),
                _ => {}
            }
        }
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut frame = length.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.stream.get_mut().write_all(&frame)
    }

    fn read(&mut self) -> io::Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, s, t, u, v] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        Ok((kind, flags, u32::from_be_bytes([s & 0x7f, t, u, v]), payload))
    }
}

/// A string without Huffman's code (RFC 7541, sections 5.1 and 5.2).
fn string(block: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("it is below 127"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128 + 128).expect("it is below 256"));
            length /= 128;
        }
        block.push(u8::try_from(length).expect("it is below 128"));
    }
    block.extend(text);
}
