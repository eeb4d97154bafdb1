//! The two cookies that tie a login to the browser that began it: random values
//! that only we can make.
//!
//! On the authenticate host it is `<cookie_name>_csrf`, as in Pomerium; on the
//! route host `<cookie_name>_binding`, which Pomerium lacks: there a callback
//! address works in any browser that is given it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::{KeyRing, OpenError, Purpose};

const TAG_LEN: usize = 16;

/// The value of a new cookie for a browser on `host`: 32 random bytes and the
/// first half of a MAC over them. `purpose` is [`Purpose::Csrf`] or
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

/// Whether a cookie's value is one that we made for this purpose and host.
///
/// # Errors
/// [`OpenError`] if not.
pub fn verify(ring: &KeyRing, purpose: Purpose, host: &str, value: &str) -> Result<(), OpenError> {
    if value.len() != (32 + TAG_LEN) / 3 * 4 {
        return Err(OpenError);
    }
    let bytes = URL_SAFE_NO_PAD.decode(value).map_err(|_| OpenError)?;
    let (random, tag) = bytes.split_first_chunk::<32>().ok_or(OpenError)?;
    let expected = ring.mac(purpose, &[b"cookie", host.as_bytes(), random]);
    let (expected, _) = expected.split_first_chunk::<TAG_LEN>().ok_or(OpenError)?;
    if bool::from(expected.ct_eq(tag)) {
        Ok(())
    } else {
        Err(OpenError)
    }
}

/// A name for a cookie's value that may travel in an address: it shows that two
/// values are the same without showing the value.
#[must_use]
pub fn fingerprint(ring: &KeyRing, purpose: Purpose, host: &str, value: &str) -> String {
    URL_SAFE_NO_PAD.encode(ring.mac(purpose, &[b"fingerprint", host.as_bytes(), value.as_bytes()]))
}

/// Whether `value` has this fingerprint, in constant time.
#[must_use]
pub fn matches(ring: &KeyRing, purpose: Purpose, host: &str, value: &str, print: &str) -> bool {
    fingerprint(ring, purpose, host, value)
        .as_bytes()
        .ct_eq(print.as_bytes())
        .into()
}

#[cfg(test)]
mod tests;
