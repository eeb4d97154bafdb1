//! What can go wrong between us and an identity provider.

use std::borrow::Cow;

use crate::http_client::HttpError;

/// A failed step of a login at the identity provider.
///
/// Messages are meant for the log: they name the step and the cause and hold
/// no token, code, secret or personal claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdpError {
    /// The provider cannot be reached, does not answer in time, or answers
    /// with a server error. Trying again later may help.
    #[error("identity provider is unavailable: {step}: {reason}")]
    Unavailable {
        /// What we asked for, e.g. `discovery`.
        step: &'static str,
        /// Why it failed.
        reason: Cow<'static, str>,
    },
    /// The provider answered with an OAuth error code (RFC 6749 section 5.2),
    /// e.g. `invalid_grant` for a code that was used before.
    #[error("identity provider refused: `{error}`")]
    Refused {
        /// The error code, reduced to the characters that RFC 6749 allows.
        error: String,
    },
    /// The provider answered for another user than it was asked about.
    #[error("identity provider answered for another user")]
    OtherUser,
    /// The answer breaks the protocol or does not verify: nothing of it is used.
    #[error("identity provider's answer is invalid: {step}: {reason}")]
    Invalid {
        /// What we asked for or verified, e.g. `id token`.
        step: &'static str,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
}

impl IdpError {
    pub(crate) fn unavailable(step: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable {
            step,
            reason: reason.into(),
        }
    }

    pub(crate) fn invalid(step: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid {
            step,
            reason: reason.into(),
        }
    }

    /// A transport failure of the given step.
    pub(crate) fn from_http(step: &'static str, error: &HttpError) -> Self {
        match error {
            HttpError::TooLarge { .. } | HttpError::Request(_) => Self::invalid(step, error.to_string()),
            HttpError::Timeout | HttpError::Connect(_) | HttpError::Transport(_) | HttpError::Status(_) => {
                Self::unavailable(step, error.to_string())
            }
        }
    }

    /// The provider's own OAuth error code; whatever RFC 6749 section 5.2 does
    /// not allow in one is dropped, since the text reaches our log.
    pub(crate) fn refused(code: &str) -> Self {
        let error: String = code
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            .take(64)
            .collect();
        Self::Refused { error }
    }
}
