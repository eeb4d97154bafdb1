//! The assertion: the JWT that tells an upstream who is asking.

mod claims;
mod header_value;

pub use claims::AssertionClaims;
pub use header_value::{MAX_HEADER_VALUE, claim_header_value};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Validation, decode, decode_header, encode};
use portcullis_policy::Allowed;
use serde::Deserialize;

pub use crate::signing_keys::{KeyError, SigningKeys};

/// How long an assertion is good: 5 minutes, as in Pomerium.
pub const VALIDITY_SECONDS: i64 = 300;
/// Bytes of an assertion. Envoy takes 60 KiB of headers in all; a larger one
/// would make every request of the user fail there without a reason given.
pub const MAX_ASSERTION: usize = 32 * 1024;

/// An assertion cannot be made, or is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The claims are too large for a header.
    #[error("the assertion has more than {MAX_ASSERTION} bytes")]
    TooLarge,
    /// The key would not sign.
    #[error("the assertion cannot be signed")]
    Unsigned,
    /// A token that none of our keys signed, or that is none.
    #[error("the token is not an assertion of ours")]
    Foreign,
    /// An assertion of ours that is no longer, or not yet, good.
    #[error("the assertion is not within its time")]
    OutOfTime,
}

/// Signs the claims (ES256 or RS256, as the key is). The permit says that policy
/// let this request through: nobody else gets an assertion.
///
/// # Errors
/// [`AssertionError`]; the request is then denied.
pub fn sign(
    _permit: &Allowed,
    keys: &SigningKeys,
    claims: &AssertionClaims,
) -> Result<String, AssertionError> {
    let key = &keys.first;
    let token = encode(&key.header, claims, &key.signs).map_err(|_| AssertionError::Unsigned)?;
    if token.len() > MAX_ASSERTION {
        Err(AssertionError::TooLarge)
    } else {
        Ok(token)
    }
}

#[derive(Deserialize)]
struct Checked {
    iat: i64,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    aud: Audience,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Header parameters that would change what the token means.
const REFUSED: [&str; 4] = ["crit", "b64", "zip", "enc"];

fn changes_meaning(token: &str) -> bool {
    let head = token.split('.').next().unwrap_or_default();
    let head = URL_SAFE_NO_PAD.decode(head).unwrap_or_default();
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&head)
        .map_or(true, |head| REFUSED.iter().any(|name| head.contains_key(*name)))
}

/// Whether a token is an assertion that one of our keys signed and that is good
/// now: what another Portcullis in front of us may pass on as
/// `x-pomerium-jwt-assertion-for`.
///
/// The algorithm is the key's, never the token's choice; keys named in the
/// token's header are not looked at. Since an operator's key may sign other things
/// too, what lives longer than an assertion or has no audience is none.
///
/// # Errors
/// [`AssertionError::Foreign`] or [`AssertionError::OutOfTime`].
pub fn verify(keys: &SigningKeys, token: &str, now: Timestamp) -> Result<(), AssertionError> {
    if token.len() > MAX_ASSERTION {
        return Err(AssertionError::Foreign);
    }
    let header = decode_header(token).map_err(|_| AssertionError::Foreign)?;
    let kid = header.kid.as_deref().ok_or(AssertionError::Foreign)?;
    let key = keys.by_kid(kid).ok_or(AssertionError::Foreign)?;
    if header.typ.as_deref() != Some("JWT") || changes_meaning(token) {
        return Err(AssertionError::Foreign);
    }
    // Times are checked below, by the clock that was handed in.
    let mut validation = Validation::new(key.header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    let token = decode::<Checked>(token, &key.verifies, &validation).map_err(|_| AssertionError::Foreign)?;
    let Checked { iat, exp, nbf, aud } = token.claims;
    let named = match aud {
        Audience::One(name) => !name.is_empty(),
        Audience::Several(names) => !names.is_empty(),
    };
    if !named {
        return Err(AssertionError::Foreign);
    }
    let now = now.as_second();
    let from = nbf.map_or(iat, |nbf| nbf.max(iat)).saturating_sub(60);
    if (from..exp).contains(&now) && exp.saturating_sub(iat) <= VALIDITY_SECONDS {
        Ok(())
    } else {
        Err(AssertionError::OutOfTime)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verify_tests;
