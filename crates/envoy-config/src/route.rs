//! Route tables.

mod action;

use crate::http::EXT_AUTHZ;
use crate::proto::{any, literal, overwrite};
use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::config::route::v3 as route;
use envoy_types::pb::envoy::extensions::filters::http::ext_authz::v3::{
    BufferSettings, CheckSettings, ExtAuthzPerRoute, ext_authz_per_route::Override,
};
use envoy_types::pb::envoy::r#type::matcher::v3 as matcher;
use envoy_types::pb::google::protobuf::Any;
use matcher::string_matcher::MatchPattern;
use portcullis_snapshot::{Action, Context, Match, Part, ResponseHeaders, Route, RouteTable, VirtualHost};
use prost::Message as _;
use route::HeaderMatcher;
use route::header_matcher::HeaderMatchSpecifier;
use route::route_match::{ConnectMatcher, PathSpecifier};
use std::collections::HashMap;
use std::sync::Arc;

/// Context key: `true` on our own endpoints, else `false`.
pub const CONTEXT_INTERNAL: &str = "internal";
/// Context key: the route id, empty where there is none.
pub const CONTEXT_ROUTE_ID: &str = "route_id";
/// Context key of the routes that end every host, which answer nothing
/// themselves.
pub const CONTEXT_TERMINAL: &str = "terminal";
/// Its value there: no route matched.
pub const TERMINAL_NO_ROUTE: &str = "no_route";

/// The largest body that a check is shown, in bytes (Pomerium: 4096,
/// `mcp.server.max_request_bytes`).
const MAX_BODY: u32 = 64 * 1024;

pub(crate) fn message(name: &str, table: &RouteTable) -> route::RouteConfiguration {
    let spread = spread(table);
    route::RouteConfiguration {
        virtual_hosts: table
            .hosts
            .iter()
            .map(|host| virtual_host(&host.value, spread))
            .collect(),
        ..without_hosts(name, table, spread)
    }
}

fn without_hosts(name: &str, table: &RouteTable, spread: Spread<'_>) -> route::RouteConfiguration {
    let response_headers_to_add = match spread {
        None => set(&table.response_headers),
        Some(_) => Vec::new(),
    };
    route::RouteConfiguration {
        name: name.to_owned(),
        response_headers_to_add,
        // What a route sets wins over what all set.
        most_specific_header_mutations_wins: true,
        ..Default::default()
    }
}

/// The headers of the table, where they must stand at each route: what the table
/// sets no route can unset. `None` where every route inherits them, and the table
/// sets them once.
type Spread<'a> = Option<&'a [(String, String)]>;

fn spread(table: &RouteTable) -> Spread<'_> {
    let mut routes = table.hosts.iter().flat_map(|host| &host.value.routes);
    routes
        .any(|route| matches!(route.value.response_headers, ResponseHeaders::None))
        .then_some(table.response_headers.as_slice())
}

fn set(headers: &[(String, String)]) -> Vec<HeaderValueOption> {
    headers
        .iter()
        .map(|(name, value)| overwrite(name, &literal(value)))
        .collect()
}

/// Key of the field `virtual_hosts` of a `RouteConfiguration`: number 2,
/// length-delimited.
const VIRTUAL_HOSTS: u8 = (2 << 3) | 2;

/// The encoding of [`message`], in pieces: encodings of two halves of a message,
/// one behind the other, are one of the whole. So the routes that all hosts share,
/// which are most of a large table, are encoded once.
pub(crate) fn encoded(name: &str, table: &RouteTable) -> Vec<u8> {
    let spread = spread(table);
    let mut out = without_hosts(name, table, spread).encode_to_vec();
    let mut shared: HashMap<*const Part<Route>, Vec<u8>> = HashMap::new();
    let mut bytes = Vec::new();
    for host in &table.hosts {
        let VirtualHost {
            name,
            domains,
            routes,
        } = &host.value;
        let head = route::VirtualHost {
            name: name.clone(),
            domains: domains.clone(),
            ..Default::default()
        };
        bytes.clear();
        bytes.extend(head.encode_to_vec());
        for part in routes {
            let with_route = || {
                let routes = vec![one(&part.value, spread)];
                let host = route::VirtualHost {
                    routes,
                    ..Default::default()
                };
                host.encode_to_vec()
            };
            if Arc::strong_count(part) == 1 {
                bytes.extend(with_route());
            } else {
                bytes.extend_from_slice(shared.entry(Arc::as_ptr(part)).or_insert_with(with_route));
            }
        }
        out.push(VIRTUAL_HOSTS);
        // Fails only where the buffer has an end.
        let _ = prost::encode_length_delimiter(bytes.len(), &mut out);
        out.extend_from_slice(&bytes);
    }
    out
}

