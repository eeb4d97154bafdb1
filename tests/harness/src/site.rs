//! Everything one end-to-end test needs: provider, upstream and gateway.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::certificates::{Authority, Leaf};
use crate::client::Client;
use crate::gateway::Gateway;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider};
use crate::upstream::Upstream;
use crate::{assertion, ports};

/// The `shared_secret` of every site: base64 of 32 bytes.
pub(crate) const SHARED_SECRET: &str = "c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=";

/// A gateway with a provider and a recording upstream, on ports of their own.
/// Its hosts are `NAME.example.test`.
pub struct Site {
    /// The gateway; first, so that it ends first.
    pub gateway: Gateway,
    /// The identity provider.
    pub provider: IdentityProvider,
    /// The application behind every route.
    pub upstream: Upstream,
    /// The server certificate.
    pub leaf: Leaf,
    authority: Authority,
    port: u16,
    directory: TempDir,
}

impl Site {
    /// Starts a site. In `routes` (YAML, a list) and `globals` (YAML, keys)
    /// `{port}` stands for the gateway's port, `{upstream}` for the upstream's
    /// URL and `{dir}` for the directory of the site.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn start_with(globals: &str, routes: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let authority = Authority::new("Portcullis tests").expect("a key can be made");
        let leaf = authority.issue(&["*.example.test"]).expect("a key can be made");
        leaf.write(directory.path())
            .expect("a temporary directory is writable");
        let (port, health) = (ports::free(), ports::free());
        let authenticate = format!("https://authenticate.example.test:{port}");
        let provider = IdentityProvider::start(directory.path(), &authenticate);
        let upstream = Upstream::start();
        let places = Places {
            port,
            health,
            authenticate: &authenticate,
            issuer: provider.issuer(),
            upstream: &upstream.url(),
            directory: directory.path(),
        };
        let config = configuration(&places, globals, routes);
        let gateway = Gateway::start(directory.path(), &config, health);
        Self {
            gateway,
            provider,
            upstream,
            leaf,
            authority,
            port,
            directory,
        }
    }

    /// [`Site::start_with`] without further globals.
    #[must_use]
    #[track_caller]
    pub fn start(routes: &str) -> Self {
        Self::start_with("", routes)
    }

    /// The URL of a path on one of the site's hosts.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("{}{path}", self.origin(host))
    }

    /// `https://HOST.example.test:PORT`.
    #[must_use]
    pub fn origin(&self, host: &str) -> String {
        format!("https://{host}.example.test:{}", self.port)
    }

    /// The gateway's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory that the gateway runs in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The certificate of the authority that the site's certificate is from, DER.
    #[must_use]
    pub fn authority(&self) -> &[u8] {
        self.authority.der()
    }

    /// A client without cookies, like a fresh browser profile.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.authority.der())
    }

    /// Verifies the assertion of a recorded request to `host`; returns its claims.
    ///
    /// # Panics
    ///
    /// When there is none or it is not genuine.
    #[must_use]
    #[track_caller]
    pub fn assertion(&self, host: &str, mark: &str) -> serde_json::Value {
        let recorded = self.upstream.one(mark);
        let token = recorded
            .header("x-pomerium-jwt-assertion")
            .expect("an assertion reached the upstream");
        assertion::verify(&mut self.client(), &self.origin(host), token)
    }
}

/// Where the parts of a site stand.
pub(crate) struct Places<'a> {
    pub(crate) port: u16,
    pub(crate) health: u16,
    pub(crate) authenticate: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) upstream: &'a str,
    pub(crate) directory: &'a Path,
}

/// The configuration of a site, with the placeholders of [`Site::start_with`].
pub(crate) fn configuration(places: &Places<'_>, globals: &str, routes: &str) -> String {
    let Places {
        port,
        health,
        authenticate,
        issuer,
        upstream,
        directory,
    } = places;
    let claims = claims_headers(globals);
    let config = format!(
        "address: 127.0.0.1:{port}
health_check_addr: 127.0.0.1:{health}
certificates:
- {{cert: tls.crt, key: tls.key}}
authenticate_service_url: {authenticate}
idp_provider: oidc
idp_provider_url: {issuer}
idp_client_id: {CLIENT_ID}
idp_client_secret: {CLIENT_SECRET}
shared_secret: {SHARED_SECRET}
cookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
pass_identity_headers: true
{claims}
log_level: debug
{globals}
routes:
{routes}"
    );
    config
        .replace("{port}", &port.to_string())
        .replace("{upstream}", upstream)
        .replace("{dir}", &directory.display().to_string())
}

/// The claims that go to the upstream, unless `globals` say it.
pub(crate) fn claims_headers(globals: &str) -> &'static str {
    if globals.contains("jwt_claims_headers:") {
        ""
    } else {
        "jwt_claims_headers: {X-Email: email, X-Department: department}"
    }
}

/// One site for all tests of a file that run at the same time: the first of them
/// starts it, and it ends with the last.
pub struct SharedSite {
    globals: &'static str,
    routes: &'static str,
    running: Mutex<Weak<Site>>,
}

impl SharedSite {
    /// For a `static`; `routes` as for [`Site::start`].
    #[must_use]
    pub const fn new(routes: &'static str) -> Self {
        Self::with("", routes)
    }

    /// The same with further globals, as for [`Site::start_with`].
    #[must_use]
    pub const fn with(globals: &'static str, routes: &'static str) -> Self {
        Self {
            globals,
            routes,
            running: Mutex::new(Weak::new()),
        }
    }

    /// The running site, or a new one.
    #[must_use]
    #[track_caller]
    pub fn get(&self) -> Arc<Site> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let site = Arc::new(Site::start_with(self.globals, self.routes));
            *running = Arc::downgrade(&site);
            site
        })
    }
}
