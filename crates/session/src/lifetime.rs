//! Which sessions count.

use jiff::{SignedDuration, Timestamp};

use crate::handle::Handle;
use crate::record::Session;

/// How far the clock of the replica that made a session may be ahead of ours.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Why a session does not count: the visitor is anonymous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dead {
    /// Its lifetime is over.
    #[error("the session has expired")]
    Expired,
    /// The provider's access token has expired and nothing can renew it.
    #[error("the access token has expired and there is no refresh token")]
    TokenExpired,
    /// It, or the cookie, was made in the future.
    #[error("the session is not valid yet")]
    NotYetIssued,
    /// The cookie points at another record.
    #[error("the session is another one")]
    OtherSession,
    /// The login went through other provider settings than those in force.
    #[error("the session is of another identity provider")]
    OtherProvider,
}

/// Whether a session is within its times. As in Pomerium, an expired access
/// token alone does not end a session that can still be refreshed.
///
/// # Errors
/// [`Dead`] says why not.
pub fn is_live(session: &Session, now: Timestamp) -> Result<(), Dead> {
    if session.expires_at <= now {
        return Err(Dead::Expired);
    }
    if session.issued_at.duration_since(now) > CLOCK_SKEW {
        return Err(Dead::NotYetIssued);
    }
    if session.refresh_token.is_none() && session.access_token_expires_at.is_some_and(|end| end <= now) {
        return Err(Dead::TokenExpired);
    }
    Ok(())
}

/// Whether a cookie and the record that it points at make a session under the
/// provider settings in force.
///
/// # Errors
/// [`Dead`] says why not.
pub fn admit(handle: &Handle, session: &Session, provider_id: &str, now: Timestamp) -> Result<(), Dead> {
    if handle.session_id != session.id {
        return Err(Dead::OtherSession);
    }
    if handle.provider_id != provider_id || session.provider_id != provider_id {
        return Err(Dead::OtherProvider);
    }
    if handle.issued_at.duration_since(now) > CLOCK_SKEW {
        return Err(Dead::NotYetIssued);
    }
    is_live(session, now)
}

#[cfg(test)]
mod tests;
