//! What somebody gets who must sign in: a redirect only where a browser would
//! follow it to a page that a person sees.

use super::negotiate::{Accept, grpc, is_fetch, is_kubernetes, is_websocket, is_xml_http_request};
use crate::check::identify::Credentials;
use crate::check::intake::Request;

/// The line of the login-answer table that fits first; all but the last are 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// gRPC or gRPC-Web. Envoy makes the 401 a grpc-status 16.
    Grpc,
    /// `Upgrade: websocket`.
    WebSocket,
    /// One of our credentials in a header or the query: whoever sent it would not
    /// know what to do with a redirect.
    Credential,
    /// `X-Requested-With: XMLHttpRequest`.
    XmlHttpRequest,
    /// `Sec-Fetch-Mode` is there and is not `navigate`.
    Fetch,
    /// `Accept` is there, without `text/html` and without `*/*`.
    Accept,
    /// A Kubernetes client.
    Kubernetes,
    /// A method other than GET and HEAD: its body would be lost on the way.
    Method,
    /// Everybody else.
    Redirect,
}

/// The line for `request`.
#[must_use]
pub fn line(request: &Request<'_>, credentials: Credentials) -> Line {
    if grpc(request).is_some() {
        return Line::Grpc;
    }
    if is_websocket(request) {
        return Line::WebSocket;
    }
    if credentials.any() {
        return Line::Credential;
    }
    if is_xml_http_request(request) {
        return Line::XmlHttpRequest;
    }
    if is_fetch(request) {
        return Line::Fetch;
    }
    let accept = Accept::of(request);
    if accept.present && accept.html_by_name == 0 && accept.any == 0 {
        return Line::Accept;
    }
    if is_kubernetes(request) {
        return Line::Kubernetes;
    }
    if !matches!(request.method, "GET" | "HEAD") {
        return Line::Method;
    }
    Line::Redirect
}
