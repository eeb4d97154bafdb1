//! Subkeys by purpose, and the one way of sealing and opening.
//!
//! A sealed text is base64url without padding of
//! `key id (1) | nonce (12) | ciphertext | tag (16)`. The associated data is
//! the purpose, the key id and the caller's names, each with its length in
//! front, so that no two lists of names are the same bytes.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_model::Secrets;
use zeroize::Zeroizing;

/// Characters that a sealed text may have: room for a return address of 4 KiB.
const MAX_SEALED: usize = 16 * 1024;

const TAG_LEN: usize = 16;

/// What a subkey is for. Something sealed for one purpose never opens for
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Session cookies: [`crate::handle`].
    Session,
    /// Tokens of programs: [`crate::token`].
    Token,
    /// The `state` parameter of a login: [`crate::transaction::State`].
    State,
    /// The token that carries a login to a route host:
    /// [`crate::transaction::Callback`].
    Callback,
    /// The cookie that ties a login to a browser on the authenticate host.
    Csrf,
    /// The cookie that ties a login to a browser on the route host.
    Binding,
    /// PKCE verifiers (RFC 7636).
    Pkce,
    /// OpenID Connect nonces.
    Nonce,
}

impl Purpose {
    /// The label in the key derivation and the associated data: part of the
    /// format, never to be changed.
    const fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::State => "state",
            Self::Callback => "callback",
            Self::Csrf => "csrf",
            Self::Binding => "binding",
            Self::Pkce => "pkce",
            Self::Nonce => "nonce",
        }
    }
}

/// Something could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The content is over its bound.
    #[error("the content is too large to be sealed")]
    TooLarge,
    /// The cryptographic library refused.
    #[error("sealing failed")]
    Failed,
}

/// A text does not open. Deliberately one error for every cause: whoever sent
/// it learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text does not open")]
pub struct OpenError;

struct Subkey {
    /// Names the secret that this derives from, so that of several the right one
    /// is tried. Two secrets in 256 have the same id: then both are tried.
    id: u8,
    /// None only if the library refuses a key of the right length; nothing is
    /// sealed or opened then.
    seal: Option<LessSafeKey>,
    mac: hmac::Key,
}

/// The subkeys of one purpose: one of each secret, in the order of the secrets.
struct Subkeys {
    first: Subkey,
    others: Vec<Subkey>,
}

impl Subkeys {
    fn all(&self) -> impl Iterator<Item = &Subkey> {
        core::iter::once(&self.first).chain(&self.others)
    }
}

/// The subkeys of the cookie secrets and the shared secrets. The first secret of
/// each seals and signs; what any of them has sealed opens.
///
/// What crosses from the authenticate service to the routes (the callback)
/// derives from the shared secret; what comes back in cookies and `state`, from
/// the cookie secret.
pub struct KeyRing {
    session: Subkeys,
    token: Subkeys,
    state: Subkeys,
    callback: Subkeys,
    csrf: Subkeys,
    binding: Subkeys,
    pkce: Subkeys,
    nonce: Subkeys,
}

