//! What a policy looks at in a leaf certificate.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

/// The largest certificate that is read.
pub(super) const MAX_DER: usize = 64 * 1024;
/// The same as text, with room for the line ends.
pub(super) const MAX_PEM: usize = 2 * MAX_DER;
/// `userPrincipalName`, the name under which Windows keeps a user in a
/// certificate: 1.3.6.1.4.1.311.20.2.3.
const USER_PRINCIPAL_NAME: &str = "1.3.6.1.4.1.311.20.2.3";

/// The leaf of a client's certificate chain, read and not validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its subject public key info.
    pub spki_hash: [u8; 32],
    /// The DNS names among its subject alternative names, as they are there.
    pub san_dns: Box<[Box<str>]>,
    /// The e-mail addresses among them.
    pub san_email: Box<[Box<str>]>,
    /// The URIs among them.
    pub san_uri: Box<[Box<str>]>,
    /// The IP addresses among them, in their shortest form.
    pub san_ip: Box<[Box<str>]>,
    /// The user principal names among them.
    pub san_user_principal_name: Box<[Box<str>]>,
}

/// Bytes that are no certificate that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The text has no block of the type `CERTIFICATE`, or a broken one first.
    #[error("no certificate in PEM form")]
    Pem,
    /// The bytes are no X.509 certificate in DER, or there are more after it.
    #[error("not a certificate of X.509")]
    Der,
    /// The subject alternative names are there twice or cannot be read.
    #[error("the subject alternative names of the certificate cannot be read")]
    Names,
    /// More than 64 KiB.
    #[error("the certificate is larger than {MAX_DER} bytes")]
    TooLarge,
}

impl Leaf {
    /// Reads the first certificate of a PEM text: of a chain, the leaf.
    ///
    /// # Errors
    /// If there is none or it cannot be read, see [`LeafError`].
    pub fn from_pem(text: &str) -> Result<Self, LeafError> {
        if text.len() > MAX_PEM {
            return Err(LeafError::TooLarge);
        }
        let block = Pem::iter_from_buffer(text.as_bytes())
            .next()
            .and_then(Result::ok)
            .filter(|block| block.label == "CERTIFICATE")
            .ok_or(LeafError::Pem)?;
        Self::from_der(&block.contents)
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// If it cannot be read, see [`LeafError`].
    pub fn from_der(der: &[u8]) -> Result<Self, LeafError> {
        if der.len() > MAX_DER {
            return Err(LeafError::TooLarge);
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| LeafError::Der)?;
        if !rest.is_empty() {
            return Err(LeafError::Der);
        }
        let mut names = Names::default();
        let extension = certificate
            .subject_alternative_name()
            .map_err(|_| LeafError::Names)?;
        for name in extension.iter().flat_map(|names| &names.value.general_names) {
            names.add(name)?;
        }
        Ok(Self {
            fingerprint: sha256(der),
            spki_hash: sha256(certificate.public_key().raw),
            san_dns: names.dns.into(),
            san_email: names.email.into(),
            san_uri: names.uri.into(),
            san_ip: names.ip.into(),
            san_user_principal_name: names.user_principal_name.into(),
        })
    }

    /// The same certificate without what its issuer says of its holder. Of one that no
    /// authority vouches for only the key is proved, by the TLS handshake: its names
    /// are whatever its holder liked to write.
    #[must_use]
    pub fn without_names(self) -> Self {
        Self {
            fingerprint: self.fingerprint,
            spki_hash: self.spki_hash,
            san_dns: Box::default(),
            san_email: Box::default(),
            san_uri: Box::default(),
            san_ip: Box::default(),
            san_user_principal_name: Box::default(),
        }
    }
}

#[derive(Default)]
struct Names {
    dns: Vec<Box<str>>,
    email: Vec<Box<str>>,
    uri: Vec<Box<str>>,
    ip: Vec<Box<str>>,
    user_principal_name: Vec<Box<str>>,
}

impl Names {
    /// Adds a name of a kind that policies know.
    fn add(&mut self, name: &GeneralName<'_>) -> Result<(), LeafError> {
        match name {
            GeneralName::DNSName(text) => self.dns.push((*text).into()),
            GeneralName::RFC822Name(text) => self.email.push((*text).into()),
            GeneralName::URI(text) => self.uri.push((*text).into()),
            GeneralName::IPAddress(bytes) => {
                let address = address(bytes).ok_or(LeafError::Names)?;
                self.ip.push(address.to_string().into());
            }
            GeneralName::OtherName(oid, value) if oid.to_id_string() == USER_PRINCIPAL_NAME => {
                self.user_principal_name.extend(user_principal_name(value));
            }
            // An e-mail address, a DNS name, a URI, an IP address.
            GeneralName::Invalid(Tag(1 | 2 | 6 | 7), _) => return Err(LeafError::Names),
            _ => {}
        }
        Ok(())
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into()))
        .ok()
}

/// The text of `[0] EXPLICIT UTF8String`.
fn user_principal_name(value: &[u8]) -> Option<Box<str>> {
    let (rest, outer) = Any::from_der(value).ok()?;
    let inner = match outer.tag() {
        Tag::Utf8String => outer,
        _ => {
            Any::from_der(outer.data)
                .ok()
                .filter(|(rest, _)| rest.is_empty())?
                .1
        }
    };
    let text = (rest.is_empty() && inner.tag() == Tag::Utf8String).then_some(inner.data)?;
    core::str::from_utf8(text).ok().map(Box::from)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
