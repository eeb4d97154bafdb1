//! As much of HTTP/1.1 as a load needs: bytes out, a status and a length in.

use crate::address::{Address, Stream};
use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Headers that a browser sends, but for the cookie.
pub const BROWSER: [(&str, &str); 13] = [
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://admin.localhost:8443/"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9"),
];

/// A request by a browser to `authority`.
#[must_use]
pub fn request(authority: &str, path: &str, cookie: Option<&str>) -> Vec<u8> {
    let mut text = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n");
    let cookie = cookie.map(|cookie| ("cookie", cookie));
    for (name, value) in BROWSER.into_iter().chain(cookie) {
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    text.into_bytes()
}

/// One kept connection.
pub struct Client {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub async fn open(address: &Address) -> Result<Self> {
        Ok(Self {
            stream: address.connect().await?,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and waits for the whole answer; its status.
    ///
    /// # Errors
    ///
    /// When the connection ends, or the answer has no length.
    pub async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        let Head { status, end, length } = self.head(request).await?;
        let length = length.ok_or_else(|| odd("an answer without a length"))?;
        while self.buffer.len() < end + length {
            self.read().await?;
        }
        Ok(status)
    }

    /// Sends a last request and waits for the head of the answer; its status.
    ///
    /// # Errors
    ///
    /// When the connection ends before.
    pub async fn ask_last(mut self, request: &[u8]) -> Result<u16> {
        Ok(self.head(request).await?.status)
    }

    async fn head(&mut self, request: &[u8]) -> Result<Head> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            self.read().await?;
            if let Some(head) = Head::read(&self.buffer)? {
                return Ok(head);
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The beginning of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    /// The length of the body, if the head says it.
    length: Option<usize>,
}

impl Head {
    /// `None` while it is not whole.
    fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = core::str::from_utf8(&bytes[..end]).map_err(|_| odd("an answer that is no text"))?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let length = head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        Ok(Some(Self {
            status: status.ok_or_else(|| odd("an answer without a status"))?,
            end: end + 4,
            length,
        }))
    }
}

fn odd(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_over_after_its_body() {
        let whole = b"HTTP/1.1 200 OK\r\nServer: envoy\r\nContent-Length: 3\r\n\r\nok\n";
        let head = Head::read(whole).unwrap().unwrap();
        assert_eq!((head.status, head.length), (200, Some(3)));
        assert_eq!(head.end, whole.len() - 3);
        assert_eq!(Head::read(&whole[..40]).unwrap(), None);
        assert_eq!(
            Head::read(b"HTTP/1.1 503 No\r\n\r\n").unwrap().unwrap().length,
            None
        );
        assert!(Head::read(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_is_whole_and_carries_its_cookie() {
        let text = String::from_utf8(request("a.test:1", "/x", Some("a=b"))).unwrap();
        assert!(text.starts_with("GET /x HTTP/1.1\r\nhost: a.test:1\r\n"));
        assert!(text.ends_with("cookie: a=b\r\n\r\n"));
        assert!(
            !String::from_utf8(request("a.test:1", "/x", None))
                .unwrap()
                .contains("cookie")
        );
    }
}