fn virtual_host(host: &VirtualHost, spread: Spread<'_>) -> route::VirtualHost {
    route::VirtualHost {
        name: host.name.clone(),
        domains: host.domains.clone(),
        routes: host
            .routes
            .iter()
            .map(|route| one(&route.value, spread))
            .collect(),
        ..Default::default()
    }
}

fn one(of: &Route, spread: Spread<'_>) -> route::Route {
    let path = match &of.matcher {
        Match::Prefix(prefix) => PathSpecifier::Prefix(prefix.clone()),
        Match::Path(path) => PathSpecifier::Path(path.clone()),
        Match::Regex(regex) => PathSpecifier::SafeRegex(whole(regex)),
        Match::Connect => PathSpecifier::ConnectMatcher(ConnectMatcher {}),
    };
    let authority = of.authority.as_ref().map(|regex| HeaderMatcher {
        name: ":authority".to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(matcher::StringMatcher {
            match_pattern: Some(MatchPattern::SafeRegex(whole(regex))),
            ..Default::default()
        })),
        ..Default::default()
    });
    route::Route {
        name: of.name.clone(),
        r#match: Some(route::RouteMatch {
            path_specifier: Some(path),
            headers: authority.into_iter().chain(no_way_up(of)).collect(),
            ..Default::default()
        }),
        typed_per_filter_config: HashMap::from([(EXT_AUTHZ.to_owned(), check(of))]),
        request_headers_to_remove: of.remove_request_headers.clone(),
        response_headers_to_add: response_headers(&of.response_headers, spread),
        action: Some(action::message(&of.action)),
        ..Default::default()
    }
}

/// Keeps a rewrite from making `..` of a path that has none: with the prefix
/// `/app` in place of which `/base/` is sent, `/app../x` would arrive as
/// `/base/../x`, outside of what the route leads to. Such a path is not the
/// route's.
fn no_way_up(of: &Route) -> Option<HeaderMatcher> {
    let (Match::Prefix(prefix), Action::Upstream(upstream)) = (&of.matcher, &of.action) else {
        return None;
    };
    let (_, end) = upstream.prefix_rewrite.as_deref()?.rsplit_once('/')?;
    let rest = match end {
        "" => "..",
        "." => ".",
        _ => return None,
    };
    // The path is normalised: behind a slash there are no dots.
    (!prefix.ends_with('/')).then(|| HeaderMatcher {
        name: ":path".to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(matcher::StringMatcher {
            match_pattern: Some(MatchPattern::Prefix(format!("{prefix}{rest}"))),
            ..Default::default()
        })),
        invert_match: true,
        ..Default::default()
    })
}

/// Envoy takes an expression to match the whole of a text.
fn whole(regex: &str) -> matcher::RegexMatcher {
    matcher::RegexMatcher {
        regex: regex.to_owned(),
        ..Default::default()
    }
}

fn response_headers(of: &ResponseHeaders, spread: Spread<'_>) -> Vec<HeaderValueOption> {
    let ResponseHeaders::Inherit(own) = of else {
        return Vec::new();
    };
    if own.is_empty() {
        return spread.map(set).unwrap_or_default();
    }
    let inherited = spread
        .unwrap_or_default()
        .iter()
        .filter(|(name, _)| !own.iter().any(|(over, _)| over.eq_ignore_ascii_case(name)));
    let mut headers: Vec<_> = inherited.cloned().collect();
    headers.extend_from_slice(own);
    set(&headers)
}

/// What the check is told about a route.
fn check(of: &Route) -> Any {
    let mut extensions = HashMap::new();
    let mut set = |key: &str, value: String| extensions.insert(key.to_owned(), value);
    let (internal, route_id) = match of.context {
        Context::Policy(id) => (false, id.to_string()),
        Context::Internal => (true, String::new()),
        Context::NoRoute => {
            set(CONTEXT_TERMINAL, TERMINAL_NO_ROUTE.to_owned());
            (false, String::new())
        }
    };
    set(CONTEXT_INTERNAL, internal.to_string());
    set(CONTEXT_ROUTE_ID, route_id);
    any(&ExtAuthzPerRoute {
        r#override: Some(Override::CheckSettings(CheckSettings {
            context_extensions: extensions,
            with_request_body: of.reads_body.then_some(BufferSettings {
                max_request_bytes: MAX_BODY,
                // What is larger is answered with 413: nobody is asked about a part.
                allow_partial_message: false,
                pack_as_bytes: true,
            }),
            ..Default::default()
        })),
    })
}

#[cfg(test)]
mod tests;
