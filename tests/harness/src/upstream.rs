//! An application that records exactly what reached it.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::certificates::Leaf;
use crate::wire::{Connection, Head, Stream};

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
/// upstream` and a cookie `app=1` of its own. A request whose target has
/// `wait=MILLISECONDS` waits that long for its answer; one whose target has
/// `answer=STATUS` gets that status, and with `to=WHERE` a `location`.
#[derive(Clone)]
pub struct Upstream {
    scheme: &'static str,
    port: u16,
    recorded: Arc<Mutex<Vec<Recorded>>>,
    begun: Arc<Mutex<Vec<Head>>>,
}

impl Upstream {
    /// Starts it; it lives until the process ends.
    ///
    /// # Panics
    ///
    /// When no loopback port can be listened on.
    #[must_use]
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// Starts it with TLS and this certificate.
    ///
    /// # Panics
    ///
    /// When no loopback port can be listened on, or the certificate is none.
    #[must_use]
    pub fn start_tls(leaf: &Leaf) -> Self {
        let chain = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).expect("a private key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("a certificate with its key");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self::listen(Some(Arc::new(config)))
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let begun = Arc::new(Mutex::new(Vec::new()));
        let upstream = Self {
            scheme,
            port,
            recorded,
            begun,
        };
        let sink = upstream.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sink, tls) = (sink.clone(), tls.clone());
                thread::spawn(move || serve(stream, tls, &sink));
            }
        });
        upstream
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, for `to`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Everything that arrived so far.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().expect("no holder panics").clone()
    }

    /// How many requests began to arrive so far, whether or not they ever ended.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.begun.lock().expect("no holder panics").len()
    }

    /// The heads of those that began after the first `count`.
    #[must_use]
    pub fn heads_since(&self, count: usize) -> Vec<Head> {
        let begun = self.begun.lock().expect("no holder panics");
        begun.get(count..).unwrap_or_default().to_vec()
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

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, sink: &Upstream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let stream: Box<dyn Stream> = match tls.map(ServerConnection::new) {
        None => Box::new(stream),
        Some(Ok(tls)) => Box::new(StreamOwned::new(tls, stream)),
        Some(Err(_)) => return,
    };
    let mut connection = Connection::new(stream);
    while let Ok(true) = exchange(&mut connection, sink) {}
}

fn exchange(connection: &mut Connection, sink: &Upstream) -> io::Result<bool> {
    let Some(head) = connection.read_head()? else {
        return Ok(false);
    };
    let poisoned = |_| io::Error::other("poisoned");
    sink.begun.lock().map_err(poisoned)?.push(head.clone());
    let body = connection.read_body(&head, false)?;
    let empty = head.start.starts_with("HEAD ");
    let bytes = connection.take_seen();
    let (wait, start) = (wait(&head), start(&head));
    let recorded = Recorded {
        bytes,
        head,
        body: body.bytes,
        trailers: body.trailers,
    };
    let mut all = sink.recorded.lock().map_err(|_| io::Error::other("poisoned"))?;
    all.push(recorded);
    drop(all);
    thread::sleep(wait);
    let content = "hello from the upstream\n";
    let mut answer = format!(
        "HTTP/1.1 {start}\r\ncontent-type: text/plain\r\nset-cookie: app=1; Path=/\r\ncontent-length: {}\r\n\r\n",
        content.len()
    );
    if !empty {
        answer.push_str(content);
    }
    connection.write(answer.as_bytes())?;
    Ok(true)
}

/// What follows the version in the first line of the answer, and a `location`.
fn start(head: &Head) -> String {
    let target = head.start.split(' ').nth(1).unwrap_or_default();
    let asked = |name: &str| {
        let (_, rest) = target.split_once(name)?;
        rest.split('&').next()
    };
    match (asked("answer="), asked("to=")) {
        (Some(status), Some(to)) => format!("{status} As Asked\r\nlocation: {to}"),
        (Some(status), None) => format!("{status} As Asked"),
        (None, _) => "200 OK".to_owned(),
    }
}

/// How long the request asks to wait.
fn wait(head: &Head) -> Duration {
    let asked = head.start.split_once("wait=").map_or("", |(_, rest)| rest);
    let digits: String = asked.chars().take_while(char::is_ascii_digit).collect();
    Duration::from_millis(digits.parse().unwrap_or_default())
}
