//! A client that behaves like a browser without script: cookies by host, forms,
//! redirects only when asked.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use url::Url;

use crate::jar::Jar;
use crate::wire::{Connection, Stream};

mod kept;
mod pages;
mod response;

pub use kept::Kept;
pub use response::Response;
pub(crate) use response::read_response;

const TIMEOUT: Duration = Duration::from_secs(15);
const MAX_REDIRECTS: usize = 20;

/// A client with cookies of its own. Every name is this machine.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    jar: Jar,
    fields: Vec<(String, String)>,
}

impl Client {
    /// A client that trusts one authority and holds no cookies.
    ///
    /// # Panics
    ///
    /// When `authority` is not a certificate.
    #[must_use]
    pub fn new(authority: &[u8]) -> Self {
        Self {
            tls: Arc::new(tls_config(authority, &[b"http/1.1"])),
            jar: Jar::default(),
            fields: Vec::new(),
        }
    }

    /// The same client, sending a further field with every request.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same client, which does not say in TLS whom it wants (SNI).
    #[must_use]
    pub fn without_server_name(mut self) -> Self {
        let mut tls = (*self.tls).clone();
        tls.enable_sni = false;
        self.tls = Arc::new(tls);
        self
    }

    /// The same client, showing a certificate in TLS: a chain and its key, both PEM.
    ///
    /// # Panics
    ///
    /// When they do not belong together.
    #[must_use]
    pub fn presenting(mut self, chain: &str, key: &str) -> Self {
        let mut tls = (*self.tls).clone();
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates in PEM");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key in PEM");
        let key = CertifiedKey::from_der(chain, key, tls.crypto_provider()).expect("chain and key fit");
        tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(key));
        self.tls = Arc::new(tls);
        self
    }

    /// GET without following redirects.
    #[track_caller]
    pub fn get(&mut self, url: &str) -> Response {
        self.send("GET", &parse(url), &[], b"")
    }

    /// GET with further fields, without following redirects.
    #[track_caller]
    pub fn get_with(&mut self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.send("GET", &parse(url), fields, b"")
    }

    /// Any request, without following redirects.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    #[track_caller]
    pub fn send(&mut self, method: &str, url: &Url, fields: &[(&str, &str)], body: &[u8]) -> Response {
        match self.try_send(method, url, fields, body) {
            Ok(response) => response,
            Err(error) => panic!("{method} {url}: {error}"),
        }
    }

    /// Any request, without following redirects.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn try_send(
        &mut self,
        method: &str,
        url: &Url,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let mut head = self.head(method, url);
        head.push_str("Connection: close\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut connection = self.connect(url)?;
        connection.write(&[head.as_bytes(), body].concat())?;
        let response = read_response(&mut connection, method, url)?;
        for header in response.head.all("set-cookie") {
            self.jar.store(url, header);
        }
        Ok(response)
    }

    /// The first line, the host, the client's own fields and its cookies.
    fn head(&self, method: &str, url: &Url) -> String {
        let path = url.query().map_or_else(
            || url.path().to_owned(),
            |query| format!("{}?{query}", url.path()),
        );
        let host = url.host_str().unwrap_or_default();
        let authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n");
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(cookies) = self.jar.header(url) {
            head.push_str(&format!("Cookie: {cookies}\r\n"));
        }
        head
    }

    /// A connection to the host of a URL, for bytes that no client would send.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn connect(&self, url: &Url) -> io::Result<Connection> {
        open(url, &self.tls).map(Connection::new)
    }

    /// The stream to the host of a URL, over which one of these protocols is to be
    /// spoken (ALPN).
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(crate) fn connect_as(&self, url: &Url, protocols: &[&[u8]]) -> io::Result<Box<dyn Stream>> {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        open(url, &Arc::new(tls))
    }

    /// Sends raw bytes and reads one answer.
    ///
    /// # Errors
    ///
    /// When the connection fails, or is closed without an answer.
    pub fn try_raw(&self, url: &Url, bytes: &[u8]) -> io::Result<Response> {
        let mut connection = self.connect(url)?;
        let written = connection.write(bytes);
        let method = if bytes.starts_with(b"HEAD ") {
            "HEAD"
        } else {
            "GET"
        };
        // A server that has read enough answers and closes, whatever is still written.
        read_response(&mut connection, method, url).map_err(|error| written.err().unwrap_or(error))
    }

    /// Sends raw bytes and reads one answer.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    #[track_caller]
    pub fn raw(&self, url: &str, bytes: &[u8]) -> Response {
        let url = parse(url);
        let answer = self.connect(&url).and_then(|mut connection| {
            connection.write(bytes)?;
            read_response(&mut connection, "GET", &url)
        });
        match answer {
            Ok(response) => response,
            Err(error) => panic!("raw request to {url}: {error}"),
        }
    }

    /// Follows redirects from an answer to the first that is none.
    ///
    /// # Panics
    ///
    /// After 20 redirects.
    #[track_caller]
    pub fn follow(&mut self, mut response: Response) -> Response {
        for _ in 0..MAX_REDIRECTS {
            let Some(next) = response.location() else {
                return response;
            };
            response = self.step(&response, &next);
        }
        panic!(
            "more than {MAX_REDIRECTS} redirects, the last to {}",
            response.url
        );
    }

    /// Follows redirects until the next one would leave for a URL that `stop`
    /// recognises; that URL is returned unvisited.
    ///
    /// # Panics
    ///
    /// When it never comes.
    #[track_caller]
    pub fn follow_until(&mut self, mut response: Response, stop: impl Fn(&Url) -> bool) -> Url {
        for _ in 0..MAX_REDIRECTS {
            let Some(next) = response.location() else {
                panic!(
                    "{} answered {} and no redirect:\n{}",
                    response.url,
                    response.status,
                    response.text()
                );
            };
            if stop(&next) {
                return next;
            }
            response = self.step(&response, &next);
        }
        panic!(
            "more than {MAX_REDIRECTS} redirects, the last to {}",
            response.url
        );
    }

    #[track_caller]
    fn step(&mut self, from: &Response, next: &Url) -> Response {
        let mut response = self.send("GET", next, &[], b"");
        response.history = [from.history.as_slice(), std::slice::from_ref(&from.url)].concat();
        response
    }

    /// Names and values of the cookies kept for a host.
    #[must_use]
    pub fn cookies(&self, host: &str) -> Vec<(String, String)> {
        self.jar.of_host(host)
    }

    /// Forgets the cookies of a host.
    pub fn forget(&mut self, host: &str) {
        self.jar.forget(host);
    }
}

fn open(url: &Url, tls: &Arc<ClientConfig>) -> io::Result<Box<dyn Stream>> {
    let port = url.port_or_known_default().unwrap_or(443);
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    tcp.set_read_timeout(Some(TIMEOUT))?;
    tcp.set_nodelay(true)?;
    if url.scheme() != "https" {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(url.host_str().unwrap_or_default().to_owned());
    let name = name.map_err(io::Error::other)?;
    let tls = ClientConnection::new(tls.clone(), name).map_err(io::Error::other)?;
    Ok(Box::new(StreamOwned::new(tls, tcp)))
}

/// A TLS configuration that trusts one authority.
///
/// # Panics
///
/// When `authority` is not a certificate.
#[must_use]
pub fn tls_config(authority: &[u8], protocols: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(authority.to_vec()))
        .expect("the authority is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    config
}

#[track_caller]
fn parse(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|e| panic!("`{url}`: {e}"))
}
