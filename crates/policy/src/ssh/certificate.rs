//! Certificates of users, as x/crypto and OpenSSH judge them.

use jiff::Timestamp;

use super::blob::{Parts, plain};

/// The only critical option that is let through: the addresses from which the
/// certificate may be used, which the SSH server checks.
const SOURCE_ADDRESS: &str = "source-address";
/// As many as OpenSSH allows.
const MAX_PRINCIPALS: usize = 256;

/// A certificate whose signature has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    /// A user's, signed by the authority that it names.
    User(User),
    /// It certifies nothing to us, for this reason.
    Invalid(&'static str),
}

/// What a certificate says about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// The authority's key as it is sent over the wire.
    authority: Box<[u8]>,
    /// The login names; none of them means any name.
    principals: Box<[Box<str>]>,
    /// Seconds since 1970, the first of validity and the first after it.
    valid_after: u64,
    valid_before: u64,
}

impl Certificate {
    /// Judges everything that does not depend on the request.
    pub(super) fn verify(parts: &Parts<'_>) -> Self {
        if !parts.user {
            return Self::Invalid("a certificate of a host");
        }
        if parts.critical.iter().any(|option| *option != SOURCE_ADDRESS) {
            return Self::Invalid("a certificate with a critical option that is not supported");
        }
        if parts.principals.len() > MAX_PRINCIPALS {
            return Self::Invalid("a certificate with too many principals");
        }
        // The authority is a plain key: a certificate cannot certify.
        let Some(authority) = plain(parts.authority) else {
            return Self::Invalid("a certificate of an authority whose key is not supported");
        };
        if !authority.verifies(parts.signed, parts.signature) {
            return Self::Invalid("a certificate whose signature does not hold");
        }
        Self::User(User {
            authority: parts.authority.into(),
            principals: parts.principals.iter().map(|name| Box::from(*name)).collect(),
            valid_after: parts.valid_after,
            valid_before: parts.valid_before,
        })
    }
}

impl User {
    pub(super) fn authority(&self) -> &[u8] {
        &self.authority
    }

    /// Whether the certificate is good for a login as `username` at `now`.
    pub(super) fn is_good(&self, username: &str, now: Timestamp) -> bool {
        let named = self.principals.is_empty() || self.principals.iter().any(|name| **name == *username);
        // A time before 1970 is before every certificate.
        named && u64::try_from(now.as_second()).is_ok_and(|now| self.valid_at(now))
    }

    /// As x/crypto counts: a time beyond `i64` is one before 1970, but for the
    /// highest one, which stands for ever.
    fn valid_at(&self, now: u64) -> bool {
        let in_range = |time: u64| i64::try_from(time).is_ok();
        in_range(self.valid_after)
            && now >= self.valid_after
            && (self.valid_before == u64::MAX || in_range(self.valid_before) && now < self.valid_before)
    }
}
