//! The same hosts and routes in three shapes: behind our own Envoy, beside one of
//! Istio's shape, and beside a stock one of bare defaults.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use url::Url;

use crate::client::{Client, Response};
use crate::envoy::EnvoyProcess;
use crate::frames;
use crate::http2::{self, Http2Request};
use crate::provider::{IdentityProvider, PASSWORD};
use crate::roles::{Access, Beside, DropIn};
use crate::site::Site;
use crate::upstream::Upstream;

mod at_exit;
mod decision;

pub use at_exit::before_exit;
pub use decision::Decision;

/// What of it is who's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// The gateway: Envoy is configured by our xDS, and names the route in the check.
    Ours,
    /// An authz-server beside an Envoy with the connection manager, the filter order and
    /// the pair of filters of `examples/istio/envoy.yaml`, and one route for everything.
    Istio,
    /// The same beside a stock Envoy with Envoy's own defaults.
    Bare,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ours, Self::Istio, Self::Bare];

    /// As the tables have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Istio => "Istio",
            Self::Bare => "bare",
        }
    }
}

/// One shape with a provider and a recording upstream. Hosts are `NAME.example.test`;
/// logins go over `authenticate.example.test`.
pub struct World {
    /// Which it is.
    pub shape: Shape,
    /// The application behind every route.
    pub upstream: Upstream,
    engine: Engine,
    /// For what needs no cookies: its TLS sessions are resumed.
    plain: Client,
    signed_in: Mutex<HashMap<(String, String), Client>>,
    secrets: Mutex<Vec<String>>,
}

enum Engine {
    Ours(Box<Site>),
    Beside(Box<DropIn>),
}

