//! The route that tests and explanations find is the one that Envoy finds in the
//! tables that it is given.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_bundle::matcher::{Matcher, Met, PathPattern, Pattern, Target};
use portcullis_bundle::{Found, Table};
use portcullis_config::{Authenticate, Config, PathMatcher};
use portcullis_control_plane::FileSource;
use portcullis_snapshot::{Context, Match, Route, Snapshot};
use regex::Regex;

const CONFIG: &str = "\
authenticate_service_url: https://login.example.com:8443
idp_provider: oidc
idp_provider_url: https://id.example.com
idp_client_id: x
idp_client_secret: y
shared_secret: Zm9yLXRoZS10ZXN0cy1hbG9uZS0zMi1ieXRlcy1sb24=
cookie_secret: Zm9yLXRoZS10ZXN0cy1hbG9uZS0zMi1ieXRlcy1sb24=
routes:
- {from: 'https://*.example.com', prefix: /deep/, to: http://u1}
- {from: https://a.example.com, path: /exact, to: http://u2}
- {from: https://a.example.com, regex: '/r/[a-z]+', to: http://u3}
- {from: https://a.example.com, prefix: /pre, to: http://u4}
- {from: https://a.example.com:8443, prefix: /pre, to: http://u5}
- {from: https://a.example.com:8443, to: http://u6}
- {from: https://login.example.com, to: http://u7}
- {from: https://login.example.com:8443, prefix: /app, to: http://u8}
- {from: 'https://*-x.example.com:8443', to: http://u9}
- {from: 'https://*.example.com', to: http://u10}
- {from: 'https://*', prefix: /everywhere, to: http://u11}
- {from: 'https://[::1]', to: http://u12}
- {from: https://b.example.com, path: /exact, to: http://u13}
- {from: https://b.example.com, path: /exact, to: http://u13}
- {from: https://b.example.com, to: http://u14}
- {from: https://b.example.com, path: /late, to: http://u15}
";

const HOSTS: [&str; 14] = [
    "a.example.com",
    "A.Example.COM",
    "a.example.com:8443",
    "a.example.com:9",
    "b.example.com",
    "b.example.com:8443",
    "c.example.com",
    "c-x.example.com:8443",
    "d.e.example.com",
    "login.example.com",
    "login.example.com:8443",
    "example.com",
    "other.test:8443",
    "[::1]",
];
const PATHS: [&str; 20] = [
    "/",
    "/exact",
    "/exact/",
    "/exact?a=b",
    "/r/abc",
    "/r/abc/",
    "/x/r/abc",
    "/pre",
    "/prefix/x",
    "/deep/x",
    "/app",
    "/late",
    "/everywhere",
    "/ping",
    "/pings",
    "/.pomerium",
    "/.pomerium/x",
    "/.well-known/pomerium/jwks.json",
    "/oauth2/callback",
    "/robots.txt",
];

/// Envoy: the domain that is the whole `Host` header, then the longest with a star
/// at its end, then the star alone; within it the first route that matches.
fn envoy<'s>(snapshot: &'s Snapshot, authority: &str, path: &str) -> &'s Route {
    let authority = authority.to_ascii_lowercase();
    let fits = |domain: &str| match domain.strip_suffix('*') {
        None => domain == authority,
        Some(start) => authority.starts_with(start) && authority.len() > start.len(),
    };
    let rank = |domain: &str| (!domain.ends_with('*'), domain.len());
    let host = snapshot
        .hosts()
        .flat_map(|host| host.value.domains.iter().map(move |domain| (domain, host)))
        .filter(|(domain, _)| fits(domain))
        .max_by_key(|(domain, _)| rank(domain))
        .map(|(_, host)| host)
        .unwrap();
    let whole = |regex: &str, text: &str| Regex::new(&format!("^(?:{regex})$")).unwrap().is_match(text);
    let path = path.split('?').next().unwrap();
    let routes = host.value.routes.iter().map(|part| &part.value);
    routes
        .filter(|route| {
            route
                .authority
                .as_ref()
                .is_none_or(|regex| whole(regex, &authority))
        })
        .find(|route| match &route.matcher {
            Match::Prefix(prefix) => path.starts_with(prefix),
            Match::Path(exact) => path == exact,
            Match::Regex(regex) => whole(regex, path),
            Match::Connect => false,
        })
        .unwrap()
}

fn matcher(config: &Config) -> Matcher {
    let patterns = config.routes.iter().map(|route| Pattern {
        host: route.from.host.clone(),
        port: route.from.port,
        path: match &route.matcher {
            PathMatcher::Any => PathPattern::Any,
            PathMatcher::Prefix(prefix) => PathPattern::Prefix(prefix.clone()),
            PathMatcher::Path(path) => PathPattern::Path(path.clone()),
            PathMatcher::Regex(regex) => PathPattern::Regex(regex.clone()),
        },
    });
    let Some(Authenticate::Own { host, port, .. }) = &config.global.authenticate else {
        panic!("{:?}", config.global.authenticate)
    };
    Matcher::new(patterns, Some((host.clone(), *port))).unwrap()
}

#[test]
fn the_matcher_finds_what_envoy_finds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, CONFIG).unwrap();
    let loaded = FileSource::new(&file).unwrap().load();
    let (config, snapshot) = (loaded.config.unwrap(), loaded.snapshot.unwrap());
    let matcher = matcher(&config);
    // By which a foreign Envoy's requests are found, from what authz-servers are given.
    let table = Table::of(&loaded.bundle.unwrap(), None).unwrap();
    let mut met = std::collections::BTreeMap::new();
    for host in HOSTS {
        for path in PATHS {
            let target = Target::parse(&format!("https://{host}{path}")).unwrap();
            let found = matcher.find("GET", &target);
            let expected = envoy(&snapshot, host, path);
            let by_table = table.find("GET", &target.host, target.port, target.path());
            let agree = match (by_table, &expected.context) {
                (Found::Internal, Context::Internal) | (Found::Nothing, Context::NoRoute) => true,
                (Found::Route(id), Context::Policy(wanted)) => id == *wanted,
                _ => false,
            };
            assert!(
                agree,
                "{host}{path}: {by_table:?}, but Envoy {:?}",
                expected.context
            );
            let same = match (found, &expected.context) {
                (Met::Internal, Context::Internal) | (Met::Nothing, Context::NoRoute) => true,
                (Met::Route(index), Context::Policy(_)) => {
                    // Each leads to an upstream of its own, but for the duplicate.
                    let of_config = &config.routes[index];
                    let text = format!("{:?}", of_config.action);
                    let number = text
                        .split("//u")
                        .nth(1)
                        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
                    let cluster = format!("{:?}", expected.action);
                    let wanted = format!(
                        "{:?}",
                        snapshot
                            .clusters
                            .iter()
                            .find(|(name, _)| cluster.contains(name.as_str()))
                    );
                    wanted.contains(&format!("u{}\"", number.unwrap()))
                }
                _ => false,
            };
            assert!(
                same,
                "{host}{path}: {found:?}, but Envoy {:?} {:?}",
                expected.name, expected.context
            );
            *met.entry(format!("{found:?}")).or_insert(0) += 1;
        }
    }
    assert!(met.len() >= 15, "few kinds of answers were compared: {met:?}");
}
