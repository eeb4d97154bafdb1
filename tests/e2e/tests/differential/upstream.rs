//! Upstreams that write down the head of each request, byte for byte, one on a port of
//! its own for each route.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::routes::ROUTES;

/// The longest head that is read.
const MAX_HEAD: usize = 1 << 20;

/// One request, as it arrived.
#[derive(Clone)]
pub(crate) struct Seen {
    /// The place of the route whose upstream it is.
    pub(crate) route: usize,
    /// The request line without its line end.
    pub(crate) line: Vec<u8>,
    /// `x-mark`, empty where there is none.
    pub(crate) mark: String,
    /// `x-request-id`.
    pub(crate) request_id: String,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            route,
            line,
            request_id,
            ..
        } = self;
        write!(f, "route {route} got `{}` as {request_id}", line.escape_ascii())
    }
}

/// The listening ports and what came there. Listeners outlive their world, so those of
/// a world that has ended serve the next.
#[derive(Clone)]
pub(crate) struct Upstreams(Arc<Listening>);

struct Listening {
    ports: Vec<u16>,
    seen: Mutex<Vec<Seen>>,
}

static FREE: Mutex<Vec<Upstreams>> = Mutex::new(Vec::new());

impl Upstreams {
    /// Ports that no other world uses.
    pub(crate) fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let upstreams = free.unwrap_or_else(Self::listen);
        upstreams.drain();
        upstreams
    }

    /// Leaves them to another world.
    pub(crate) fn give_back(&self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(self.clone());
    }

    pub(crate) fn ports(&self) -> &[u16] {
        &self.0.ports
    }

    /// What arrived since the last call.
    pub(crate) fn drain(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn listen() -> Self {
        let listeners: Vec<TcpListener> = (0..ROUTES)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port"))
            .collect();
        let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
        let upstreams = Self(Arc::new(Listening {
            ports: listeners.iter().map(port).collect(),
            seen: Mutex::new(Vec::new()),
        }));
        for (route, listener) in listeners.into_iter().enumerate() {
            let upstreams = upstreams.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let upstreams = upstreams.clone();
                    thread::spawn(move || upstreams.serve(route, stream));
                }
            });
        }
        upstreams
    }

    fn serve(&self, route: usize, stream: TcpStream) -> Option<()> {
        stream.set_read_timeout(Some(Duration::from_secs(120))).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let line = next_line(&mut reader).ok()?;
            let mut seen = Seen {
                route,
                line,
                mark: String::new(),
                request_id: String::new(),
            };
            let mut length = seen.line.len();
            loop {
                let field = next_line(&mut reader).ok()?;
                length += field.len();
                if field.is_empty() || length > MAX_HEAD {
                    break;
                }
                let field = String::from_utf8_lossy(&field);
                let (name, value) = field.split_once(':')?;
                match name.to_ascii_lowercase().as_str() {
                    "x-mark" => seen.mark.push_str(value.trim()),
                    "x-request-id" => seen.request_id.push_str(value.trim()),
                    _ => {}
                }
            }
            let is_head = seen.line.starts_with(b"HEAD ");
            self.0
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(seen);
            let answer: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            let answer = if is_head {
                &answer[..answer.len() - 2]
            } else {
                answer
            };
            reader.get_mut().write_all(answer).ok()?;
        }
    }
}

fn next_line(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.pop_if(|last| *last == b'\r');
    Ok(line)
}
