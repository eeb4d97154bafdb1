//! The session cookie: a sealed pointer to a session record.
//!
//! It holds no identity, only the record's id, so that a sign-out takes effect
//! on every host at once. It is bound to the cookie's name and to where the
//! cookie is for: that of one host is nothing on another, and that of a domain
//! is nothing outside of it.

use jiff::Timestamp;
use portcullis_model::SessionId;
use uuid::Uuid;

use crate::{KeyRing, OpenError, Purpose, SealError};

/// Bytes of a provider id that a handle can carry. With it a cookie's value
/// stays below 400 bytes.
pub const MAX_PROVIDER_ID: usize = 128;

const FORMAT: u8 = 1;

/// Stands before a domain in the associated data, which has one name more than
/// for a host: no host's cookie is a domain's.
const DOMAIN: &str = "domain";

/// What a session cookie says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The session record.
    pub session_id: SessionId,
    /// The provider settings that the login went through: a cookie of a login
    /// elsewhere is not a login here.
    pub provider_id: String,
    /// When the cookie was made, in whole seconds.
    pub issued_at: Timestamp,
}

/// Where a session cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// One host: canonical, without port.
    Host(&'a str),
    /// All hosts of a domain (the cookie's `Domain`): lower case, without a
    /// leading dot.
    Domain(&'a str),
}

impl<'a> From<&'a str> for Scope<'a> {
    fn from(host: &'a str) -> Self {
        Self::Host(host)
    }
}

/// The value of the cookie `cookie_name` for `scope`.
///
/// # Errors
/// [`SealError::TooLarge`] if the provider id is over [`MAX_PROVIDER_ID`].
pub fn seal<'a>(
    handle: &Handle,
    ring: &KeyRing,
    cookie_name: &str,
    scope: impl Into<Scope<'a>>,
    nonce: [u8; 12],
) -> Result<String, SealError> {
    let plain = plain(handle)?;
    match scope.into() {
        Scope::Host(host) => ring.seal(Purpose::Session, &[cookie_name, host], nonce, &plain),
        Scope::Domain(domain) => ring.seal(Purpose::Session, &[cookie_name, DOMAIN, domain], nonce, &plain),
    }
}

/// Reads the value of the cookie `cookie_name` that is for `scope`.
///
/// # Errors
/// [`OpenError`], whatever the cause.
pub fn open<'a>(
    ring: &KeyRing,
    cookie_name: &str,
    scope: impl Into<Scope<'a>>,
    value: &str,
) -> Result<Handle, OpenError> {
    let plain = match scope.into() {
        Scope::Host(host) => ring.open(Purpose::Session, &[cookie_name, host], value)?,
        Scope::Domain(domain) => ring.open(Purpose::Session, &[cookie_name, DOMAIN, domain], value)?,
    };
    read(&plain)
}

/// What is sealed of a handle.
pub(crate) fn plain(handle: &Handle) -> Result<Vec<u8>, SealError> {
    let Handle {
        session_id,
        provider_id,
        issued_at,
    } = handle;
    if provider_id.len() > MAX_PROVIDER_ID {
        return Err(SealError::TooLarge);
    }
    let mut plain = Vec::with_capacity(25 + provider_id.len());
    plain.push(FORMAT);
    plain.extend_from_slice(session_id.0.as_bytes());
    plain.extend_from_slice(&issued_at.as_second().to_be_bytes());
    plain.extend_from_slice(provider_id.as_bytes());
    Ok(plain)
}

/// The handle that [`plain`] wrote.
pub(crate) fn read(plain: &[u8]) -> Result<Handle, OpenError> {
    let (&format, rest) = plain.split_first().ok_or(OpenError)?;
    let (session_id, rest) = rest.split_first_chunk::<16>().ok_or(OpenError)?;
    let (issued_at, provider_id) = rest.split_first_chunk::<8>().ok_or(OpenError)?;
    if format != FORMAT {
        return Err(OpenError);
    }
    Ok(Handle {
        session_id: SessionId(Uuid::from_bytes(*session_id)),
        provider_id: core::str::from_utf8(provider_id)
            .map_err(|_| OpenError)?
            .to_owned(),
        issued_at: Timestamp::from_second(i64::from_be_bytes(*issued_at)).map_err(|_| OpenError)?,
    })
}

#[cfg(test)]
mod tests;
