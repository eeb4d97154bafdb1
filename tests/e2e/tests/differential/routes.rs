//! Sets of routes, made of a seed.

use serde_json::json;

use crate::pattern::{Pattern, Piece};
use crate::random::Random;
use crate::reference::glob;

/// Upstreams that a world has, hence the most routes of a set.
pub(crate) const ROUTES: usize = 24;
/// The host of the request that ends a batch; nothing else is asked of it.
pub(crate) const LAST_HOST: &str = "last.example.org";

const EXACT: [&str; 6] = [
    "app.example.test",
    "wiki.example.test",
    "deep.app.example.test",
    "a-b.example.test",
    "other.test",
    "wild.test",
];
const STARS: [&str; 6] = [
    "*.example.test",
    "*.wild.test",
    "w*.wild.test",
    "app.*",
    "*.a*.test",
    "*",
];
const SEGMENTS: [&str; 24] = [
    "pub",
    "admin",
    "a",
    "api",
    "v1",
    "v1.2",
    "x-y",
    "Admin",
    "public",
    "ad",
    "b",
    "~user",
    "a+b",
    "a%20b",
    "caf%C3%A9",
    "%7Euser",
    "index.html",
    "a,b",
    "a=b",
    "a:b",
    "q@r",
    "_",
    "1",
    "22",
];
/// What a path may have that means something to a matcher.
const METACHARACTERS: [&str; 8] = ["x*", "{id}", "[0-9]", "(a|b)", "a$", "^a", "a.b", "*"];

/// Which paths a route is for.
#[derive(Clone, Debug)]
pub(crate) enum Paths {
    All,
    Prefix(String),
    Exact(String),
    Regex(Pattern),
}

/// What becomes of the path on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    None,
    /// What matched, which of an exact path or an expression is all of it, by this text.
    Matched(String),
    /// A first slash by `/rw/`, by a regular expression: of an Envoy of somebody else's.
    FirstSlash,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    /// With stars or without.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) paths: Paths,
    pub(crate) rewrite: Rewrite,
    /// Whether anybody is let in; else nobody is.
    pub(crate) open: bool,
}

/// Routes in the order of the configuration; the one for [`LAST_HOST`] is the first.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) routes: Vec<Route>,
    /// `path_parameters`, where it is set.
    pub(crate) path_parameters: Option<&'static str>,
}

/// What routes can be made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In how many of a hundred sets a host is bound to a port.
    pub(crate) ports: usize,
    /// Whether a path can be rewritten by a regular expression.
    pub(crate) regex_rewrites: bool,
}

impl Set {
    pub(crate) fn new(random: &mut Random, limits: Limits) -> Self {
        let mut hosts: Vec<(&str, Option<u16>)> = Vec::new();
        for (names, most) in [(EXACT, 3), (STARS, 3)] {
            let mut names = names.to_vec();
            random.shuffle(&mut names);
            let some = random.between(1, most);
            hosts.extend(names.into_iter().take(some).map(|name| (name, None)));
        }
        if random.chance(limits.ports) {
            let (name, _) = hosts[random.below(hosts.len())];
            hosts.push((name, Some(8443)));
        }
        let mut routes = vec![Route {
            name: "last".to_owned(),
            host: LAST_HOST.to_owned(),
            port: None,
            paths: Paths::All,
            rewrite: Rewrite::None,
            open: true,
        }];
        let mut seen = Vec::new();
        let number = random.between(12, ROUTES - 1);
        while routes.len() <= number {
            let (host, port) = hosts[random.below(hosts.len())];
            // The last ones take what is left, as in most configurations.
            let is_late = routes.len() + 5 > number;
            let paths = match is_late && random.chance(50) {
                true => Paths::All,
                false => paths(random, &mut seen),
            };
            routes.push(Route {
                name: format!("r{}", routes.len()),
                host: host.to_owned(),
                port,
                rewrite: rewrite(random, &paths, limits),
                paths,
                open: random.chance(92),
            });
        }
        Self {
            routes,
            path_parameters: random.pick(&[&None, &Some("allow"), &Some("reject")]).to_owned(),
        }
    }

