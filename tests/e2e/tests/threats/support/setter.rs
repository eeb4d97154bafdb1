//! An application that answers with the bytes that a test says.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use portcullis_harness::wire::Connection;

/// An HTTP/1.1 server on a loopback port; it lives until the process ends.
#[derive(Clone)]
pub(crate) struct Setter {
    port: u16,
    answers: Arc<Mutex<Vec<String>>>,
}

impl Setter {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let setter = Self {
            port: listener.local_addr().unwrap().port(),
            answers: Arc::default(),
        };
        let serving = setter.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let setter = serving.clone();
                thread::spawn(move || setter.serve(stream));
            }
        });
        setter
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A path that is answered with these bytes.
    pub(crate) fn at(&self, answer: &str) -> String {
        let mut answers = self.answers.lock().unwrap();
        answers.push(answer.to_owned());
        format!("/answer/{}/", answers.len() - 1)
    }

    /// A path that is answered with 200 and these `Set-Cookie` lines.
    pub(crate) fn setting(&self, cookies: &[&str]) -> String {
        let lines: String = cookies
            .iter()
            .map(|cookie| format!("Set-Cookie: {cookie}\r\n"))
            .collect();
        self.at(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}Content-Length: 2\r\n\r\nok"
        ))
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection = Connection::new(Box::new(stream));
        while let Some(head) = connection.read_head()? {
            connection.read_body(&head, false)?;
            let number = head
                .start
                .split('/')
                .nth(2)
                .and_then(|text| text.parse::<usize>().ok());
            let known = number.and_then(|number| self.answers.lock().unwrap().get(number).cloned());
            let none = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnone".to_owned();
            connection.write(known.unwrap_or(none).as_bytes())?;
        }
        Ok(())
    }
}
