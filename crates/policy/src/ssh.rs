//! SSH keys and certificates: what a client presents and what a policy lists.
//!
//! The formats are those of RFC 4253 6.6 (keys), RFC 5656 and RFC 8709 (curves)
//! and OpenSSH's PROTOCOL.certkeys and PROTOCOL.u2f (certificates, security
//! keys). Signatures are verified by aws-lc-rs, and only once, when a key is
//! read; a decision compares.

mod blob;
mod certificate;
mod key_set;
mod signature;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use key_set::KeySet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::ssh::blob::Kind;
use crate::ssh::certificate::Certificate;

/// The longest key or certificate that is read; the longest that OpenSSH makes
/// are far below.
const MAX_BLOB: usize = 64 * 1024;

/// A public key, or a certificate over one, that a client has proved to hold the
/// private key of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedKey {
    blob: Box<[u8]>,
    certificate: Option<Certificate>,
}

/// Bytes or text that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// More than 64 KiB.
    #[error("the key is larger than {MAX_BLOB} bytes")]
    TooLarge,
    /// The bytes do not have the form of a key of their type.
    #[error("not a public key in the form of SSH")]
    Malformed,
    /// DSA, or a type that nobody here knows.
    #[error("keys of this type are not supported")]
    Unsupported,
    /// The text is no line of the form `ssh-ed25519 AAAA… comment`.
    #[error("expected a line such as `ssh-ed25519 AAAA… comment`")]
    Line,
    /// The line begins with options.
    #[error("options before the key are not supported, nothing would enforce them")]
    Options,
    /// The type in the line is not that of the key.
    #[error("the line names another type than the key has")]
    Mismatch,
    /// There is more than one key.
    #[error("more than one key in one text")]
    Several,
}

impl PresentedKey {
    /// Reads a key or certificate as it is sent over the wire, and verifies a
    /// certificate's signature. A certificate that does not hold is still a key
    /// that can be listed by itself; it is certified for nobody.
    ///
    /// # Errors
    /// If the bytes are no key, see [`SshKeyError`].
    pub fn from_wire(blob: &[u8]) -> Result<Self, SshKeyError> {
        let certificate = match blob::kind(blob)? {
            Kind::Key => None,
            Kind::Certificate(parts) => Some(Certificate::verify(&parts)),
        };
        Ok(Self {
            blob: blob.into(),
            certificate,
        })
    }

    /// Reads a line of the form of `authorized_keys`: the type, the key in
    /// base64, a comment that means nothing. Blank lines and lines of `#` around
    /// it mean nothing either.
    ///
    /// # Errors
    /// If the line cannot be read or has options, see [`SshKeyError`].
    pub fn from_authorized_key(text: &str) -> Result<Self, SshKeyError> {
        Self::from_wire(&authorized_key(text)?)
    }

    /// The key as it is sent over the wire.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Why the key is certified for nobody, where it is so.
    pub(crate) fn uncertified(&self) -> Option<&'static str> {
        match &self.certificate {
            None => Some("a key without certificate"),
            Some(Certificate::Invalid(reason)) => Some(reason),
            Some(Certificate::User(_)) => None,
        }
    }
}

/// The fingerprint as OpenSSH shows it.
impl core::fmt::Display for PresentedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&fingerprint(&self.blob))
    }
}

fn fingerprint(blob: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, blob);
    format!("SHA256:{}", STANDARD_NO_PAD.encode(digest.as_ref()))
}

/// The bytes of the one key of a text.
fn authorized_key(text: &str) -> Result<Vec<u8>, SshKeyError> {
    // Base64 needs four bytes for three; the rest is for the comment.
    if text.len() > 2 * MAX_BLOB {
        return Err(SshKeyError::TooLarge);
    }
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().ok_or(SshKeyError::Line)?;
    if lines.next().is_some() {
        return Err(SshKeyError::Several);
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(name), Some(encoded)) = (words.next(), words.next()) else {
        return Err(SshKeyError::Line);
    };
    match STANDARD.decode(encoded) {
        Ok(blob) if blob::type_name(&blob) == Some(name) => Ok(blob),
        Ok(blob) if blob::type_name(&blob).is_some() && blob::known(name) => Err(SshKeyError::Mismatch),
        // Some later word is the type then.
        _ if !blob::known(name) && line.split_ascii_whitespace().skip(1).any(blob::known) => {
            Err(SshKeyError::Options)
        }
        Ok(_) => Err(SshKeyError::Malformed),
        Err(_) => Err(SshKeyError::Line),
    }
}

/// A line that [`authorized_key`] reads.
fn line(blob: &[u8]) -> String {
    format!(
        "{} {}",
        blob::type_name(blob).unwrap_or_default(),
        STANDARD.encode(blob)
    )
}
