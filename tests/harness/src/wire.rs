//! HTTP/1.1 messages as bytes: nothing is normalised, so that tests see what
//! was really on the wire.

use std::io::{self, BufRead, BufReader, Read, Write};

/// A byte stream in both directions.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection that remembers every byte it has read.
pub struct Connection {
    reader: BufReader<Box<dyn Stream>>,
    seen: Vec<u8>,
}

/// The first line and the fields of a message, in order and as written.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Request or status line, without its line end.
    pub start: String,
    /// Field lines; names keep their case, values are trimmed.
    pub fields: Vec<(String, String)>,
}

/// A body with what came after it.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The content, chunks joined.
    pub bytes: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
}

impl Head {
    /// All values of a field, whatever the case of its name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// The first value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

impl Connection {
    /// Wraps a stream.
    #[must_use]
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            reader: BufReader::new(stream),
            seen: Vec::new(),
        }
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    ///
    /// When the stream fails.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.reader.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// The stream itself and what of it was read ahead, for another protocol.
    #[must_use]
    pub fn into_stream(self) -> (Box<dyn Stream>, Vec<u8>) {
        let ahead = self.reader.buffer().to_vec();
        (self.reader.into_inner(), ahead)
    }

    /// Every byte read since the last call.
    pub fn take_seen(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.seen)
    }

    /// Reads the head of a message; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// When the stream fails or ends within the head.
    pub fn read_head(&mut self) -> io::Result<Option<Head>> {
        let Some(start) = self.line()? else {
            return Ok(None);
        };
        Ok(Some(Head {
            start,
            fields: self.fields()?,
        }))
    }

    /// Reads the body that `head` announces. `until_close`: without a length
    /// the body ends with the stream (answers), else there is none (requests).
    ///
    /// # Errors
    ///
    /// When the stream fails or the framing is broken.
    pub fn read_body(&mut self, head: &Head, until_close: bool) -> io::Result<Body> {
        if head
            .all("transfer-encoding")
            .any(|v| v.to_ascii_lowercase().contains("chunked"))
        {
            return self.chunks();
        }
        let mut bytes = Vec::new();
        if let Some(length) = head.get("content-length") {
            let length = length.parse().map_err(|_| broken("bad content-length"))?;
            self.exactly(length, &mut bytes)?;
        } else if until_close {
            end_of_tls(self.reader.read_to_end(&mut bytes))?;
            self.seen.extend_from_slice(&bytes);
        }
        Ok(Body {
            bytes,
            trailers: Vec::new(),
        })
    }

    /// Reads whatever comes until the stream ends.
    ///
    /// # Errors
    ///
    /// When the stream fails.
    pub fn read_rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        end_of_tls(self.reader.read_to_end(&mut bytes))?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> io::Result<Body> {
        let mut bytes = Vec::new();
        loop {
            let line = self.line()?.ok_or_else(|| broken("ends within a chunked body"))?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| broken("bad chunk size"))?;
            if size == 0 {
                return Ok(Body {
                    bytes,
                    trailers: self.fields()?,
                });
            }
            self.exactly(size, &mut bytes)?;
            self.line()?;
        }
    }

    fn exactly(&mut self, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let mut part = vec![0; length];
        self.reader.read_exact(&mut part)?;
        self.seen.extend_from_slice(&part);
        into.extend_from_slice(&part);
        Ok(())
    }

    fn fields(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?.ok_or_else(|| broken("ends within a head"))?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| broken("a field line without a colon"))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = self.reader.read_until(b'\n', &mut line);
        end_of_tls(read)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.seen.extend_from_slice(&line);
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}

/// A peer that closes without a TLS close_notify has closed all the same.
fn end_of_tls(read: io::Result<usize>) -> io::Result<usize> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        other => other,
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
