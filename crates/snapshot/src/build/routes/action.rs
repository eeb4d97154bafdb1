//! What becomes of a route's requests once the check has let them pass.

use super::authorities::Authorities;
use crate::build::report::Report;
use crate::{
    Action, Cluster, Endpoint, HostRewrite, Materials, Part, PathRedirect, Protocol, Redirect,
    SchemeRedirect, Trust, Upstream, UpstreamTls,
};
use core::time::Duration;
use portcullis_config::{self as config, Global, PathMatcher, To};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The status of a redirect that names none, as in Pomerium.
const MOVED_PERMANENTLY: u16 = 301;

/// The header that tells an upstream which host the client asked for.
const FORWARDED_HOST: &str = "x-forwarded-host";

pub(super) struct Actions<'a> {
    global: &'a Global,
    authorities: Authorities<'a>,
    /// Those that routes lead to, by name.
    pub(super) clusters: BTreeMap<String, Arc<Part<Cluster>>>,
}

impl<'a> Actions<'a> {
    pub(super) fn new(global: &'a Global, materials: &'a Materials) -> Self {
        Self {
            global,
            authorities: Authorities::new(materials),
            clusters: BTreeMap::new(),
        }
    }

    /// The action of a route, whose cluster is noted. An error says why the route
    /// denies; it has been reported.
    pub(super) fn of(&mut self, route: &'a config::Route, report: &mut Report) -> Result<Action, String> {
        match &route.action {
            None => Err("the route leads nowhere".to_owned()),
            Some(config::Action::Redirect(to)) => Ok(Action::Redirect(redirect(to))),
            Some(config::Action::Respond(config::Respond { status, body })) => Ok(Action::Respond {
                status: *status,
                body: body.clone(),
            }),
            Some(config::Action::Upstream(upstream)) => self.upstream(route, upstream, report),
        }
    }

    fn upstream(
        &mut self,
        route: &'a config::Route,
        upstream: &'a config::Upstream,
        report: &mut Report,
    ) -> Result<Action, String> {
        let config::Upstream {
            to,
            prefix_rewrite,
            host_rewrite,
            tls,
        } = upstream;
        let trust = self.trust(tls).map_err(|(span, code, why)| {
            report.route_error(route.index, span, code, why.clone(), None);
            why
        })?;
        let server_name = tls.server_name.as_deref();
        let (cluster, part) = Cluster {
            endpoints: to.iter().map(|to| endpoint(to, server_name, &trust)).collect(),
            protocol: protocol(to, route.allow_websockets),
        }
        .into_named();
        self.clusters
            .entry(cluster.clone())
            .or_insert_with(|| Arc::new(part));
        let prefix_rewrite = match prefix_rewrite {
            Some(rewrite) => Some(visible(rewrite)),
            None => to.first().and_then(|to| path_of(to, &route.matcher)),
        };
        let keeps_forwarded_host = !route
            .remove_request_headers
            .iter()
            .any(|name| name.as_str().eq_ignore_ascii_case(FORWARDED_HOST));
        let (timeout_ms, idle_timeout_ms) = timeouts(route, self.global);
        Ok(Action::Upstream(Upstream {
            cluster,
            prefix_rewrite: prefix_rewrite.filter(|rewrite| !rewrite.is_empty()),
            forwarded_host: keeps_forwarded_host && *host_rewrite != config::HostRewrite::Preserve,
            host: match host_rewrite {
                config::HostRewrite::Upstream => HostRewrite::Endpoint,
                config::HostRewrite::Preserve => HostRewrite::Preserve,
                config::HostRewrite::Literal(host) => HostRewrite::Literal(host.clone()),
                config::HostRewrite::Header(name) => HostRewrite::Header(name.as_str().to_owned()),
            },
            timeout_ms,
            idle_timeout_ms,
        }))
    }

    fn trust(&mut self, tls: &'a config::UpstreamTls) -> Result<Trust, super::authorities::Problem> {
        // Read also where it is of no use: a file that cannot be is an error.
        let authorities = tls.ca.as_ref().map(|pem| self.authorities.of(pem)).transpose()?;
        Ok(match authorities {
            _ if tls.skip_verify => Trust::Anyone,
            Some(pem) => Trust::Authorities(pem),
            None => Trust::System,
        })
    }
}

