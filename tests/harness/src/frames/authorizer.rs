//! A server in the place of ours, which says what a test wants: Envoy asks it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{
    ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, SETTINGS, fields, frame, hpack, number,
};

/// What it does with a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Accepts connections and never says a word, as behind a network that is gone.
    Nothing,
    /// Ends every connection as soon as it is there.
    Closes,
    /// Is no HTTP/2 server.
    Http1,
    /// Takes the check and ends the connection, as a process that is killed.
    Dies,
    /// This gRPC status, without a message.
    Status(u16),
    /// This HTTP status, and nothing of gRPC.
    Http(u16),
    /// These bytes as the message, and that all is well.
    Message(Vec<u8>),
}

/// The server; it ends when it is dropped.
pub struct Authorizer {
    port: u16,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Authorizer {
    /// Listens on a port that nobody listens on any more.
    ///
    /// # Panics
    ///
    /// When somebody does.
    #[must_use]
    #[track_caller]
    pub fn start(port: u16, says: Says) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        let server = Self {
            port,
            says: Arc::new(Mutex::new(says)),
            asked: Arc::default(),
            closed: Arc::default(),
            over: Arc::default(),
        };
        let (says, asked, over) = (server.says.clone(), server.asked.clone(), server.over.clone());
        let closed = server.closed.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let (says, asked, over) = (says.clone(), asked.clone(), over.clone());
                thread::spawn(move || serve(stream, &says, &asked, &over));
            }
        });
        server
    }

    /// From now on it does this, also on connections that are open.
    pub fn say(&self, says: Says) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }

    /// Accepts no more. Connections that are open stay so until it is dropped.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // The listener goes when it looks; and the port is free when it is gone.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// How many checks it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Authorizer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if !self.closed.load(Ordering::SeqCst) {
            self.close();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    says: &Mutex<Says>,
    asked: &AtomicUsize,
    over: &AtomicBool,
) -> io::Result<()> {
    let says = || says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match says() {
        Says::Nothing => {
            stream.set_read_timeout(Some(Duration::from_millis(50)))?;
            while !over.load(Ordering::SeqCst) {
                if let Ok(0) = stream.read(&mut [0; 4096]) {
                    break;
                }
            }
            return Ok(());
        }
        Says::Closes => return Ok(()),
        Says::Http1 => {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest)?;
            return Ok(());
        }
        Says::Dies | Says::Status(_) | Says::Http(_) | Says::Message(_) => {}
    }
    stream.read_exact(&mut vec![0; PREFACE.len()])?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    while !over.load(Ordering::SeqCst) {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let mut payload = vec![0; number(&head[..3]) as usize];
        stream.read_exact(&mut payload)?;
        let (kind, flags, id) = (head[3], head[4], number(&head[5..]));
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            PING if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, 0, &payload))?,
            DATA | HEADERS if flags & END_STREAM != 0 => {
                asked.fetch_add(1, Ordering::SeqCst);
                match answer(&says(), id) {
                    Some(bytes) => stream.write_all(&bytes)?,
                    None => return Ok(()),
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The answer on this stream; `None` where there is none.
fn answer(says: &Says, id: u32) -> Option<Vec<u8>> {
    let headers = |pairs: &[(&str, &str)], ends: u8| {
        frame(HEADERS, END_HEADERS | ends, id, &hpack::encode(&fields(pairs)))
    };
    let grpc = ("content-type", "application/grpc");
    Some(match says {
        Says::Nothing | Says::Closes | Says::Http1 | Says::Dies => return None,
        Says::Status(code) => {
            let code = code.to_string();
            headers(&[(":status", "200"), grpc, ("grpc-status", &code)], END_STREAM)
        }
        Says::Http(status) => {
            let status = status.to_string();
            headers(
                &[(":status", &status), ("content-type", "text/plain")],
                END_STREAM,
            )
        }
        Says::Message(message) => {
            let length = u32::try_from(message.len()).expect("it is small").to_be_bytes();
            let content = [&[0], &length[..], message].concat();
            let mut all = headers(&[(":status", "200"), grpc], 0);
            all.extend(frame(DATA, 0, id, &content));
            all.extend(headers(&[("grpc-status", "0")], END_STREAM));
            all
        }
    })
}
