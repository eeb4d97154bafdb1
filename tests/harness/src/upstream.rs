//! An application that records exactly what reached it.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::wire::{Connection, Head};

/// One recorded request.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Every byte of it, as it was on the wire.
    pub bytes: Vec<u8>,
    /// First line and fields.
    pub head: Head,
    /// The content, chunks joined.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
}

impl Recorded {
    /// The only value of a field.
    ///
    /// # Panics
    ///
    /// When it came more than once.
    #[must_use]
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        assert!(
            self.head.all(name).count() <= 1,
            "`{name}` came more than once: {:?}",
            self.head.fields
        );
        self.head.get(name)
    }

    /// The whole request as text, for searching.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The path and query of the request line.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.start.split(' ').nth(1).unwrap_or_default()
    }
}

/// An HTTP/1.1 server on a loopback port; it answers 200 with `hello from the
/// upstream` and a cookie `app=1` of its own.
#[derive(Clone)]
pub struct Upstream {
    port: u16,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl Upstream {
    /// Starts it; it lives until the process ends.
    ///
    /// # Panics
    ///
    /// When no loopback port can be listened on.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let sink = recorded.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sink = sink.clone();
                thread::spawn(move || serve(stream, &sink));
            }
        });
        Self { port, recorded }
    }

    /// Its URL, for `to`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything that arrived so far.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().expect("no holder panics").clone()
    }

    /// The recorded request whose target contains `mark`.
    ///
    /// # Panics
    ///
    /// When there is none or more than one.
    #[must_use]
    #[track_caller]
    pub fn one(&self, mark: &str) -> Recorded {
        let mut found: Vec<_> = self
            .recorded()
            .into_iter()
            .filter(|r| r.target().contains(mark))
            .collect();
        assert_eq!(found.len(), 1, "requests for `{mark}` that reached the upstream");
        found.remove(0)
    }

    /// Whether a request whose target contains `mark` arrived.
    #[must_use]
    pub fn saw(&self, mark: &str) -> bool {
        self.recorded().iter().any(|r| r.target().contains(mark))
    }
}

fn serve(stream: TcpStream, sink: &Mutex<Vec<Recorded>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut connection = Connection::new(Box::new(stream));
    while let Ok(true) = exchange(&mut connection, sink) {}
}

fn exchange(connection: &mut Connection, sink: &Mutex<Vec<Recorded>>) -> io::Result<bool> {
    let Some(head) = connection.read_head()? else {
        return Ok(false);
    };
    let body = connection.read_body(&head, false)?;
    let empty = head.start.starts_with("HEAD ");
    let bytes = connection.take_seen();
    let recorded = Recorded {
        bytes,
        head,
        body: body.bytes,
        trailers: body.trailers,
    };
    sink.lock()
        .map_err(|_| io::Error::other("poisoned"))?
        .push(recorded);
    let content = "hello from the upstream\n";
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nset-cookie: app=1; Path=/\r\ncontent-length: {}\r\n\r\n",
        content.len()
    );
    if !empty {
        answer.push_str(content);
    }
    connection.write(answer.as_bytes())?;
    Ok(true)
}