impl World {
    /// Starts everything. In `globals` (YAML, keys) and `routes` (YAML, a list) `{port}`
    /// stands for Envoy's port, `{upstream}` for the upstream's URL and `{dir}` for the
    /// directory of the world.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn start(shape: Shape, globals: &str, routes: &str) -> Self {
        let with_host = if globals.contains("authenticate_service_url") {
            globals.to_owned()
        } else {
            format!("authenticate_service_url: https://authenticate.example.test:{{port}}\n{globals}")
        };
        let beside = match shape {
            Shape::Ours => return Self::of_site(Site::start_with(globals, routes)),
            Shape::Istio => Beside::istio(routes),
            Shape::Bare => Beside::of(routes),
        };
        Self::start_beside(
            shape,
            &Beside {
                globals: &with_host,
                ..beside
            },
        )
    }

    /// The same with an Envoy of another's that is told more than that: fields of the
    /// filter, routes, another way to the server.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn start_beside(shape: Shape, beside: &Beside<'_>) -> Self {
        let drop_in = Box::new(DropIn::start(beside));
        Self::of(shape, drop_in.upstream.clone(), Engine::Beside(drop_in))
    }

    fn of_site(site: Site) -> Self {
        Self::of(Shape::Ours, site.upstream.clone(), Engine::Ours(Box::new(site)))
    }

    fn of(shape: Shape, upstream: Upstream, engine: Engine) -> Self {
        let secrets = [
            crate::site::SHARED_SECRET,
            "Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=",
            crate::provider::CLIENT_SECRET,
        ];
        let plain = match &engine {
            Engine::Ours(site) => site.client(),
            Engine::Beside(drop_in) => drop_in.client(),
        };
        Self {
            shape,
            upstream,
            engine,
            plain,
            signed_in: Mutex::default(),
            secrets: Mutex::new(secrets.map(str::to_owned).to_vec()),
        }
    }

    /// The URL of a path on one of the hosts.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{}{path}", self.authority(host))
    }

    /// `NAME.example.test:PORT`, as it stands in `Host`.
    #[must_use]
    pub fn authority(&self, host: &str) -> String {
        format!("{host}.example.test:{}", self.port())
    }

    /// The port of Envoy's listener.
    #[must_use]
    pub fn port(&self) -> u16 {
        match &self.engine {
            Engine::Ours(site) => site.port(),
            Engine::Beside(drop_in) => drop_in.port(),
        }
    }

    /// A client without cookies, like a fresh browser profile.
    #[must_use]
    pub fn client(&self) -> Client {
        match &self.engine {
            Engine::Ours(site) => site.client(),
            Engine::Beside(drop_in) => drop_in.client(),
        }
    }

    /// A client whom the provider has logged in on a host; the second time the same
    /// session.
    ///
    /// # Panics
    ///
    /// When the login does not end with a session.
    #[must_use]
    #[track_caller]
    pub fn signed_in(&self, host: &str, user: &str) -> Client {
        let key = (host.to_owned(), user.to_owned());
        let mut kept = self.signed_in.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.get(&key) {
            return client.clone();
        }
        let mut client = self.client();
        let page = client.login(&self.url(host, "/"), user, PASSWORD);
        let all: Vec<_> = ["authenticate", host]
            .iter()
            .flat_map(|host| client.cookies(&format!("{host}.example.test")))
            .collect();
        let session = all
            .iter()
            .any(|(name, value)| name == "_pomerium" && !value.is_empty());
        assert!(
            session,
            "no session at {}: {}\n{}",
            page.url,
            page.status,
            page.text()
        );
        for (name, value) in all {
            if name.starts_with("_pomerium") {
                self.keep_secret(&value);
            }
        }
        kept.insert(key, client.clone());
        client
    }

    /// The value of the session cookie of [`World::signed_in`], with its name:
    /// `_pomerium=…`.
    ///
    /// # Panics
    ///
    /// When the login does not end with a session.
    #[must_use]
    #[track_caller]
    pub fn session_cookie(&self, host: &str, user: &str) -> String {
        let cookies = self
            .signed_in(host, user)
            .cookies(&format!("{host}.example.test"));
        let found = cookies.iter().find(|(name, _)| name == "_pomerium");
        format!("_pomerium={}", found.expect("a session").1)
    }

    /// From now on no log may show this text.
    pub fn keep_secret(&self, text: &str) {
        // A short value could stand anywhere by chance.
        if text.len() >= 16 {
            let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.push(text.to_owned());
        }
    }

    /// What no log may show: our secrets, the client's secret at the provider, and the
    /// session cookies that were given out.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.clone()
    }

    /// Sends these bytes over TLS (SNI `app.example.test`, HTTP/1.1) and reads one answer.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    #[must_use]
    #[track_caller]
    pub fn raw(&self, bytes: &[u8]) -> Response {
        self.try_raw(bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(bytes)))
    }

    /// The same, where there may be no answer.
    ///
    /// # Errors
    ///
    /// When the connection fails, or is closed without an answer.
    pub fn try_raw(&self, bytes: &[u8]) -> io::Result<Response> {
        self.plain.try_raw(&self.some_url(), bytes)
    }

    /// Sends one request over HTTP/2, as a library writes it.
    ///
    /// # Errors
    ///
    /// When the connection or the stream fails, as it does for malformed requests.
    pub fn http2(&self, request: &Http2Request<'_>) -> io::Result<http::Response<Bytes>> {
        let authority = match &self.engine {
            Engine::Ours(site) => site.authority(),
            Engine::Beside(drop_in) => drop_in.authority(),
        };
        http2::send(authority, request)
    }

    /// Sends one request over HTTP/2 (SNI `app.example.test`), as it is given:
    /// pseudo-headers and all.
    ///
    /// # Errors
    ///
    /// As [`frames::send`].
    pub fn frames(&self, request: &frames::Request) -> io::Result<Response> {
        frames::send(&self.plain, &self.some_url(), request)
    }

    /// The same of several at once, each over a connection of its own: an Envoy that ends
    /// a connection takes its time.
    #[must_use]
    pub fn frames_at_once(&self, requests: &[frames::Request]) -> Vec<io::Result<Response>> {
        let (client, url) = (&self.plain, &self.some_url());
        std::thread::scope(|scope| {
            let running: Vec<_> = requests
                .iter()
                .map(|request| scope.spawn(move || frames::send(client, url, request)))
                .collect();
            let ended = running.into_iter().map(|thread| thread.join());
            ended.map(|answer| answer.expect("no sender panics")).collect()
        })
    }

    fn some_url(&self) -> Url {
        Url::parse(&self.url("app", "/")).expect("a URL")
    }

    /// Everything that our server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        match &self.engine {
            Engine::Ours(site) => site.gateway.log(),
            Engine::Beside(drop_in) => drop_in.authz.log(),
        }
    }

    /// Every decision that our server has logged.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        self.log().lines().filter_map(Decision::parse).collect()
    }

    /// What Envoy wrote down. Nothing in [`Shape::Ours`]: the Envoy that we configure
    /// keeps no such log; it names the route in the check, and so does the decision.
    #[must_use]
    pub fn access_log(&self) -> Vec<Access> {
        match &self.engine {
            Engine::Ours(_) => Vec::new(),
            Engine::Beside(drop_in) => drop_in.access_log(),
        }
    }

    /// What our server's `/metrics` says.
    #[must_use]
    #[track_caller]
    pub fn metrics(&self) -> String {
        match &self.engine {
            Engine::Ours(site) => site.gateway.metrics(),
            Engine::Beside(drop_in) => drop_in.authz.metrics(),
        }
    }

    /// Envoy, seen through its admin socket.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[must_use]
    #[track_caller]
    pub fn envoy(&self) -> EnvoyProcess {
        match &self.engine {
            Engine::Ours(site) => EnvoyProcess::of(site.gateway.pid()),
            Engine::Beside(drop_in) => drop_in.envoy_process(),
        }
    }

    /// The process of our server, `None` while it does not run.
    #[must_use]
    pub fn server(&self) -> Option<u32> {
        match &self.engine {
            Engine::Ours(site) => Some(site.gateway.pid()),
            Engine::Beside(drop_in) => drop_in.authz.pid(),
        }
    }

    /// Its memory (RSS, KiB) and how many descriptors it has open.
    #[must_use]
    pub fn usage(&self) -> Option<(u64, usize)> {
        let proc = Path::new("/proc").join(self.server()?.to_string());
        let status = fs::read_to_string(proc.join("status")).ok()?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let rss = rss.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some((rss, fs::read_dir(proc.join("fd")).ok()?.count()))
    }

    /// The directory with the configuration and all logs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match &self.engine {
            Engine::Ours(site) => site.directory(),
            Engine::Beside(drop_in) => drop_in.directory(),
        }
    }

    /// The identity provider.
    #[must_use]
    pub fn provider(&self) -> &IdentityProvider {
        match &self.engine {
            Engine::Ours(site) => &site.provider,
            Engine::Beside(drop_in) => &drop_in.provider,
        }
    }

    /// Kills our server (SIGKILL). In [`Shape::Ours`] that is the gateway, whose Envoy
    /// ends with it: nobody listens any more.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[track_caller]
    pub fn kill_server(&mut self) {
        match &mut self.engine {
            Engine::Ours(site) => {
                let process = site.gateway.process();
                process.signal(libc::SIGKILL);
                let ended = process.wait(crate::wait::PATIENCE);
                assert!(ended.is_some(), "the gateway cannot be killed");
            }
            Engine::Beside(drop_in) => drop_in.authz.kill(),
        }
    }

    /// Starts our server again on the same configuration and state.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    #[track_caller]
    pub fn start_server(&mut self) {
        match &mut self.engine {
            Engine::Ours(site) => site.gateway.start_again(),
            Engine::Beside(drop_in) => drop_in.authz.start(),
        }
    }

    /// Stops our server from running (SIGSTOP) or lets it go on (SIGCONT): Envoy waits for
    /// it meanwhile.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[track_caller]
    pub fn hold_server(&self, still: bool) {
        let signal = if still { libc::SIGSTOP } else { libc::SIGCONT };
        match &self.engine {
            Engine::Ours(site) => site.gateway.signal(signal),
            Engine::Beside(drop_in) => drop_in.authz.signal(signal),
        }
    }
}
