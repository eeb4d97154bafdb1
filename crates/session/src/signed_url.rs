//! HMAC-signed addresses, in Pomerium's format to the byte.
//!
//! The query gets `pomerium_issued` and `pomerium_expiry` (Unix seconds) and is
//! written sorted by name, as Go's `url.Values` does. The MAC is
//! HMAC-SHA-512/256 over the whole address, the issue time (nothing between),
//! a space and the expiry; it goes, base64url with padding, into
//! `pomerium_signature`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use portcullis_model::Secrets;
use sha2::Sha512_256;
use subtle::ConstantTimeEq as _;
use url::Url;

/// Query parameter with the issue time.
pub const ISSUED: &str = "pomerium_issued";
/// Query parameter with the end of validity.
pub const EXPIRY: &str = "pomerium_expiry";
/// Query parameter with the MAC.
pub const SIGNATURE: &str = "pomerium_signature";
/// How long a signed address is good: 5 minutes.
pub const VALIDITY: SignedDuration = SignedDuration::from_mins(5);
/// How far clocks may differ, either way.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Why an address is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedUrlError {
    /// Without a signature, or with several.
    #[error("the address is not signed")]
    Unsigned,
    /// The times are missing, there twice, or no numbers.
    #[error("the address has no valid times")]
    Times,
    /// The signature is not over this address.
    #[error("the signature does not fit the address")]
    Signature,
    /// It is from the future.
    #[error("the address is not valid yet")]
    NotYetValid,
    /// It is too old.
    #[error("the address has expired")]
    Expired,
}

/// The address with issue time, expiry and signature by the first secret; what it
/// had of those before is replaced.
#[must_use]
pub fn sign(keys: &Secrets, url: &Url, now: Timestamp) -> Url {
    let issued = now.as_second();
    let expiry = issued.saturating_add(VALIDITY.as_secs());
    let mut pairs = pairs(url);
    pairs.retain(|(name, _)| ![ISSUED, EXPIRY, SIGNATURE].contains(&name.as_str()));
    pairs.push((ISSUED.to_owned(), issued.to_string()));
    pairs.push((EXPIRY.to_owned(), expiry.to_string()));
    let mut signed = url.clone();
    signed.set_query(Some(&encode(&mut pairs)));
    let signature = URL_SAFE.encode(mac(keys.first(), signed.as_str(), issued, expiry));
    pairs.push((SIGNATURE.to_owned(), signature));
    signed.set_query(Some(&encode(&mut pairs)));
    signed
}

/// Whether an address was signed with one of these secrets and is still good.
///
/// Stricter than Pomerium in one point: the query must stand as it was signed.
/// Pomerium sorts what comes, so that an address with its parameters moved
/// about, or otherwise encoded, passes there.
///
/// # Errors
/// [`SignedUrlError`].
pub fn verify(keys: &Secrets, url: &Url, now: Timestamp) -> Result<(), SignedUrlError> {
    let mut pairs = pairs(url);
    let signature = only(&pairs, SIGNATURE)
        .ok_or(SignedUrlError::Unsigned)?
        .to_owned();
    let time = |name: &str| only(&pairs, name).and_then(number).ok_or(SignedUrlError::Times);
    let (issued, expiry) = (time(ISSUED)?, time(EXPIRY)?);
    if url.query() != Some(&encode(&mut pairs)) {
        return Err(SignedUrlError::Signature);
    }
    pairs.retain(|(name, _)| name != SIGNATURE);
    let mut bare = url.clone();
    bare.set_query(Some(&encode(&mut pairs)));
    let is_ours = keys.all().any(|key| {
        let expected = URL_SAFE.encode(mac(key, bare.as_str(), issued, expiry));
        bool::from(expected.as_bytes().ct_eq(signature.as_bytes()))
    });
    if !is_ours {
        return Err(SignedUrlError::Signature);
    }
    let now = now.as_second();
    if now < issued.saturating_sub(LEEWAY.as_secs()) {
        Err(SignedUrlError::NotYetValid)
    } else if now > expiry.saturating_add(LEEWAY.as_secs()) {
        Err(SignedUrlError::Expired)
    } else {
        Ok(())
    }
}

fn mac(key: &[u8], address: &str, issued: i64, expiry: i64) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha512_256>::new_from_slice(key) else {
        // HMAC takes keys of any length. An empty tag never equals a signature
        // that was made.
        return Vec::new();
    };
    mac.update(address.as_bytes());
    mac.update(format!("{issued} {expiry}").as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn pairs(url: &Url) -> Vec<(String, String)> {
    url.query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// The value of a parameter that is there once.
fn only<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = pairs
        .iter()
        .filter(|(pair, _)| pair == name)
        .map(|(_, value)| value.as_str());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// A time as we write it: no sign, no leading zero.
fn number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number >= 0 && number.to_string() == text).then_some(number)
}

/// Sorted by name, the values of one name in their order; escaped as Go's
/// `url.QueryEscape` does, which differs from the URL standard's form encoding
/// in `~` and `*`.
fn encode(pairs: &mut [(String, String)]) -> String {
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut query = String::new();
    for (name, value) in pairs.iter() {
        if !query.is_empty() {
            query.push('&');
        }
        escape(name, &mut query);
        query.push('=');
        escape(value, &mut query);
    }
    query
}

fn escape(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => to.push(char::from(byte)),
            b' ' => to.push('+'),
            _ => {
                to.push('%');
                for digit in [byte >> 4, byte & 15] {
                    to.push(char::from(if digit < 10 {
                        b'0' + digit
                    } else {
                        b'A' + digit - 10
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
