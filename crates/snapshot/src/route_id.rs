//! Pomerium's route id, reproduced.
//!
//! The id is a hash of what a route matches and where it leads, never of its
//! policy: an edit of the policy keeps the id, an edit of the route makes a new
//! one that no old policy can answer for.

#[cfg(test)]
mod tests;

use portcullis_config::{Action, GoUrl, Redirect, Respond, To};
use portcullis_model::RouteId;
use xxhash_rust::xxh3::xxh3_64;

/// What a route's id is made of: `from`, `prefix`, `path` and `regex` as written
/// (empty where absent, and whether or not it counts) and where the route leads.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// `from`.
    pub from: &'a str,
    /// `prefix`.
    pub prefix: &'a str,
    /// `path`.
    pub path: &'a str,
    /// `regex`.
    pub regex: &'a str,
    /// `to` where `redirect` or `response` takes its place; else empty. Pomerium
    /// hashes it in place of what does count.
    pub unused_to: &'a [To],
    /// What becomes of the requests. `None` where the route is invalid and leads
    /// nowhere; Pomerium has no such routes.
    pub action: Option<&'a Action>,
}

/// The id of a route: xxh3-64 over its [`Identity`], every text behind its length.
#[must_use]
pub fn route_id(identity: &Identity<'_>) -> RouteId {
    RouteId(xxh3_64(&identity.canonical()))
}

impl Identity<'_> {
    /// The hashed bytes.
    fn canonical(&self) -> Vec<u8> {
        let Self {
            from,
            prefix,
            path,
            regex,
            unused_to,
            action,
        } = self;
        let mut out = Bytes(Vec::with_capacity(256));
        for text in [from, prefix, path, regex] {
            out.text(text);
        }
        if unused_to.is_empty() {
            out.action(*action);
        } else {
            out.upstream(unused_to);
        }
        out.0
    }

    /// Two routes for which this is equal are the same route; equal ids where it
    /// differs are a collision.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut out = Bytes(self.canonical());
        if !self.unused_to.is_empty() {
            out.action(self.action);
        }
        out.0
    }
}

struct Bytes(Vec<u8>);

impl Bytes {
    /// A 32-bit little-endian length; nothing that long comes from a
    /// configuration, whose size is bounded.
    fn length(&mut self, length: usize) {
        self.0
            .extend(i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    fn action(&mut self, action: Option<&Action>) {
        match action {
            None => {}
            Some(Action::Upstream(upstream)) => self.upstream(&upstream.to),
            Some(Action::Redirect(redirect)) => self.redirect(redirect),
            Some(Action::Respond(Respond { status, body })) => {
                self.0.push(3);
                self.0.extend(i32::from(*status).to_le_bytes());
                self.text(body);
            }
        }
    }

    fn upstream(&mut self, to: &[To]) {
        self.0.push(1);
        self.length(to.len());
        for to in to {
            self.url(&to.url, to.weight);
        }
    }

    fn url(&mut self, url: &GoUrl, weight: u32) {
        let GoUrl {
            scheme,
            opaque,
            user,
            host,
            path,
            raw_path,
            path_as_written: _,
            omit_host,
            force_query,
            raw_query: _,
            fragment,
            raw_fragment,
        } = url;
        self.text(scheme);
        self.text(opaque);
        match user {
            None => self.0.push(0),
            Some((name, password)) => {
                self.0.push(1);
                self.text(name);
                self.text(password.as_deref().unwrap_or_default());
            }
        }
        for text in [host, path, raw_path] {
            self.text(text);
        }
        self.0.extend([u8::from(*omit_host), u8::from(*force_query)]);
        self.text(fragment);
        self.text(raw_fragment);
        self.0.extend(weight.to_le_bytes());
    }

    fn redirect(&mut self, redirect: &Redirect) {
        let Redirect {
            https_redirect,
            scheme_redirect,
            host_redirect,
            port_redirect,
            path_redirect,
            prefix_rewrite,
            response_code,
            strip_query,
        } = redirect;
        self.0.push(2);
        self.optional(https_redirect.map(|yes| [u8::from(yes)]));
        for text in [scheme_redirect, host_redirect] {
            self.optional_text(text.as_deref());
        }
        self.optional(port_redirect.map(u32::to_le_bytes));
        for text in [path_redirect, prefix_rewrite] {
            self.optional_text(text.as_deref());
        }
        self.optional(response_code.map(i32::to_le_bytes));
        self.optional(strip_query.map(|yes| [u8::from(yes)]));
    }

    fn optional<const N: usize>(&mut self, bytes: Option<[u8; N]>) {
        self.0.push(u8::from(bytes.is_some()));
        self.0.extend(bytes.into_iter().flatten());
    }

    fn optional_text(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }
}
