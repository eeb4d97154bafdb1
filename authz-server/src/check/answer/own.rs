//! The answer of a route that leads to no upstream (`response`, `redirect`), once its
//! policy allows. Our own Envoy gives it itself, as its configuration says. Another has
//! nothing of it and would send the request on to the application behind it.
//!
//! The `Location` is made as Envoy makes it.

use super::negotiate::is_upgrade;
use super::response::{deny_with, is_sendable};
use super::{Answer, Situation, Verdict, refusal};
use crate::check::identify::session_parameters;
use crate::check::intake::Request;
use crate::state::AuthzServer;
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{Content, OwnAnswer, PathRedirect, Redirect, Route, SchemeRedirect};

const LOCATION: &str = "location";
const CONTENT_TYPE: &str = "content-type";

/// What `route` answers where no Envoy of ours does.
pub(super) fn of<'a>(server: &AuthzServer, request: &Request<'_>, route: &'a Route) -> Option<&'a OwnAnswer> {
    let is_ours = !server.in_band() && !request.context.is_foreign();
    route.answer.as_deref().filter(|_| !is_ours)
}

/// The answer to `request`, which the policy allows.
pub(super) fn answer(
    situation: &Situation<'_>,
    request: &Request<'_>,
    route: &Route,
    own: &OwnAnswer,
) -> Answer {
    // A tunnel is open with any 2xx, and what follows is its first bytes.
    if request.method == "CONNECT" {
        return refusal(situation, Verdict::NoRoute);
    }
    if is_upgrade(request) {
        return refusal(situation, Verdict::UpgradeRefused);
    }
    let OwnAnswer { content, headers } = own;
    let (redirect, body) = match content {
        Content::Redirect(redirect) => (Some(redirect), ""),
        Content::Respond { body, .. } => (None, body.as_str()),
    };
    let mut set: Vec<(String, String)> = Vec::with_capacity(headers.len() + 2);
    let is_set = |name: &str| headers.iter().any(|(header, _)| header.as_str() == name);
    // Also a fixed answer has one with these, to where it was asked for.
    if matches!(own.status(), 201 | 300..400) && !is_set(LOCATION) {
        let Some(location) = location(request, route, redirect) else {
            return refusal(situation, Verdict::RouteUnknown);
        };
        // Longer than a header may be; of control characters Envoy lets none through.
        if !is_sendable(&location) {
            return refusal(situation, Verdict::HeadersTooLarge);
        }
        set.push((LOCATION.to_owned(), location));
    }
    if !body.is_empty() && !is_set(CONTENT_TYPE) {
        set.push((CONTENT_TYPE.to_owned(), "text/plain".to_owned()));
    }
    let headers = headers.iter();
    set.extend(headers.map(|(name, value)| (name.as_str().to_owned(), value.clone())));
    Answer {
        reply: deny_with(own.status(), set, body.to_owned()),
        verdict: Verdict::Answered,
    }
}

/// The URL of the request with the changes of `redirect`. `None` where nobody can say
/// what the route matched.
fn location(request: &Request<'_>, route: &Route, redirect: Option<&Redirect>) -> Option<String> {
    let scheme = match redirect.and_then(|redirect| redirect.scheme.as_ref()) {
        Some(SchemeRedirect::Https(true)) => "https",
        Some(SchemeRedirect::Named(scheme)) if !scheme.is_empty() => scheme,
        Some(SchemeRedirect::Https(false) | SchemeRedirect::Named(_)) | None => request.scheme,
    };
    let port = redirect
        .and_then(|redirect| redirect.port)
        .filter(|port| *port > 0);
    let host = redirect.and_then(|redirect| redirect.host.as_deref());
    let mut url = format!("{scheme}://");
    match host.filter(|host| !host.is_empty()) {
        Some(host) => url.push_str(host),
        None => {
            url.push_str(request.host.as_str());
            // The port that the other scheme has by itself is left behind.
            let own = if request.scheme == "http" { 80 } else { 443 };
            let kept = |kept: &u16| port.is_none() && (*kept != own || scheme == request.scheme);
            if let Some(kept) = request.port.filter(kept) {
                url.push_str(&format!(":{kept}"));
            }
        }
    }
    if let Some(port) = port {
        url.push_str(&format!(":{port}"));
    }
    let path = path(request, route, redirect)?;
    if !path.starts_with('/') {
        url.push('/');
    }
    url.push_str(&path);
    Some(url)
}

/// Path and query.
fn path(request: &Request<'_>, route: &Route, redirect: Option<&Redirect>) -> Option<String> {
    let (asked, query) = match request.target.split_once('?') {
        Some((asked, query)) => (asked, without_tokens(query)),
        None => (request.target, String::new()),
    };
    let change = redirect.and_then(|redirect| redirect.path.as_ref());
    let mut path = match change {
        // A query of its own wins, and is never left out.
        Some(PathRedirect::Path(path)) if path.contains('?') => return Some(path.clone()),
        Some(PathRedirect::Path(path)) if !path.is_empty() => path.clone(),
        Some(PathRedirect::Prefix(prefix)) if !prefix.is_empty() => {
            let rest = match &route.found_by.as_ref()?.path {
                PathPattern::Any => asked.strip_prefix('/')?,
                PathPattern::Prefix(matched) => asked.strip_prefix(matched.as_str())?,
                PathPattern::Path(_) | PathPattern::Regex(_) => "",
            };
            [prefix, rest].concat()
        }
        Some(PathRedirect::Path(_) | PathRedirect::Prefix(_)) | None => asked.to_owned(),
    };
    path.push_str(&query);
    if redirect.is_some_and(|redirect| redirect.strip_query)
        && let Some(at) = path.find('?')
    {
        path.truncate(at);
    }
    Some(path)
}

/// The query with its `?`, but for the tokens that programs sign in with: no upstream
/// gets these either.
fn without_tokens(query: &str) -> String {
    // Where they are too many nobody has got here.
    let tokens = session_parameters(query).unwrap_or_default();
    if tokens.is_empty() {
        return format!("?{query}");
    }
    let pairs = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !tokens.contains(&name)
    });
    let rest: Vec<&str> = pairs.collect();
    match rest.is_empty() {
        true => String::new(),
        false => format!("?{}", rest.join("&")),
    }
}
