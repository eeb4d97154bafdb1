//! The headers that a route sets (`set_request_headers`).

use super::super::response::{Upstream, is_sendable};
use super::foreign_cookies;
use super::reserved::is_framing;
use crate::check::identify;
use crate::check::intake::Request;
use crate::feed::Active;
use crate::sessions::StoredSession;
use crate::state::AuthzServer;
use portcullis_bundle::Route;
use portcullis_bundle::template::{Reference, Template, Values};
use portcullis_session::cookies;
use secrecy::ExposeSecret as _;
use std::borrow::Cow;

/// Whether a template of the route asks for the assertion.
pub(super) fn want_jwt(route: &Route) -> bool {
    route.set_request_headers.iter().any(|(_, template)| {
        template
            .references()
            .any(|reference| *reference == Reference::Jwt)
    })
}

/// Sets the route's headers. A value that cannot stand in a header becomes empty,
/// so that what the client sent under that name does not pass in any case.
pub(super) fn set(upstream: &mut Upstream, server: &AuthzServer, route: &Route, values: &FromRequest<'_>) {
    let reserved = &values.active.reserved;
    for (name, template) in &route.set_request_headers {
        let name = name.as_str();
        // How the request is framed is not for a route to say; and whoever could put
        // a word of a client's behind a name of ours would speak as us.
        if is_framing(name) || (reserved.contains(name) && repeats_the_client(template)) {
            server.metrics().header_dropped();
            tracing::debug!(header = name, route_id = %route.id, "a configured header is not set");
            continue;
        }
        let mut value = template.render(values);
        if name == "cookie" {
            // Whatever a template says: ours go nowhere.
            value = cookies::strip([value.as_bytes()], &values.active.cookies.all()).unwrap_or_default();
        }
        let value = value.trim_matches([' ', '\t']);
        if name == "cookie" && value.is_empty() {
            upstream.remove.push(name.to_owned());
        } else if is_sendable(value) {
            upstream.join(name, value);
        } else {
            server.metrics().header_dropped();
            tracing::warn!(header = name, route_id = %route.id, "a header value cannot be sent");
            if !upstream.sets(name) {
                upstream.join(name, "");
            }
        }
    }
}

fn repeats_the_client(template: &Template) -> bool {
    template
        .references()
        .any(|reference| matches!(reference, Reference::RequestHeader(_)))
}

/// What references stand for in one request.
pub(super) struct FromRequest<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) active: &'a Active,
    pub(super) session: Option<&'a StoredSession>,
    pub(super) jwt: &'a str,
}

impl FromRequest<'_> {
    /// A header of the client's, lines joined by commas, without what never goes to
    /// an upstream: our credentials, and names that only we may say.
    fn header(&self, name: &str) -> Cow<'_, str> {
        let Self { request, active, .. } = self;
        if name.starts_with(':') || active.reserved.contains(name) {
            return Cow::Borrowed("");
        }
        if name == "cookie" {
            return foreign_cookies(active, request).unwrap_or_default().into();
        }
        if name == "authorization" && identify::Credentials::of(request).authorization {
            return Cow::Borrowed("");
        }
        if name == "referer" && request.headers.referer_shows_token {
            return Cow::Borrowed("");
        }
        let mut lines = request.headers.all.of(name).map(String::from_utf8_lossy);
        let Some(first) = lines.next() else {
            return Cow::Borrowed("");
        };
        lines.fold(first, |joined, line| Cow::Owned([&*joined, ",", &*line].concat()))
    }
}

impl Values for FromRequest<'_> {
    fn value(&self, reference: &Reference) -> Cow<'_, str> {
        let session = self.session.map(|stored| &stored.session);
        match reference {
            Reference::AccessToken => session
                .map_or("", |session| session.access_token.expose_secret())
                .into(),
            Reference::IdToken => session
                .map_or("", |session| session.id_token.expose_secret())
                .into(),
            Reference::Jwt => self.jwt.into(),
            // Certificates of clients are not asked for, so there is none.
            Reference::ClientCertFingerprint
            | Reference::ClientCertSanDns
            | Reference::ClientCertSanEmail => Cow::Borrowed(""),
            Reference::RequestHeader(name) => self.header(name),
        }
    }
}
