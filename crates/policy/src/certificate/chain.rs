//! What a client presented in its TLS handshake.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

use super::leaf::{Leaf, LeafError, MAX_DER, MAX_PEM};

/// Intermediates that are kept; a chain has one or two.
pub(super) const MAX_INTERMEDIATES: usize = 8;

/// A client's certificate, read and not validated, with what may lead from it to an
/// authority.
#[derive(Clone, Debug)]
pub struct ClientChain {
    leaf: Leaf,
    lowest: Link,
    intermediates: Vec<Link>,
}

/// A certificate, and what tells which other may have signed it. None of that is
/// believed: it only says whose signature is looked at.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) der: CertificateDer<'static>,
    pub(super) subject: Box<[u8]>,
    pub(super) issuer: Box<[u8]>,
    /// The names of its key and of its issuer's.
    key: Option<Box<[u8]>>,
    issuer_key: Option<Box<[u8]>>,
    /// From when until when it is valid, in seconds of Unix time.
    pub(super) validity: (i64, i64),
}

impl Link {
    /// `None` if it cannot be read.
    fn read(der: Vec<u8>) -> Option<Self> {
        let ([], certificate) = X509Certificate::from_der(&der).ok()? else {
            return None;
        };
        let (mut key, mut issuer_key) = (None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key = Some(id.0.into()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key = id.key_identifier.as_ref().map(|id| id.0.into());
                }
                _ => {}
            }
        }
        let validity = certificate.validity();
        Some(Self {
            subject: certificate.subject().as_raw().into(),
            issuer: certificate.issuer().as_raw().into(),
            key,
            issuer_key,
            validity: (validity.not_before.timestamp(), validity.not_after.timestamp()),
            der: der.into(),
        })
    }

    /// Whether both name the issuer's key, and alike.
    fn has_key_of_issuer(&self, issuer: &Self) -> bool {
        self.issuer_key.is_some() && self.issuer_key == issuer.key
    }
}

impl ClientChain {
    /// Reads a PEM text: the leaf, and after it what else was presented.
    ///
    /// # Errors
    /// If there is no leaf or it cannot be read, see [`LeafError`]. What follows the
    /// leaf and is no certificate is passed over.
    pub fn from_pem(text: &str) -> Result<Self, LeafError> {
        if text.len() > MAX_PEM {
            return Err(LeafError::TooLarge);
        }
        let mut blocks = Pem::iter_from_buffer(text.as_bytes());
        let der = blocks
            .next()
            .and_then(Result::ok)
            .filter(|block| block.label == "CERTIFICATE")
            .ok_or(LeafError::Pem)?
            .contents;
        let mut chain = Self {
            leaf: Leaf::from_der(&der)?,
            lowest: Link::read(der).ok_or(LeafError::Der)?,
            intermediates: Vec::new(),
        };
        chain.add(blocks);
        Ok(chain)
    }

    /// Adds the certificates of another PEM text. Who wrote it does not matter: an
    /// intermediate is believed only as far as an authority has signed it.
    pub fn add_intermediates(&mut self, text: &str) {
        if text.len() <= MAX_PEM {
            self.add(Pem::iter_from_buffer(text.as_bytes()));
        }
    }

    fn add(&mut self, blocks: impl Iterator<Item = Result<Pem, x509_parser::error::PEMError>>) {
        // More than ever fit, so that no text makes this long.
        for block in blocks.take(2 * MAX_INTERMEDIATES).map_while(Result::ok) {
            let mut known = core::iter::once(&self.lowest).chain(&self.intermediates);
            let known = known.any(|known| *known.der == *block.contents);
            let fits = block.contents.len() <= MAX_DER && self.intermediates.len() < MAX_INTERMEDIATES;
            if block.label == "CERTIFICATE" && fits && !known {
                self.intermediates.extend(Link::read(block.contents));
            }
        }
    }

    /// What a policy looks at.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The same, the chain given away.
    #[must_use]
    pub fn into_leaf(self) -> Leaf {
        self.leaf
    }

    /// The one way up that is looked at: the leaf, and at most `max` of what else was
    /// presented, each by its name the issuer of the one before.
    ///
    /// Of several with one name that one is taken whose key the certificate below
    /// names, then one that an authority is the issuer of, then the first. No name is
    /// there twice above the leaf: whoever verifies the way has nothing to choose. Given all that a
    /// client presented, it would try every order of certificates that name one another.
    pub(super) fn way_up(&self, max: usize, is_authority: impl Fn(&[u8]) -> bool) -> Vec<&Link> {
        let mut below = &self.lowest;
        let mut way = vec![below];
        while way.len() <= max {
            let above = self.intermediates.iter().filter(|link| {
                let mut before = way.iter().skip(1);
                link.subject == below.issuer && before.all(|other| other.subject != link.subject)
            });
            // Of equals `max_by_key` takes the last.
            let best = above
                .rev()
                .max_by_key(|link| (below.has_key_of_issuer(link), is_authority(&link.issuer)));
            let Some(above) = best else { break };
            way.push(above);
            below = above;
        }
        way
    }

    #[cfg(test)]
    pub(super) fn intermediates(&self) -> usize {
        self.intermediates.len()
    }
}
