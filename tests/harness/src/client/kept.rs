//! Connections that outlive one request: keep-alive and websockets.

use std::io;

use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};
use url::Url;

use super::{Client, Response, parse, read_response};
use crate::wire::{Connection, Stream};

/// One HTTP/1.1 connection with the cookies of the client that made it.
pub struct Kept {
    client: Client,
    connection: Option<Connection>,
}

impl Kept {
    /// GET over the connection, which is made anew only where the server said that
    /// it would close it.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&mut self, url: &Url) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect(url)?,
        };
        connection.write(format!("{}\r\n", self.client.head("GET", url)).as_bytes())?;
        let answer = read_response(&mut connection, "GET", url)?;
        connection.take_seen();
        let closes = answer
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.connection = (!closes).then_some(connection);
        Ok(answer)
    }
}

/// An open websocket.
pub struct Socket(WebSocket<Box<dyn Stream>>);

impl Socket {
    /// Sends a text and waits for the next one.
    ///
    /// # Errors
    ///
    /// When the socket is closed, or something else than a text comes.
    pub fn echo(&mut self, text: &str) -> io::Result<String> {
        self.0
            .send(Message::text(text))
            .and_then(|()| self.0.read())
            .map_err(io::Error::other)
            .and_then(|answer| match answer {
                Message::Text(text) => Ok(text.to_string()),
                other => Err(io::Error::other(format!("not a text: {other:?}"))),
            })
    }
}

impl Client {
    /// The same client, over one connection.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept {
            client: self.clone(),
            connection: None,
        }
    }

    /// Asks for a websocket over HTTP/1.1.
    ///
    /// # Errors
    ///
    /// The answer, where it is not 101.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    #[track_caller]
    pub fn websocket(&self, url: &str) -> Result<Socket, Box<Response>> {
        let url = parse(url);
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let opened = self.connect(&url).and_then(|mut connection| {
            connection.write(format!("{}{fields}", self.head("GET", &url)).as_bytes())?;
            let answer = read_response(&mut connection, "GET", &url)?;
            Ok((connection, answer))
        });
        let (connection, answer) = opened.unwrap_or_else(|e| panic!("websocket {url}: {e}"));
        if answer.status != 101 {
            return Err(Box::new(answer));
        }
        let (stream, ahead) = connection.into_stream();
        Ok(Socket(WebSocket::from_partially_read(
            stream,
            ahead,
            Role::Client,
            None,
        )))
    }
}