    /// The routes as `routes` of a configuration file; the upstream of each has a port
    /// of its own.
    pub(crate) fn written(&self, ports: &[u16]) -> String {
        let route = |(route, port): (&Route, &u16)| {
            let from = match route.port {
                Some(port) => format!("https://{}:{port}", route.host),
                None => format!("https://{}", route.host),
            };
            let mut keys =
                json!({"from": from, "name": route.name, "to": format!("http://127.0.0.1:{port}")});
            match &route.paths {
                Paths::All => {}
                Paths::Prefix(prefix) => keys["prefix"] = json!(prefix),
                Paths::Exact(path) => keys["path"] = json!(path),
                Paths::Regex(pattern) => keys["regex"] = json!(pattern.written()),
            }
            if let Rewrite::Matched(by) = &route.rewrite {
                keys["prefix_rewrite"] = json!(by);
            }
            if route.open {
                keys["allow_public_unauthenticated_access"] = json!(true);
            } else {
                keys["policy"] = json!([{"deny": {"or": [{"accept": true}]}}]);
            }
            format!("- {keys}\n")
        };
        self.routes.iter().zip(ports).map(route).collect()
    }
}

impl Route {
    pub(crate) fn has_stars(&self) -> bool {
        self.host.contains('*')
    }

    /// A host that it is for: `fill` stands for the stars.
    pub(crate) fn a_host(&self, fill: &str) -> String {
        let host = self.host.replace('*', fill);
        assert!(glob(&self.host, &host), "{host} is none of {}", self.host);
        host
    }

    /// The path and query that its upstream sees, of those that it was found by.
    pub(crate) fn sent(&self, target: &str) -> String {
        let (path, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
        let path = match (&self.rewrite, &self.paths) {
            (Rewrite::None, _) => return target.to_owned(),
            (Rewrite::FirstSlash, _) => path.replacen('/', "/rw/", 1),
            (Rewrite::Matched(by), Paths::All) => format!("{by}{}", path.strip_prefix('/').unwrap_or(path)),
            (Rewrite::Matched(by), Paths::Prefix(prefix)) => {
                format!("{by}{}", path.strip_prefix(prefix.as_str()).unwrap_or(path))
            }
            (Rewrite::Matched(by), Paths::Exact(_) | Paths::Regex(_)) => by.clone(),
        };
        format!("{path}{query}")
    }
}

/// One or more segments behind a slash.
pub(crate) fn a_path(random: &mut Random) -> String {
    let mut path = String::new();
    for _ in 0..random.between(1, 3) {
        path.push('/');
        path.push_str(random.pick(&SEGMENTS));
    }
    if random.chance(20) {
        path.push('/');
    }
    path
}

fn paths(random: &mut Random, seen: &mut Vec<String>) -> Paths {
    // Half of them overlap with one that is there already.
    let mut path = if seen.is_empty() || random.chance(50) {
        a_path(random)
    } else {
        let mut path = seen[random.below(seen.len())].clone();
        match random.below(4) {
            0 => path.push_str(&a_path(random)),
            1 => path.push_str(random.pick(&["x", "istrator", "-1", ".html", "%20"])),
            2 => path.truncate(path.rfind('/').filter(|at| *at > 0).unwrap_or(path.len())),
            _ => {}
        }
        path
    };
    if random.chance(8) {
        path = format!("{path}/{}", random.pick(&METACHARACTERS));
    }
    seen.push(path.clone());
    match random.below(100) {
        0..15 => Paths::All,
        15..55 => Paths::Prefix(path),
        55..78 => Paths::Exact(path),
        _ => Paths::Regex(expression(random, path)),
    }
}

fn expression(random: &mut Random, path: String) -> Pattern {
    let mut pieces = vec![Piece::Text(path)];
    for _ in 0..random.between(1, 3) {
        pieces.push(match random.below(6) {
            0 => Piece::Class('0', '9', 1, None),
            1 => Piece::Class('a', 'z', 0, Some(random.between(1, 9))),
            2 => Piece::Anything,
            3 => Piece::One,
            4 => Piece::Either(vec![a_path(random), "/x".to_owned(), "y".to_owned()]),
            _ => Piece::Maybe(a_path(random)),
        });
    }
    Pattern(pieces)
}

fn rewrite(random: &mut Random, paths: &Paths, limits: Limits) -> Rewrite {
    if random.chance(70) {
        return Rewrite::None;
    }
    if limits.regex_rewrites && random.chance(40) {
        return Rewrite::FirstSlash;
    }
    // What stands for the slash of every path must end in one, or paths lose it.
    let choices: &[&str] = match paths {
        Paths::All => &["/in/", "/"],
        _ => &["/in/", "/in", "/", "/in/deep"],
    };
    Rewrite::Matched(random.pick(choices).to_owned())
}
