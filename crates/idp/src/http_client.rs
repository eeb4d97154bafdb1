//! The one HTTP client towards identity providers.
//!
//! It follows no redirects (a discovery document must not lead us elsewhere),
//! bounds the time and the size of every answer, asks for no content coding
//! (so that nothing expands), and uses rustls with aws-lc-rs and the system's
//! root certificates.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// How the client talks; [`Default`] is what production uses.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Time to establish a connection, TLS included.
    pub connect_timeout: Duration,
    /// Time from the start of a request to the end of its answer.
    pub total_timeout: Duration,
    /// The largest accepted body, in bytes.
    pub max_body: usize,
    /// Root certificates in PEM that are trusted besides the system's.
    pub extra_roots_pem: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
            max_body: 1 << 20,
            extra_roots_pem: None,
        }
    }
}

/// The client cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpClientError {
    /// [`HttpOptions::extra_roots_pem`] holds no usable certificates.
    #[error("extra root certificates cannot be read: {0}")]
    Roots(String),
    /// The TLS configuration is refused.
    #[error("tls cannot be set up: {0}")]
    Tls(String),
    /// The HTTP client is refused.
    #[error("http client cannot be set up: {0}")]
    Client(String),
}

/// A request failed before an answer that is worth reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("request cannot be made: {0}")]
    Request(String),
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("no complete answer in time")]
    Timeout,
    #[error("connection failed: {0}")]
    Transport(String),
    #[error("answered with status {0}")]
    Status(u16),
    #[error("answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

/// The HTTP client for identity providers; cheap to clone, shares its pool.
#[derive(Clone)]
pub struct HttpClient {
    /// Obeys `HTTPS_PROXY` and its like, as Pomerium does.
    proxied: reqwest::Client,
    /// For issuers on the loopback interface, which no proxy can reach.
    direct: reqwest::Client,
    max_body: usize,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient")
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Builds the client.
    ///
    /// A system without root certificates is no error, since an issuer may be
    /// plain http or under a private root; https then fails to verify.
    ///
    /// # Errors
    ///
    /// When the extra roots cannot be read or TLS cannot be set up.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpClientError> {
        let tls = tls_config(options.extra_roots_pem.as_deref())?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(options.connect_timeout)
                .timeout(options.total_timeout)
                .pool_max_idle_per_host(8)
                .pool_idle_timeout(Duration::from_secs(30))
                .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        };
        let build =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|e| HttpClientError::Client(chain(&e)));
        Ok(Self {
            proxied: build(builder())?,
            direct: build(builder().no_proxy())?,
            max_body: options.max_body,
        })
    }

    /// Sends one request. Server errors (5xx) and 429 are errors here, so that
    /// every caller takes them for "unavailable"; other statuses are answers.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = reqwest::Request::try_from(request).map_err(|e| HttpError::Request(chain(&e)))?;
        let client = if is_loopback(request.url()) {
            &self.direct
        } else {
            &self.proxied
        };
        let mut response = client.execute(request).await.map_err(|e| classify(&e))?;
        let status = response.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(HttpError::Status(status.as_u16()));
        }
        let too_large = HttpError::TooLarge { limit: self.max_body };
        if response
            .content_length()
            .is_some_and(|length| length > self.max_body as u64)
        {
            return Err(too_large);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| classify(&e))? {
            if body.len().saturating_add(chunk.len()) > self.max_body {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// The client as openidconnect wants it; apart from [`HttpClient`], so that the
/// library stays out of our interface.
pub(crate) struct Transport<'a>(pub(crate) &'a HttpClient);

impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

fn tls_config(extra_roots_pem: Option<&str>) -> Result<ClientConfig, HttpClientError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(native.certs);
    if added == 0 {
        tracing::warn!("no root certificates found on this system, https providers will not verify");
    }
    if let Some(pem) = extra_roots_pem {
        let mut count = 0usize;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|e| HttpClientError::Roots(e.to_string()))?;
            roots
                .add(certificate)
                .map_err(|e| HttpClientError::Roots(e.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(HttpClientError::Roots("no certificate in it".to_owned()));
        }
    }
    // Explicit, so that nothing depends on a process-wide default provider.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| HttpClientError::Tls(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn classify(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() {
        HttpError::Timeout
    } else if error.is_connect() {
        HttpError::Connect(chain(error))
    } else if error.is_builder() {
        HttpError::Request(chain(error))
    } else {
        HttpError::Transport(chain(error))
    }
}

/// The innermost cause: reqwest's own text holds the URL, which at the
/// authorization server may carry a query.
fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if std::ptr::addr_eq(inner, error) {
        "request failed".to_owned()
    } else {
        inner.to_string()
    }
}
