//! The session record: what the store keeps of a login.

use bytes::Bytes;
use jiff::Timestamp;
use portcullis_model::{Claims, SessionId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::refresh::Progress;

/// Bytes of an encoded record. The provider's tokens and claims are in it, and
/// their size is the provider's choice.
pub const MAX_RECORD: usize = 256 * 1024;

const FORMAT: u32 = 1;

/// A signed-in session. Groups are in the claims, under `groups`.
///
/// It is never printed whole: its `Debug` shows ids and times.
#[derive(Clone)]
pub struct Session {
    /// The record's id.
    pub id: SessionId,
    /// The user's id at the provider.
    pub user_id: String,
    /// The e-mail address, empty when the provider gives none.
    pub email: String,
    /// The name to show, empty when the provider gives none.
    pub name: String,
    /// The provider settings that the login went through.
    pub provider_id: String,
    /// Everything that the provider says of the user.
    pub claims: Claims,
    /// When the login was.
    pub issued_at: Timestamp,
    /// When the session ends, whatever happens.
    pub expires_at: Timestamp,
    /// The id token as it came.
    pub id_token: SecretString,
    /// The access token.
    pub access_token: SecretString,
    /// The refresh token, if the provider gave one.
    pub refresh_token: Option<SecretString>,
    /// When the access token expires, if the provider said so.
    pub access_token_expires_at: Option<Timestamp>,
    /// When the id token expires, if it is one that a refresh renews.
    pub id_token_expires_at: Option<Timestamp>,
    /// How far the refreshes have come.
    pub progress: Progress,
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("provider_id", &self.provider_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A record cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Over [`MAX_RECORD`].
    #[error("the session record has more than {MAX_RECORD} bytes")]
    TooLarge,
    /// Written in a format that this version does not know.
    #[error("the session record has an unknown format")]
    UnknownFormat,
    /// No session record.
    #[error("the session record is malformed")]
    Malformed,
}

/// Written out field by field, the tokens deliberately so.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    id: &'a SessionId,
    user_id: &'a str,
    email: &'a str,
    name: &'a str,
    provider_id: &'a str,
    claims: &'a Claims,
    issued_at: Timestamp,
    expires_at: Timestamp,
    id_token: &'a str,
    access_token: &'a str,
    refresh_token: Option<&'a str>,
    access_token_expires_at: Option<Timestamp>,
    id_token_expires_at: Option<Timestamp>,
    progress: &'a Progress,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
struct Read {
    id: SessionId,
    user_id: String,
    email: String,
    name: String,
    provider_id: String,
    claims: Claims,
    issued_at: Timestamp,
    expires_at: Timestamp,
    id_token: String,
    access_token: String,
    refresh_token: Option<String>,
    access_token_expires_at: Option<Timestamp>,
    // Not in the records of before there was a refresh.
    #[serde(default)]
    id_token_expires_at: Option<Timestamp>,
    #[serde(default)]
    progress: Progress,
}

impl Session {
    /// The record's content for the store, which encrypts it at rest.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`].
    pub fn encode(&self) -> Result<Bytes, RecordError> {
        let Self {
            id,
            user_id,
            email,
            name,
            provider_id,
            claims,
            issued_at,
            expires_at,
            id_token,
            access_token,
            refresh_token,
            access_token_expires_at,
            id_token_expires_at,
            progress,
        } = self;
        let written = Written {
            format: FORMAT,
            id,
            user_id,
            email,
            name,
            provider_id,
            claims,
            issued_at: *issued_at,
            expires_at: *expires_at,
            id_token: id_token.expose_secret(),
            access_token: access_token.expose_secret(),
            refresh_token: refresh_token.as_ref().map(|token| token.expose_secret()),
            access_token_expires_at: *access_token_expires_at,
            id_token_expires_at: *id_token_expires_at,
            progress,
        };
        let bytes = serde_json::to_vec(&written).map_err(|_| RecordError::Malformed)?;
        if bytes.len() > MAX_RECORD {
            Err(RecordError::TooLarge)
        } else {
            Ok(bytes.into())
        }
    }

    /// Reads a record's content.
    ///
    /// # Errors
    /// [`RecordError`]; the caller takes such a record for absent.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD {
            return Err(RecordError::TooLarge);
        }
        let Format { format } = serde_json::from_slice(bytes).map_err(|_| RecordError::Malformed)?;
        if format != FORMAT {
            return Err(RecordError::UnknownFormat);
        }
        let read: Read = serde_json::from_slice(bytes).map_err(|_| RecordError::Malformed)?;
        Ok(Self {
            id: read.id,
            user_id: read.user_id,
            email: read.email,
            name: read.name,
            provider_id: read.provider_id,
            claims: read.claims,
            issued_at: read.issued_at,
            expires_at: read.expires_at,
            id_token: read.id_token.into(),
            access_token: read.access_token.into(),
            refresh_token: read.refresh_token.map(SecretString::from),
            access_token_expires_at: read.access_token_expires_at,
            id_token_expires_at: read.id_token_expires_at,
            progress: read.progress,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
