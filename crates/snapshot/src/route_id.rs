//! Pomerium's route id, reproduced.
//!
//! The id is a hash of what a route matches and where it leads, never of its
//! policy: an edit of the policy keeps the id, an edit of the route makes a new
//! one that no old policy can answer for.

#[cfg(test)]
mod tests;

use portcullis_config::GoUrl;
use portcullis_model::RouteId;
use xxhash_rust::xxh3::xxh3_64;

/// What a route's id is made of: `from`, `prefix`, `path` and `regex` as written
/// (empty where absent) and where the route leads.
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
    /// The URLs of `to`, each with its weight (0 where it has none). `None` where
    /// the route is invalid and leads nowhere; Pomerium has no such routes.
    pub to: Option<&'a [(&'a GoUrl, u32)]>,
}

/// The id of a route: xxh3-64 over its [`Identity`], every text behind its length.
#[must_use]
pub fn route_id(identity: &Identity<'_>) -> RouteId {
    RouteId(xxh3_64(&identity.canonical()))
}

impl Identity<'_> {
    /// The hashed bytes. Two routes whose bytes are equal are the same route; equal
    /// ids with different bytes are a collision.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let Self {
            from,
            prefix,
            path,
            regex,
            to,
        } = self;
        let mut out = Bytes(Vec::with_capacity(256));
        for text in [from, prefix, path, regex] {
            out.text(text);
        }
        if let Some(urls) = to {
            out.0.push(1);
            out.length(urls.len());
            for (url, weight) in *urls {
                out.url(url, *weight);
            }
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
}
