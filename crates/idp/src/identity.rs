//! From verified claims to the person who logged in.

use std::time::Duration;

use portcullis_model::Claims;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::error::IdpError;

/// Claims of one transaction; they say nothing about the person.
const TRANSACTION_CLAIMS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// Claims about the id token itself, which userinfo must not replace.
const TOKEN_CLAIMS: [&str; 9] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "sid",
];

/// The longest user id or e-mail address in bytes; OpenID Connect Core 1.0
/// section 2 allows 255 characters for `sub`.
const MAX_NAME_BYTES: usize = 1024;

/// Who logged in, and the provider's tokens for that login.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user's id at the provider: claim `oid` (Entra ID), else `sub`.
    pub user_id: String,
    /// Claim `email`, or empty. Not necessarily verified by the provider.
    pub email: String,
    /// Claim `name`, or empty.
    pub name: String,
    /// Claims of the id token with those of userinfo on top, flattened.
    pub claims: Claims,
    /// The raw id token.
    pub id_token: SecretString,
    /// The access token.
    pub access_token: SecretString,
    /// The refresh token, if the provider gave one.
    pub refresh_token: Option<SecretString>,
    /// For how long the access token is good, if the provider says so.
    pub access_token_expires_in: Option<Duration>,
}

/// What the claims alone say.
#[derive(Clone, Debug)]
pub struct Person {
    /// As [`Identity::user_id`].
    pub user_id: String,
    /// As [`Identity::email`].
    pub email: String,
    /// As [`Identity::name`].
    pub name: String,
    /// As [`Identity::claims`].
    pub claims: Claims,
}

/// The user's id by these claims, empty if they have none.
pub(crate) fn user_id(claims: &Map<String, Value>) -> &str {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("oid") {
        "" => text("sub"),
        oid => oid,
    }
}

/// Puts the claims of userinfo over those of the id token.
///
/// # Errors
///
/// When userinfo speaks of another `sub` (OpenID Connect Core 1.0 section 5.3.2).
pub(crate) fn merge(id_token: &mut Map<String, Value>, userinfo: Map<String, Value>) -> Result<(), IdpError> {
    let same = match (id_token.get("sub"), userinfo.get("sub")) {
        (Some(Value::String(a)), Some(Value::String(b))) => a == b,
        _ => false,
    };
    if !same {
        return Err(IdpError::invalid("userinfo", "`sub` is not that of the id token"));
    }
    for (name, value) in userinfo {
        if !TOKEN_CLAIMS.contains(&name.as_str()) {
            id_token.insert(name, value);
        }
    }
    Ok(())
}

impl Person {
    pub(crate) fn from_claims(mut claims: Map<String, Value>) -> Result<Self, IdpError> {
        for name in TRANSACTION_CLAIMS {
            claims.remove(name);
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let user_id = user_id(&claims).to_owned();
        let email = text("email").to_owned();
        let name = text("name").to_owned();
        if user_id.is_empty() {
            return Err(IdpError::invalid("id token", "`sub` is empty"));
        }
        if user_id.len() > MAX_NAME_BYTES || email.len() > MAX_NAME_BYTES {
            return Err(IdpError::invalid("id token", "user id or e-mail is too long"));
        }
        Ok(Self {
            user_id,
            email,
            name,
            claims: Claims::flatten(&claims).map_err(|e| IdpError::invalid("id token", e.to_string()))?,
        })
    }
}
