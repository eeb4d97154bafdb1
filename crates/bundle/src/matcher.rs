//! Which route a request meets, found as Envoy finds it in the tables that it is
//! given: for whatever must know it without an Envoy to ask.
//!
//! 1. A request belongs to one host. One that is named with the request's port goes
//!    before one that is named without; only where neither is named do the hosts
//!    with stars count, all of them in the order of the configuration. What a host
//!    of its own does not serve is not found, and no looser host takes it.
//! 2. Within the host our own endpoints come first, then the routes in the order of
//!    the configuration; the first whose path fits serves.

mod path;
mod target;
#[cfg(test)]
mod tests;

pub use target::{Target, TargetError};

use portcullis_model::{Host, HostPattern};
use regex::{Regex, RegexBuilder};
use std::collections::{BTreeSet, HashMap};

/// Our own endpoints on every host, which no policy guards.
const PATHS: [&str; 4] = ["/ping", "/healthz", "/.pomerium", "/.well-known/pomerium"];
const PREFIXES: [&str; 2] = ["/.pomerium/", "/.well-known/pomerium/"];
/// Those of the authenticate host besides.
const AUTHENTICATE_PATHS: [&str; 3] = ["/oauth2/callback", "/", "/robots.txt"];

/// A regular expression may grow to this many bytes when it is compiled.
const MAX_REGEX: usize = 16 << 20;

/// Which requests one route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The hosts.
    pub host: HostPattern,
    /// The port, where `from` names one that is not the scheme's own; without it
    /// every port fits.
    pub port: Option<u16>,
    /// The paths.
    pub path: PathPattern,
}

/// Which paths a route is for. The path is the one that Envoy compares: normalised,
/// still percent-encoded, without the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// Every path.
    Any,
    /// Paths that begin with this text, whether or not a segment ends there.
    Prefix(String),
    /// This path alone.
    Path(String),
    /// Paths that this regular expression (RE2) matches as a whole.
    Regex(String),
}

impl PathPattern {
    /// The text that is compared; empty for every path.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Any => "",
            Self::Prefix(text) | Self::Path(text) | Self::Regex(text) => text,
        }
    }
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The route at this place in the list of patterns.
    Route(usize),
    /// One of our own endpoints, which no policy guards.
    Internal,
    /// No route: 404.
    Nothing,
}

/// A regular expression that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the regular expression of route {route} cannot be used here: {message}")]
pub struct MatcherError {
    /// The place in the list of patterns.
    pub route: usize,
    /// Why not.
    pub message: String,
}

/// The routes of one configuration, ready to be asked. Finding a host is one look-up,
/// whatever the number of hosts; within it the routes are tried in turn.
#[derive(Debug)]
pub struct Matcher {
    /// By name, with the port where a host is bound to one.
    hosts: HashMap<(Host, Option<u16>), Vec<Entry>>,
    starred: Vec<(HostPattern, Option<u16>, Entry)>,
    authenticate: Option<(Host, Option<u16>)>,
    /// The ports that those hosts are bound to that are.
    bound: HashMap<Host, Vec<u16>>,
    /// The same of hosts with stars, each pair once whatever the number of its routes.
    bound_stars: Vec<(HostPattern, u16)>,
}

#[derive(Debug)]
struct Entry {
    route: usize,
    paths: Paths,
}

#[derive(Debug)]
enum Paths {
    All,
    Prefix(String),
    Exact(String),
    Regex(Regex),
}

impl Matcher {
    /// A matcher of these routes, in the order of the configuration. `authenticate`
    /// is the host and the external port of our own authenticate service, if there
    /// is one.
    ///
    /// # Errors
    /// When a regular expression cannot be compiled.
    pub fn new(
        patterns: impl IntoIterator<Item = Pattern>,
        authenticate: Option<(Host, u16)>,
    ) -> Result<Self, MatcherError> {
        let authenticate = authenticate.map(|(host, port)| (host, Some(port).filter(|port| *port != 443)));
        let mut hosts: HashMap<_, Vec<Entry>> = HashMap::new();
        if let Some(own) = &authenticate {
            hosts.insert(own.clone(), Vec::new());
        }
        let mut starred = Vec::new();
        for (route, Pattern { host, port, path }) in patterns.into_iter().enumerate() {
            let paths = Paths::new(path).map_err(|message| MatcherError { route, message })?;
            let entry = Entry { route, paths };
            match host {
                HostPattern::Exact(host) => hosts.entry((host, port)).or_default().push(entry),
                stars @ HostPattern::Wildcard(_) => starred.push((stars, port, entry)),
            }
        }
        let mut bound: HashMap<_, Vec<u16>> = HashMap::new();
        for (host, port) in hosts.keys() {
            if let Some(port) = port {
                bound.entry(host.clone()).or_default().push(*port);
            }
        }
        let bound_stars: BTreeSet<_> = starred
            .iter()
            .filter_map(|(stars, port, _)| Some((stars.clone(), (*port)?)))
            .collect();
        Ok(Self {
            hosts,
            starred,
            authenticate,
            bound,
            bound_stars: bound_stars.into_iter().collect(),
        })
    }

    /// What a request of this method to `target` meets. A `CONNECT` has no path and
    /// meets no route.
    #[must_use]
    pub fn find(&self, method: &str, target: &Target) -> Met {
        self.find_at(method, &target.host, target.port, target.path())
    }