fn endpoint(to: &To, server_name: Option<&str>, trust: &Trust) -> Endpoint {
    // Names below `localhost` are the machine itself (RFC 6761), and Envoy's
    // resolver does not know them.
    let host = to.host.to_ascii_lowercase();
    let address = if host == "localhost" || host.ends_with(".localhost") {
        "127.0.0.1"
    } else {
        host.as_str()
    };
    let name = || server_name.map_or_else(|| host.clone(), str::to_ascii_lowercase);
    Endpoint {
        address: address.to_owned(),
        is_ip: is_ip(address),
        port: to.port,
        hostname: to.url.host.clone(),
        weight: (to.weight > 0).then_some(to.weight),
        tls: to.tls.then(name).map(|name| UpstreamTls {
            is_ip: is_ip(&name),
            name,
            trust: trust.clone(),
        }),
    }
}

fn is_ip(text: &str) -> bool {
    text.parse::<core::net::IpAddr>().is_ok()
}

/// A websocket needs HTTP/1.1 the whole way. Servers that speak differently have
/// only that in common, too.
fn protocol(to: &[To], websockets: bool) -> Protocol {
    if websockets {
        Protocol::Http1
    } else if to.iter().all(|to| to.tls) {
        Protocol::Negotiated
    } else if to.iter().all(|to| to.h2c) {
        Protocol::Http2
    } else {
        Protocol::Http1
    }
}

/// For the whole answer and for silence, in milliseconds: what a route that may
/// live long does not say is unlimited, as in Pomerium.
fn timeouts(route: &config::Route, global: &Global) -> (u64, Option<u64>) {
    let default = if route.allow_websockets {
        Duration::ZERO
    } else {
        global.default_upstream_timeout
    };
    let idle = route
        .idle_timeout
        .or(route.allow_websockets.then_some(Duration::ZERO));
    (
        crate::build::millis(route.timeout.unwrap_or(default)),
        idle.map(crate::build::millis),
    )
}

fn redirect(to: &config::Redirect) -> Redirect {
    let config::Redirect {
        https_redirect,
        scheme_redirect,
        host_redirect,
        port_redirect,
        path_redirect,
        prefix_rewrite,
        response_code,
        strip_query,
    } = to;
    let scheme = match (https_redirect, scheme_redirect) {
        (Some(https), _) => Some(SchemeRedirect::Https(*https)),
        (None, Some(scheme)) => Some(SchemeRedirect::Named(scheme.clone())),
        (None, None) => None,
    };
    let path = match (path_redirect, prefix_rewrite) {
        (Some(path), _) => Some(PathRedirect::Path(visible(path))),
        (None, Some(prefix)) => Some(PathRedirect::Prefix(visible(prefix))),
        (None, None) => None,
    };
    Redirect {
        scheme,
        host: host_redirect.clone(),
        port: *port_redirect,
        path,
        status: response_code
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| *code > 0)
            .unwrap_or(MOVED_PERMANENTLY),
        strip_query: strip_query.unwrap_or(false),
    }
}

/// The path of `to` replaces what the route matched.
fn path_of(to: &To, matcher: &PathMatcher) -> Option<String> {
    let nothing_to_do = to.path.is_empty() || (to.path == "/" && *matcher == PathMatcher::Any);
    (!nothing_to_do).then(|| encoded(&to.path))
}

/// A path as it may stand in a request line. Pomerium hands on the decoded path,
/// so that an escaped space of `to` would break the request line.
fn encoded(path: &str) -> String {
    escaped(path, |byte| {
        byte.is_ascii_graphic() && !b"\"#<>?[\\]^`{|}".contains(&byte)
    })
}

/// What is written for the request line or a `Location` itself: taken as it is,
/// but for what would break the line.
fn visible(text: &str) -> String {
    escaped(text, |byte| byte.is_ascii_graphic())
}

fn escaped(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_kept(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_path_cannot_break_the_request_line() {
        assert_eq!(encoded("/a%20b/c d"), "/a%20b/c%20d");
        assert_eq!(encoded("/é\"\r\n"), "/%C3%A9%22%0D%0A");
        assert_eq!(encoded("/a;b=c,d:e@f!$&'()*+~"), "/a;b=c,d:e@f!$&'()*+~");
        assert_eq!(visible("/a?b=c#d e\n"), "/a?b=c#d%20e%0A");
    }
}
