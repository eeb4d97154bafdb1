//! What a route answers that leads to no upstream (`response`, `redirect`).

use crate::digest::Digest;
use portcullis_model::HeaderName;
use serde::Serialize;

/// What a route answers itself. Our own Envoy has the same in its own configuration;
/// beside another the check gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAnswer {
    /// What it is.
    pub content: Content,
    /// Headers of the answer, each name once; they win over those that the answer would
    /// have else. None has an empty value.
    pub headers: Vec<(HeaderName, String)>,
}

/// What a route answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// This, whatever was asked for.
    Respond {
        /// The HTTP status: 200 to 599.
        status: u16,
        /// The body; empty means none.
        body: String,
    },
    /// Where the client finds what it asked for.
    Redirect(Redirect),
}

/// Where the client is sent: to the URL that it asked for, with these changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// The scheme.
    pub scheme: Option<SchemeRedirect>,
    /// The host.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u32>,
    /// The path.
    pub path: Option<PathRedirect>,
    /// The status: 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Whether the query is left out.
    pub strip_query: bool,
}

/// The scheme of a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemeRedirect {
    /// `https` if true; false changes nothing.
    Https(bool),
    /// This one.
    Named(String),
}

/// The path of a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRedirect {
    /// This path, which may have a query.
    Path(String),
    /// The same path with the matched prefix replaced by this.
    Prefix(String),
}

impl OwnAnswer {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.content {
            Content::Respond { status, .. } => *status,
            Content::Redirect(redirect) => redirect.status,
        }
    }

    pub(crate) fn write(&self, digest: &mut Digest) {
        let Self { content, headers } = self;
        match content {
            Content::Respond { status, body } => {
                digest.number(0);
                digest.number(u128::from(*status));
                digest.text(body);
            }
            Content::Redirect(redirect) => {
                digest.number(1);
                redirect.write(digest);
            }
        }
        digest.count(headers.len());
        for (name, value) in headers {
            digest.text(name.as_str());
            digest.text(value);
        }
    }
}

impl Redirect {
    fn write(&self, digest: &mut Digest) {
        let Self {
            scheme,
            host,
            port,
            path,
            status,
            strip_query,
        } = self;
        let (kind, text) = match scheme {
            None => (0, ""),
            Some(SchemeRedirect::Https(false)) => (1, ""),
            Some(SchemeRedirect::Https(true)) => (2, ""),
            Some(SchemeRedirect::Named(scheme)) => (3, scheme.as_str()),
        };
        digest.number(kind);
        digest.text(text);
        digest.optional(host.as_deref());
        digest.flag(port.is_some());
        digest.number(u128::from(port.unwrap_or_default()));
        let (kind, text) = match path {
            None => (0, ""),
            Some(PathRedirect::Path(path)) => (1, path.as_str()),
            Some(PathRedirect::Prefix(prefix)) => (2, prefix.as_str()),
        };
        digest.number(kind);
        digest.text(text);
        digest.number(u128::from(*status));
        digest.flag(*strip_query);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_answers_have_one_digest() {
        let redirect = || Redirect {
            scheme: None,
            host: None,
            port: None,
            path: None,
            status: 301,
            strip_query: false,
        };
        let text = || Some("a".to_owned());
        let redirects = [
            redirect(),
            Redirect {
                scheme: Some(SchemeRedirect::Https(false)),
                ..redirect()
            },
            Redirect {
                scheme: Some(SchemeRedirect::Https(true)),
                ..redirect()
            },
            Redirect {
                scheme: Some(SchemeRedirect::Named("a".to_owned())),
                ..redirect()
            },
            Redirect {
                host: text(),
                ..redirect()
            },
            Redirect {
                port: Some(0),
                ..redirect()
            },
            Redirect {
                port: Some(1),
                ..redirect()
            },
            Redirect {
                path: text().map(PathRedirect::Path),
                ..redirect()
            },
            Redirect {
                path: text().map(PathRedirect::Prefix),
                ..redirect()
            },
            Redirect {
                status: 302,
                ..redirect()
            },
            Redirect {
                strip_query: true,
                ..redirect()
            },
        ];
        let fixed = [(200, ""), (201, ""), (200, "a")].map(|(status, body)| Content::Respond {
            status,
            body: body.to_owned(),
        });
        let header = |value: &str| vec![(HeaderName::parse("a").unwrap(), value.to_owned())];
        let mut answers: Vec<_> = redirects
            .into_iter()
            .map(Content::Redirect)
            .chain(fixed)
            .map(|content| OwnAnswer {
                content,
                headers: Vec::new(),
            })
            .collect();
        for headers in [header("a"), header("b")] {
            answers.push(OwnAnswer {
                headers,
                ..answers[0].clone()
            });
        }
        let digests: HashSet<_> = answers
            .iter()
            .map(|answer| {
                let mut digest = Digest::new("test");
                answer.write(&mut digest);
                digest.finish()
            })
            .collect();
        assert_eq!(digests.len(), answers.len());
    }
}
