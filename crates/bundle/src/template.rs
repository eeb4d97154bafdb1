//! Header values with references in them, as in `set_request_headers`.
//!
//! The grammar is Pomerium's. `$$` is a dollar sign. `$a.b.c` is a reference whose names are letters,
//! digits, `_` and `-`, as many as fit. `${ a . b ["c"] }` is one too, with blanks and tabs where they are
//! shown and a string, in which `\` takes the next character as it is, for any name but the first. What is
//! none of these stands for itself, and a reference that nobody knows renders as nothing.

mod parse;

use core::fmt;
use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// Longest text that [`Template::render`] goes on to build: longer than any header that is sent.
const MAX_RENDERED: usize = 64 * 1024;

/// A parsed header value.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    // Of the references that nobody knows there is none: they render as nothing.
    Reference(Reference),
}

/// What a template may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `pomerium.access_token`: the identity provider's access token.
    AccessToken,
    /// `pomerium.id_token`: the identity provider's id token.
    IdToken,
    /// `pomerium.jwt`: the signed assertion.
    Jwt,
    /// `pomerium.client_cert_fingerprint`: SHA-256 of the client's certificate in hex digits.
    ClientCertFingerprint,
    /// `pomerium.client_cert_san_dns`: the certificate's DNS names.
    ClientCertSanDns,
    /// `pomerium.client_cert_san_email`: the certificate's e-mail addresses.
    ClientCertSanEmail,
    /// `pomerium.request.headers["Name"]`: the client's header of this name, in lower case.
    RequestHeader(String),
}

impl Reference {
    /// What these names refer to, if anything.
    fn of(names: &[Cow<'_, str>]) -> Option<Self> {
        let (first, rest) = names.split_first()?;
        if first != "pomerium" {
            return None;
        }
        match rest {
            [name] => match &**name {
                "access_token" => Some(Self::AccessToken),
                "id_token" => Some(Self::IdToken),
                "jwt" => Some(Self::Jwt),
                "client_cert_fingerprint" => Some(Self::ClientCertFingerprint),
                "client_cert_san_dns" => Some(Self::ClientCertSanDns),
                "client_cert_san_email" => Some(Self::ClientCertSanEmail),
                _ => None,
            },
            [request, headers, name] if request == "request" && headers == "headers" => {
                Some(Self::RequestHeader(name.to_ascii_lowercase()))
            }
            _ => None,
        }
    }
}

/// What references stand for in one request.
pub trait Values {
    /// The value; empty where there is none.
    fn value(&self, reference: &Reference) -> Cow<'_, str>;
}

impl Template {
    /// Reads a template; every text is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self {
            source: text.to_owned(),
            pieces: parse::pieces(text),
        }
    }

    /// The text that it was read from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it refers to, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Reference(reference) => Some(reference),
        })
    }

    /// The text with every reference replaced by its value. Whether it can stand in a header is for the
    /// caller to see; it ends somewhere after 64 KiB, which no header can hold.
    #[must_use]
    pub fn render(&self, values: &dyn Values) -> String {
        let mut out = String::with_capacity(self.source.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Reference(reference) => out.push_str(&values.value(reference)),
            }
            if out.len() > MAX_RENDERED {
                break;
            }
        }
        out
    }
}

// A template may hold a credential for the upstream.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").finish_non_exhaustive()
    }
}
