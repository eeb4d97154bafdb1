//! The keys that sign assertions, and their public halves.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use portcullis_model::Secrets;
use serde_json::{Value, json};

use crate::keyring::Root;
use crate::pem;

/// Bytes of the smallest RSA modulus that is accepted: 2048 bits.
const MIN_RSA: usize = 256;
/// The most keys that are published at once.
const MAX_KEYS: usize = Secrets::MAX;

/// The signing keys: the first signs, all are published, so that upstreams know
/// a new key before it signs and an old one as long as its tokens live.
pub struct SigningKeys {
    pub(crate) first: SigningKey,
    others: Vec<SigningKey>,
}

pub(crate) struct SigningKey {
    pub(crate) header: Header,
    pub(crate) signs: EncodingKey,
    pub(crate) verifies: DecodingKey,
    kid: String,
    jwk: Value,
}

/// Why a text has no usable signing keys. The text itself is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither PEM nor base64 of PEM, damaged, too large, or encrypted.
    #[error("the signing key is neither PEM nor base64 of PEM")]
    NotPem,
    /// No private key in it.
    #[error("the signing key has no private key block")]
    NoKey,
    /// A private key of a kind that cannot sign assertions.
    #[error("the signing key is neither a P-256 nor an RSA key")]
    Unsupported,
    /// An RSA key with a modulus below 2048 bits.
    #[error("the signing key is an RSA key with fewer than 2048 bits")]
    Weak,
    /// More keys than are published at once.
    #[error("there are more than {MAX_KEYS} signing keys")]
    TooMany,
    /// The library refused to derive or to use the key.
    #[error("the signing key cannot be used")]
    Unusable,
}

impl core::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.keys().map(|key| &key.kid)).finish()
    }
}

impl SigningKeys {
    /// Reads `signing_key`: PEM or base64 of it; EC P-256 (`EC PRIVATE KEY` or
    /// PKCS#8) signs ES256, RSA (`RSA PRIVATE KEY` or PKCS#8) RS256. Blocks that
    /// are no private keys are passed over. Several keys are there while one
    /// replaces another; one that stands twice counts once.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = pem::blocks(text).ok_or(KeyError::NotPem)?;
        let mut keys: Vec<SigningKey> = Vec::new();
        for block in &blocks {
            let key = match block.label.as_str() {
                "EC PRIVATE KEY" => SigningKey::ec(&block.der)?,
                "RSA PRIVATE KEY" => {
                    SigningKey::rsa(&RsaKeyPair::from_der(&block.der).map_err(refusal)?, block)?
                }
                "PRIVATE KEY" => match RsaKeyPair::from_pkcs8(&block.der).map_err(refusal) {
                    Ok(pair) => SigningKey::rsa(&pair, block)?,
                    Err(KeyError::Weak) => return Err(KeyError::Weak),
                    Err(_) => SigningKey::ec(&block.der)?,
                },
                "ENCRYPTED PRIVATE KEY" => return Err(KeyError::NotPem),
                _ => continue,
            };
            add(&mut keys, key);
            if keys.len() > MAX_KEYS {
                return Err(KeyError::TooMany);
            }
        }
        Self::of(keys, KeyError::NoKey)
    }

    /// The P-256 keys that stand in where none is configured, one of each shared
    /// secret: the same on every replica with the same secrets. The derivation is
    /// our own, so a key is another than Pomerium's would be.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] if no candidate of 256 is a valid scalar, whose
    /// chance is about 2^-8192.
    pub fn derived(shared_secrets: &Secrets) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for secret in shared_secrets.all() {
            add(&mut keys, SigningKey::derived(secret).ok_or(KeyError::Unusable)?);
        }
        Self::of(keys, KeyError::Unusable)
    }

    fn of(keys: Vec<SigningKey>, without_any: KeyError) -> Result<Self, KeyError> {
        let mut keys = keys.into_iter();
        Ok(Self {
            first: keys.next().ok_or(without_any)?,
            others: keys.collect(),
        })
    }

    /// The public keys (RFC 7517), as `/.well-known/pomerium/jwks.json` shows
    /// them.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys().map(|key| &key.jwk).collect::<Vec<_>>() })
    }

    /// The id of the key that signs.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.first.kid
    }

    /// The ids of all keys, of the one that signs first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys().map(|key| key.kid.as_str())
    }

    pub(crate) fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.keys().find(|key| key.kid == kid)
    }

    fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        core::iter::once(&self.first).chain(&self.others)
    }
}

/// Adds a key that is not there yet.
fn add(keys: &mut Vec<SigningKey>, key: SigningKey) {
    if keys.iter().all(|known| known.kid != key.kid) {
        keys.push(key);
    }
}

impl SigningKey {
    fn derived(secret: &[u8; 32]) -> Option<Self> {
        let root = Root::new(secret);
        (0..=u8::MAX).find_map(|counter| {
            let scalar = root.expand(&[b"assertion/es256/", &[counter]]);
            let private = PrivateKey::from_private_key(&ECDH_P256, scalar.as_slice()).ok()?;
            let der: EcPrivateKeyRfc5915Der<'_> = private.as_der().ok()?;
            Self::ec(der.as_ref()).ok()
        })
    }

    /// From SEC 1 or PKCS#8.
    fn ec(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| KeyError::Unsupported)?;
        let point = pair.public_key().as_ref();
        let (Some((4, coordinates)), 65) = (point.split_first(), point.len()) else {
            return Err(KeyError::Unusable);
        };
        let (x, y) = coordinates.split_at_checked(32).ok_or(KeyError::Unusable)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let kid = thumbprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#));
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Unusable)?;
        Ok(Self {
            header: header(Algorithm::ES256, &kid),
            signs: EncodingKey::from_ec_der(pkcs8.as_ref()),
            verifies: DecodingKey::from_ec_components(&x, &y).map_err(|_| KeyError::Unusable)?,
            jwk: json!({
                "use": "sig", "kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256", "x": x, "y": y,
            }),
            kid,
        })
    }

    fn rsa(pair: &RsaKeyPair, block: &pem::Block) -> Result<Self, KeyError> {
        if pair.public_modulus_len() < MIN_RSA {
            return Err(KeyError::Weak);
        }
        let public = pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Ok(Self {
            header: header(Algorithm::RS256, &kid),
            // This takes the RSA key out of a PKCS#8 wrapping.
            signs: EncodingKey::from_rsa_pem(pem::encode(block).as_bytes())
                .map_err(|_| KeyError::Unusable)?,
            verifies: DecodingKey::from_rsa_components(&n, &e).map_err(|_| KeyError::Unusable)?,
            jwk: json!({ "use": "sig", "kty": "RSA", "kid": kid, "alg": "RS256", "n": n, "e": e }),
            kid,
        })
    }
}

/// The library itself refuses short RSA keys; why, it says only in words.
fn refusal(rejected: KeyRejected) -> KeyError {
    if rejected.to_string() == "TooSmall" {
        KeyError::Weak
    } else {
        KeyError::Unsupported
    }
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    Header {
        kid: Some(kid.to_owned()),
        ..Header::new(algorithm)
    }
}

/// Hex SHA-256 of a key's required members in lexical order (RFC 7638).
fn thumbprint(members: &str) -> String {
    hex::encode(digest(&SHA256, members.as_bytes()))
}

#[cfg(test)]
pub(crate) mod tests;