    /// What a request of this method to `path` at `host` meets, the port being that
    /// which is asked for, if it names one. Nothing is normalised here: the path is as
    /// Envoy compares it, percent-encoded and without the query.
    #[must_use]
    pub fn find_at(&self, method: &str, host: &Host, port: Option<u16>, path: &str) -> Met {
        if method == "CONNECT" {
            return Met::Nothing;
        }
        if PATHS.contains(&path) || PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
            return Met::Internal;
        }
        let with_port = port.map(|port| (host.clone(), Some(port)));
        let without = (host.clone(), None);
        for name in with_port.into_iter().chain([without]) {
            let Some(entries) = self.hosts.get(&name) else {
                continue;
            };
            if self.authenticate.as_ref() == Some(&name) && AUTHENTICATE_PATHS.contains(&path) {
                return Met::Internal;
            }
            return first(entries.iter(), path);
        }
        first(
            self.starred
                .iter()
                .filter(|(stars, bound, _)| stars_take(stars, *bound, host, port))
                .map(|(_, _, entry)| entry),
            path,
        )
    }

    /// Whether any route is for this host.
    #[must_use]
    pub fn knows(&self, host: &Host, port: Option<u16>) -> bool {
        let stars = |(stars, bound, _): &(HostPattern, _, _)| stars_take(stars, *bound, host, port);
        let named = |port| self.hosts.contains_key(&(host.clone(), port));
        named(None) || (port.is_some() && named(port)) || self.starred.iter().any(stars)
    }

    /// What a request meets where a dot behind the host is not taken away: no host of its
    /// own has one, but stars may take it. Our own endpoints are left out.
    #[must_use]
    pub fn find_with_dot(&self, host: &Host, port: Option<u16>, path: &str) -> Met {
        let takes = |stars: &HostPattern, bound: Option<u16>| {
            !host.as_str().starts_with('[')
                && stars.matches_with_dot(host)
                && (bound.is_none() || bound == port)
        };
        let fitting = self
            .starred
            .iter()
            .filter(|(stars, bound, _)| takes(stars, *bound));
        first(fitting.map(|(_, _, entry)| entry), path)
    }

    /// Every port by which [`find_with_dot`](Self::find_with_dot) may meet something of its
    /// own, each once; `None` stands for all others and for none.
    #[must_use]
    pub fn ports_with_dot(&self, host: &Host) -> BTreeSet<Option<u16>> {
        let bound = self
            .bound_stars
            .iter()
            .filter(|(stars, _)| stars.matches_with_dot(host));
        core::iter::once(None)
            .chain(bound.map(|(_, port)| Some(*port)))
            .collect()
    }

    /// Every port by which a request to this host may meet something of its own, each
    /// once; `None` stands for all others and for none.
    #[must_use]
    pub fn ports(&self, host: &Host) -> BTreeSet<Option<u16>> {
        let bound = self.bound.get(host).into_iter().flatten().copied();
        let starred = self
            .bound_stars
            .iter()
            .filter_map(|(stars, port)| stars_take(stars, Some(*port), host, Some(*port)).then_some(*port));
        core::iter::once(None)
            .chain(bound.chain(starred).map(Some))
            .collect()
    }

    /// Those of [`ports`](Self::ports) by which a request with `port` does not go already.
    #[must_use]
    pub fn other_ports(&self, host: &Host, port: Option<u16>) -> BTreeSet<Option<u16>> {
        let mut ports = self.ports(host);
        // A port that nothing is bound to is as good as none.
        if !ports.remove(&port) {
            ports.remove(&None);
        }
        ports
    }

    /// Whether the route at this place in the list of patterns, which is for this host
    /// and port, is for `path`, whatever route may come before it.
    #[must_use]
    pub fn takes(&self, route: usize, host: &HostPattern, port: Option<u16>, path: &str) -> bool {
        let fits = |entry: &Entry| entry.route == route && entry.paths.take(path);
        match host {
            HostPattern::Exact(host) => {
                let entries = self.hosts.get(&(host.clone(), port));
                entries.is_some_and(|entries| entries.iter().any(fits))
            }
            HostPattern::Wildcard(_) => self.starred.iter().any(|(_, _, entry)| fits(entry)),
        }
    }
}

/// A star is any text that a host name can have, but no part of an address in
/// brackets.
fn stars_take(stars: &HostPattern, bound: Option<u16>, host: &Host, port: Option<u16>) -> bool {
    !host.as_str().starts_with('[') && stars.matches(host) && (bound.is_none() || bound == port)
}

fn first<'e>(mut entries: impl Iterator<Item = &'e Entry>, path: &str) -> Met {
    entries
        .find(|entry| entry.paths.take(path))
        .map_or(Met::Nothing, |entry| Met::Route(entry.route))
}

impl Paths {
    fn new(pattern: PathPattern) -> Result<Self, String> {
        Ok(match pattern {
            PathPattern::Any => Self::All,
            PathPattern::Prefix(prefix) => Self::Prefix(prefix),
            PathPattern::Path(path) => Self::Exact(path),
            PathPattern::Regex(regex) => {
                // Alike in RE2 and here, since paths are ASCII by now.
                let whole = format!(r"\A(?:{regex})\z");
                let built = RegexBuilder::new(&whole).size_limit(MAX_REGEX).build();
                Self::Regex(built.map_err(|error| error.to_string())?)
            }
        })
    }

    fn take(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => path.starts_with(prefix),
            Self::Exact(exact) => path == exact,
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}