impl core::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Derives every subkey (HKDF-SHA256, RFC 5869).
    #[must_use]
    pub fn new(cookie_secrets: &Secrets, shared_secrets: &Secrets) -> Self {
        let cookie = Roots::new(cookie_secrets);
        let shared = Roots::new(shared_secrets);
        Self {
            session: cookie.subkeys(Purpose::Session),
            token: cookie.subkeys(Purpose::Token),
            state: cookie.subkeys(Purpose::State),
            callback: shared.subkeys(Purpose::Callback),
            csrf: cookie.subkeys(Purpose::Csrf),
            binding: cookie.subkeys(Purpose::Binding),
            pkce: cookie.subkeys(Purpose::Pkce),
            nonce: cookie.subkeys(Purpose::Nonce),
        }
    }

    fn subkeys(&self, purpose: Purpose) -> &Subkeys {
        match purpose {
            Purpose::Session => &self.session,
            Purpose::Token => &self.token,
            Purpose::State => &self.state,
            Purpose::Callback => &self.callback,
            Purpose::Csrf => &self.csrf,
            Purpose::Binding => &self.binding,
            Purpose::Pkce => &self.pkce,
            Purpose::Nonce => &self.nonce,
        }
    }

    /// Seals `plain` by the first secret so that it opens only for the same
    /// purpose and names.
    /// `nonce` should be random; a repeated one reveals at most that two
    /// contents are equal (RFC 8452).
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        purpose: Purpose,
        aad: &[&str],
        nonce: [u8; NONCE_LEN],
        plain: &[u8],
    ) -> Result<String, SealError> {
        let length = plain.len().saturating_add(1 + NONCE_LEN + TAG_LEN);
        if length.div_ceil(3).saturating_mul(4) > MAX_SEALED {
            return Err(SealError::TooLarge);
        }
        let subkey = &self.subkeys(purpose).first;
        let key = subkey.seal.as_ref().ok_or(SealError::Failed)?;
        let aad = associated_data(purpose, subkey.id, aad);
        let mut sealed = Vec::with_capacity(length);
        sealed.push(subkey.id);
        sealed.extend_from_slice(&nonce);
        let mut text = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
            .map_err(|_| SealError::Failed)?;
        sealed.extend_from_slice(&text);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`KeyRing::seal`] made for the same purpose and names, by
    /// whichever of the secrets.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    pub fn open(&self, purpose: Purpose, aad: &[&str], text: &str) -> Result<Vec<u8>, OpenError> {
        self.open_numbered(purpose, aad, text).map(|(_, plain)| plain)
    }

    /// The content, and which of the secrets opened it.
    fn open_numbered(
        &self,
        purpose: Purpose,
        aad: &[&str],
        text: &str,
    ) -> Result<(usize, Vec<u8>), OpenError> {
        if text.len() > MAX_SEALED {
            return Err(OpenError);
        }
        // This decoder takes one spelling of each text: padding, white space,
        // the other alphabet and stray bits at the end are refused.
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError)?;
        let (&id, rest) = bytes.split_first().ok_or(OpenError)?;
        let (&nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError)?;
        let aad = associated_data(purpose, id, aad);
        let subkeys = self.subkeys(purpose).all().enumerate();
        for (number, subkey) in subkeys.filter(|(_, subkey)| subkey.id == id) {
            let Some(key) = &subkey.seal else { continue };
            let mut plain = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce);
            if let Ok(opened) = key.open_in_place(nonce, Aad::from(&aad), &mut plain) {
                let length = opened.len();
                plain.truncate(length);
                return Ok((number, plain));
            }
        }
        Err(OpenError)
    }

    /// HMAC-SHA-256 by the first secret over the parts, each with its length in
    /// front.
    #[must_use]
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        self.subkeys(purpose).first.mac(parts)
    }

    /// The same by every secret, the first one's first: what a value is held
    /// against that may be from before a rotation.
    pub(crate) fn macs(&self, purpose: Purpose, parts: &[&[u8]]) -> impl Iterator<Item = [u8; 32]> {
        self.subkeys(purpose).all().map(move |subkey| subkey.mac(parts))
    }

    /// The same by the secret that sealed `state` for these names: what belongs to
    /// a login stays the same where a rotation falls into it. By the first secret
    /// where none has sealed it.
    pub(crate) fn mac_of_state(
        &self,
        state: &str,
        aad: &[&str],
        purpose: Purpose,
        parts: &[&[u8]],
    ) -> [u8; 32] {
        let number = self.open_numbered(Purpose::State, aad, state);
        let number = number.map_or(0, |(number, _)| number);
        let subkeys = self.subkeys(purpose);
        subkeys.all().nth(number).unwrap_or(&subkeys.first).mac(parts)
    }
}

impl Subkey {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.mac);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        tag_bytes(&context.sign())
    }
}

fn associated_data(purpose: Purpose, id: u8, names: &[&str]) -> Vec<u8> {
    let length = names
        .iter()
        .map(|name| name.len().saturating_add(8))
        .sum::<usize>();
    let mut data = Vec::with_capacity(length.saturating_add(24));
    data.push(id);
    for part in core::iter::once(purpose.label()).chain(names.iter().copied()) {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}

/// The pseudo-random key of one secret (the extract step of RFC 5869).
pub(crate) struct Root(hmac::Key);

impl Root {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let salt = hmac::Key::new(hmac::HMAC_SHA256, b"portcullis/v1");
        let extracted = hmac::sign(&salt, secret);
        Self(hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()))
    }

    /// The expand step for exactly one block of output, which is all that is
    /// ever needed here and, unlike the general function, cannot fail.
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in info {
            context.update(part);
        }
        context.update(&[1]);
        Zeroizing::new(tag_bytes(&context.sign()))
    }

    fn subkey(&self, purpose: Purpose) -> Subkey {
        let label = purpose.label().as_bytes();
        let seal = self.expand(&[b"seal/", label]);
        let mac = self.expand(&[b"mac/", label]);
        let [id, ..] = *self.expand(&[b"key-id"]);
        Subkey {
            id,
            seal: UnboundKey::new(&AES_256_GCM_SIV, seal.as_slice())
                .ok()
                .map(LessSafeKey::new),
            mac: hmac::Key::new(hmac::HMAC_SHA256, mac.as_slice()),
        }
    }
}

/// The roots of several secrets, in their order.
struct Roots {
    first: Root,
    others: Vec<Root>,
}

impl Roots {
    fn new(secrets: &Secrets) -> Self {
        Self {
            first: Root::new(secrets.first()),
            others: secrets.all().skip(1).map(Root::new).collect(),
        }
    }

    fn subkeys(&self, purpose: Purpose) -> Subkeys {
        Subkeys {
            first: self.first.subkey(purpose),
            others: self.others.iter().map(|root| root.subkey(purpose)).collect(),
        }
    }
}

/// An HMAC-SHA-256 tag has 32 bytes.
fn tag_bytes(tag: &hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod rotation_tests;
#[cfg(test)]
mod tests;
