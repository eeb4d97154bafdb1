//! The two cookies that tie a login to the browser that began it: random values
//! that only we can make.
//!
//! On the authenticate host it is `<cookie_name>_csrf`, as in Pomerium; on the
//! route host `<cookie_name>_binding`, which Pomerium lacks: there a callback
//! address works in any browser that is given it.
//!
//! Behind a dot a value may carry a count of how often the browser went round
//! ([`turns`]); that is no part of what a login is tied to, so that it may change
//! while logins are under way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::{KeyRing, OpenError, Purpose};

pub mod turns;

const TAG_LEN: usize = 16;

/// The length of a [`fingerprint`], in bytes.
pub const FINGERPRINT_LEN: usize = 43;

/// What a new cookie begins with: the second of its birth, and random bytes.
#[must_use]
pub fn seed(now: Timestamp, random: [u8; 28]) -> [u8; 32] {
    let born = u32::try_from(now.as_second()).unwrap_or_default().to_be_bytes();
    let mut seed = [0; 32];
    for (to, from) in seed.iter_mut().zip(born.iter().chain(&random)) {
        *to = *from;
    }
    seed
}

/// When a cookie was made by [`seed`]; `None` for what is no cookie of ours. Only
/// of meaning once [`verify`] has passed.
#[must_use]
pub fn born(value: &str) -> Option<Timestamp> {
    let bytes = URL_SAFE_NO_PAD.decode(base(value)).ok()?;
    let (second, _) = bytes.split_first_chunk()?;
    Timestamp::from_second(i64::from(u32::from_be_bytes(*second))).ok()
}

/// The value without what stands behind the dot.
pub(crate) fn base(value: &str) -> &str {
    value.split_once('.').map_or(value, |(base, _)| base)
}

/// The value of a new cookie for a browser on `host`: the 32 bytes (see [`seed`])
/// and the first half of a MAC over them. `purpose` is [`Purpose::Csrf`] or
/// [`Purpose::Binding`].
#[must_use]
pub fn issue(ring: &KeyRing, purpose: Purpose, host: &str, random: [u8; 32]) -> String {
    let mut value = [0; 32 + TAG_LEN];
    let tag = ring.mac(purpose, &[b"cookie", host.as_bytes(), &random]);
    for (to, from) in value.iter_mut().zip(random.iter().chain(&tag)) {
        *to = *from;
    }
    URL_SAFE_NO_PAD.encode(value)
}

/// Whether a cookie's value is one that we made for this purpose and host, by
/// whichever of the secrets.
///
/// # Errors
/// [`OpenError`] if not.
pub fn verify(ring: &KeyRing, purpose: Purpose, host: &str, value: &str) -> Result<(), OpenError> {
    let value = base(value);
    if value.len() != (32 + TAG_LEN) / 3 * 4 {
        return Err(OpenError);
    }
    let bytes = URL_SAFE_NO_PAD.decode(value).map_err(|_| OpenError)?;
    let (random, tag) = bytes.split_first_chunk::<32>().ok_or(OpenError)?;
    let parts = [b"cookie".as_slice(), host.as_bytes(), random];
    let is_ours = ring.macs(purpose, &parts).any(|expected| {
        let expected = expected.split_first_chunk::<TAG_LEN>();
        expected.is_some_and(|(expected, _)| bool::from(expected.ct_eq(tag)))
    });
    if is_ours { Ok(()) } else { Err(OpenError) }
}

/// A name for a cookie's value that may travel in an address: it shows that two
/// values are the same without showing the value.
#[must_use]
pub fn fingerprint(ring: &KeyRing, purpose: Purpose, host: &str, value: &str) -> String {
    let value = base(value);
    URL_SAFE_NO_PAD.encode(ring.mac(purpose, &[b"fingerprint", host.as_bytes(), value.as_bytes()]))
}

/// Whether `value` has this fingerprint by one of the secrets; each comparison
/// takes constant time.
#[must_use]
pub fn matches(ring: &KeyRing, purpose: Purpose, host: &str, value: &str, print: &str) -> bool {
    let parts = [b"fingerprint".as_slice(), host.as_bytes(), base(value).as_bytes()];
    ring.macs(purpose, &parts).any(|mac| {
        URL_SAFE_NO_PAD
            .encode(mac)
            .as_bytes()
            .ct_eq(print.as_bytes())
            .into()
    })
}

#[cfg(test)]
mod tests;
