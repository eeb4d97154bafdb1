//! Which route serves, by the rules as they are documented and as plainly as they can
//! be written down. No code of the product's is used.

use crate::routes::{Paths, Rewrite, Route};

/// What is asked for meets this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// The route at this place of the set.
    Route(usize),
    /// Pages of Portcullis itself.
    Own,
    Nothing,
}

/// The routes in the order in which they are tried.
pub(crate) struct Reference<'a> {
    pub(crate) routes: &'a [Route],
    /// Places in `routes`.
    pub(crate) order: &'a [usize],
    /// Whether Envoy's configuration is the gateway's own. What a rewrite could turn
    /// into a parent directory is then nobody's, and there is an authenticate host.
    pub(crate) is_ours: bool,
    /// The port of the authenticate host.
    pub(crate) authenticate_port: u16,
}

pub(crate) const AUTHENTICATE_HOST: &str = "authenticate.example.test";

impl Reference<'_> {
    pub(crate) fn find(&self, authority: &str, path: &str) -> Met {
        if matches!(
            path,
            "/ping" | "/healthz" | "/.pomerium" | "/.well-known/pomerium"
        ) || path.starts_with("/.pomerium/")
            || path.starts_with("/.well-known/pomerium/")
        {
            return Met::Own;
        }
        let (host, port) = parts(authority);
        if !self.is_ours && path == "/oauth2/callback" {
            return Met::Own;
        }
        if self.is_ours && host == AUTHENTICATE_HOST && port == Some(self.authenticate_port) {
            let own = matches!(path, "/oauth2/callback" | "/" | "/robots.txt");
            return if own { Met::Own } else { Met::Nothing };
        }
        for bound in [port, None] {
            let own: Vec<usize> = self
                .those(|route| route.host == host && route.port == bound && !route.has_stars())
                .collect();
            if !own.is_empty() {
                return self.first(own.into_iter(), path);
            }
        }
        let stars = self.those(|route| {
            let fits = route.port.is_none() || route.port == port;
            route.has_stars() && fits && glob(&route.host, &host)
        });
        self.first(stars, path)
    }

    fn those<'s>(&'s self, fits: impl Fn(&Route) -> bool + 's) -> impl Iterator<Item = usize> + 's {
        let order = self.order.iter().copied();
        order.filter(move |place| fits(&self.routes[*place]))
    }

    fn first(&self, mut places: impl Iterator<Item = usize>, path: &str) -> Met {
        let found = places.find(|place| {
            let route = &self.routes[*place];
            match &route.paths {
                Paths::All => path.starts_with('/'),
                Paths::Prefix(prefix) => {
                    path.starts_with(prefix.as_str()) && !self.climbs(route, prefix, path)
                }
                Paths::Exact(exact) => path == exact,
                Paths::Regex(pattern) => pattern.takes(path),
            }
        });
        found.map_or(Met::Nothing, Met::Route)
    }

    /// Whether a rewrite would make a `..` of what follows the prefix.
    fn climbs(&self, route: &Route, prefix: &str, path: &str) -> bool {
        let Rewrite::Matched(by) = &route.rewrite else {
            return false;
        };
        let rest = path.strip_prefix(prefix).unwrap_or_default();
        self.is_ours && by.ends_with('/') && !prefix.ends_with('/') && rest.starts_with("..")
    }
}

/// Host in lower case, and port.
fn parts(authority: &str) -> (String, Option<u16>) {
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let host = match port {
        Some(_) => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
        None => authority,
    };
    (host.to_ascii_lowercase(), port)
}

/// Whether `text` fits `stars`, each of which is any text.
pub(crate) fn glob(stars: &str, text: &str) -> bool {
    match stars.split_once('*') {
        None => stars == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            let mut ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.any(|at| glob(rest, &tail[at..]))
        }),
    }
}

#[test]
fn the_reference_follows_the_documented_order() {
    let route = |host: &str, port, paths| Route {
        name: String::new(),
        host: host.to_owned(),
        port,
        paths,
        rewrite: Rewrite::Matched("/in/".to_owned()),
        open: true,
    };
    let prefix = |text: &str| Paths::Prefix(text.to_owned());
    let routes = [
        route("*.test", None, prefix("/p")),
        route("a.test", None, Paths::Exact("/x".to_owned())),
        route("a.test", None, prefix("/x")),
        route("a.test", Some(8443), prefix("/x")),
        route("b*.test", Some(8443), Paths::All),
        route("*.test", None, Paths::All),
    ];
    let find = |is_ours, authority: &str, path: &str| {
        let reference = Reference {
            routes: &routes,
            order: &[0, 1, 2, 3, 4, 5],
            is_ours,
            authenticate_port: 443,
        };
        reference.find(authority, path)
    };
    for (authority, path, met) in [
        ("a.test", "/x", Met::Route(1)),
        ("A.test:9", "/xy", Met::Route(2)),
        ("a.test", "/p", Met::Nothing),
        ("a.test:8443", "/x", Met::Route(3)),
        ("z.test", "/p", Met::Route(0)),
        ("b.c.test:8443", "/", Met::Route(4)),
        ("b.c.test", "/", Met::Route(5)),
        ("test", "/", Met::Nothing),
        ("a.test", "/.pomerium/x", Met::Own),
        ("nobody", "/ping", Met::Own),
    ] {
        for is_ours in [false, true] {
            assert_eq!(find(is_ours, authority, path), met, "{authority}{path}");
        }
    }
    assert_eq!(find(false, "a.test", "/x../y"), Met::Route(2));
    assert_eq!(find(true, "a.test", "/x../y"), Met::Nothing);
    assert_eq!(find(false, "z.test", "/oauth2/callback"), Met::Own);
    assert_eq!(find(true, "z.test", "/oauth2/callback"), Met::Route(5));
    assert_eq!(find(true, "authenticate.example.test:443", "/"), Met::Own);
    assert_eq!(find(true, "authenticate.example.test:443", "/p"), Met::Nothing);
}
