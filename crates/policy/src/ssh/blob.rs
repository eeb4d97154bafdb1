//! What a key's bytes are: a plain key or a certificate, of which type.

use super::signature::Key;
use super::wire::Reader;
use super::{MAX_BLOB, SshKeyError};

/// The types of plain keys.
const KEYS: [&str; 7] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "ssh-rsa",
];
/// Each type of certificates with that of the key within.
const CERTIFICATES: [(&str, &str); 7] = [
    ("ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521"),
    (
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ),
    (
        "sk-ssh-ed25519-cert-v01@openssh.com",
        "sk-ssh-ed25519@openssh.com",
    ),
    ("ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"),
    ("ssh-rsa-cert-v01@openssh.com", "ssh-rsa"),
];

/// What a blob is.
pub(super) enum Kind<'a> {
    /// A plain key, well formed.
    Key,
    /// A certificate, well formed; nothing is verified.
    Certificate(Parts<'a>),
}

/// The parts of a certificate, in their order.
pub(super) struct Parts<'a> {
    /// What the signature is over: everything before it.
    pub(super) signed: &'a [u8],
    pub(super) user: bool,
    pub(super) principals: Vec<&'a str>,
    pub(super) valid_after: u64,
    pub(super) valid_before: u64,
    /// The names of the critical options.
    pub(super) critical: Vec<&'a str>,
    /// The key of the authority.
    pub(super) authority: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// The type that a blob says it has.
pub(super) fn type_name(blob: &[u8]) -> Option<&str> {
    Reader::new(blob).text()
}

/// Whether a type has this name, one that we refuse included.
pub(super) fn known(name: &str) -> bool {
    KEYS.contains(&name)
        || CERTIFICATES.iter().any(|(certificate, _)| *certificate == name)
        || matches!(name, "ssh-dss" | "ssh-dss-cert-v01@openssh.com")
}

/// Takes a blob apart.
pub(super) fn kind(blob: &[u8]) -> Result<Kind<'_>, SshKeyError> {
    if blob.len() > MAX_BLOB {
        return Err(SshKeyError::TooLarge);
    }
    let mut reader = Reader::new(blob);
    let name = reader.text().ok_or(SshKeyError::Malformed)?;
    if KEYS.contains(&name) {
        plain(blob).ok_or(SshKeyError::Malformed)?;
        return Ok(Kind::Key);
    }
    let (_, inner) = CERTIFICATES
        .iter()
        .find(|(certificate, _)| *certificate == name)
        .ok_or(SshKeyError::Unsupported)?;
    certificate(blob, reader, inner)
        .map(Kind::Certificate)
        .ok_or(SshKeyError::Malformed)
}

/// A plain key, and nothing after it.
pub(super) fn plain(blob: &[u8]) -> Option<Key<'_>> {
    let mut reader = Reader::new(blob);
    let name = reader.text()?;
    let key = Key::read(name, &mut reader)?;
    reader.end()?;
    Some(key)
}

fn certificate<'a>(blob: &'a [u8], mut reader: Reader<'a>, inner: &str) -> Option<Parts<'a>> {
    let _nonce = reader.string()?;
    Key::read(inner, &mut reader)?;
    let _serial = reader.u64()?;
    let user = match reader.u32()? {
        1 => true,
        2 => false,
        _ => return None,
    };
    let _key_id = reader.string()?;
    let principals = texts(reader.string()?)?;
    let valid_after = reader.u64()?;
    let valid_before = reader.u64()?;
    let critical = names(reader.string()?)?;
    names(reader.string()?)?; // extensions
    let _reserved = reader.string()?;
    let authority = reader.string()?;
    let signed = blob.get(..blob.len().checked_sub(reader.len())?)?;
    let signature = reader.string()?;
    reader.end()?;
    Some(Parts {
        signed,
        user,
        principals,
        valid_after,
        valid_before,
        critical,
        authority,
        signature,
    })
}

/// Texts one after the other.
fn texts(bytes: &[u8]) -> Option<Vec<&str>> {
    let mut reader = Reader::new(bytes);
    let mut texts = Vec::new();
    while !reader.is_empty() {
        texts.push(reader.text()?);
    }
    Some(texts)
}

/// The names of options; each comes with a value, no name comes twice, and they
/// are sorted.
fn names(bytes: &[u8]) -> Option<Vec<&str>> {
    let mut reader = Reader::new(bytes);
    let mut names: Vec<&str> = Vec::new();
    while !reader.is_empty() {
        let name = reader.text()?;
        let _value = reader.string()?;
        if names.last().is_some_and(|last| *last >= name) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}
