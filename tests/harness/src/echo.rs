//! An application that says what it was asked for, and repeats what it hears.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;

use crate::wire::Connection;

/// An HTTP/1.1 server on a loopback port. It answers 200 with the target of the
/// request as content, and echoes the messages of websockets.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    port: u16,
}

impl Echo {
    /// Starts it; it lives until the process ends.
    ///
    /// # Panics
    ///
    /// When no loopback port can be listened on.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream));
            }
        });
        Self { port: address.port() }
    }

    /// Its URL, for `to`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(Box::new(stream));
    while let Some(head) = connection.read_head()? {
        if let Some(key) = head.get("sec-websocket-key") {
            let accept = derive_accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: {accept}\r\n\r\n"
            );
            connection.write(answer.as_bytes())?;
            return echo(connection);
        }
        connection.read_body(&head, false)?;
        connection.take_seen();
        let target = head.start.split(' ').nth(1).unwrap_or_default();
        let length = target.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{target}");
        connection.write(answer.as_bytes())?;
    }
    Ok(())
}

fn echo(connection: Connection) -> io::Result<()> {
    let (stream, ahead) = connection.into_stream();
    let mut socket = WebSocket::from_partially_read(stream, ahead, Role::Server, None);
    loop {
        let message = socket.read().map_err(io::Error::other)?;
        if message.is_text() || message.is_binary() {
            socket.send(message).map_err(io::Error::other)?;
        }
    }
}
