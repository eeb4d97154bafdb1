//! Keys and what they have signed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::wire::Reader;

/// The sizes of RSA moduli that are read, in bytes.
const RSA_MODULUS: core::ops::RangeInclusive<usize> = 256..=1024;
/// The security key says that somebody touched it.
const USER_PRESENT: u8 = 1;

/// A plain public key, with what is needed to verify.
pub(super) struct Key<'a> {
    /// The type of its signatures, unless it is RSA.
    name: &'static str,
    kind: KeyKind<'a>,
    /// The application of a key that lives in a security key.
    application: Option<&'a [u8]>,
}

enum KeyKind<'a> {
    Ed25519(&'a [u8]),
    Ecdsa(Curve, &'a [u8]),
    Rsa { modulus: &'a [u8], exponent: &'a [u8] },
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Bytes of a coordinate, and of each half of a signature.
    const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
            Self::P521 => "nistp521",
        }
    }

    const fn algorithm(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

impl<'a> Key<'a> {
    /// Reads the fields of a key of type `name`, which come after that name. The
    /// point of a curve is not checked before it is used.
    pub(super) fn read(name: &str, reader: &mut Reader<'a>) -> Option<Self> {
        let (name, kind) = match name {
            "ssh-ed25519" => ("ssh-ed25519", ed25519(reader)?),
            "sk-ssh-ed25519@openssh.com" => ("sk-ssh-ed25519@openssh.com", ed25519(reader)?),
            "ecdsa-sha2-nistp256" => ("ecdsa-sha2-nistp256", ecdsa(Curve::P256, reader)?),
            "ecdsa-sha2-nistp384" => ("ecdsa-sha2-nistp384", ecdsa(Curve::P384, reader)?),
            "ecdsa-sha2-nistp521" => ("ecdsa-sha2-nistp521", ecdsa(Curve::P521, reader)?),
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                ("sk-ecdsa-sha2-nistp256@openssh.com", ecdsa(Curve::P256, reader)?)
            }
            "ssh-rsa" => {
                let exponent = reader.positive()?;
                let modulus = reader.positive()?;
                ("ssh-rsa", KeyKind::Rsa { modulus, exponent })
            }
            _ => return None,
        };
        let application = if name.starts_with("sk-") {
            Some(reader.string()?)
        } else {
            None
        };
        Some(Self {
            name,
            kind,
            application,
        })
    }

    /// Whether `signature` is one of `message` by this key. Its algorithm must be
    /// that of the key: for RSA one with SHA-2, never with SHA-1.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verify(message, signature).is_some()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let mut reader = Reader::new(signature);
        let algorithm = reader.text()?;
        let value = reader.string()?;
        let wrapped = match self.application {
            None => None,
            Some(application) => {
                let flags = reader.u8()?;
                let counter = reader.bytes(4)?;
                if flags & USER_PRESENT == 0 {
                    return None;
                }
                let mut wrapped = digest(&SHA256, application).as_ref().to_vec();
                wrapped.push(flags);
                wrapped.extend_from_slice(counter);
                wrapped.extend_from_slice(digest(&SHA256, message).as_ref());
                Some(wrapped)
            }
        };
        reader.end()?;
        let message = wrapped.as_deref().unwrap_or(message);
        match &self.kind {
            KeyKind::Rsa { modulus, exponent } => {
                let parameters = match algorithm {
                    "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                    "rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
                    _ => return None,
                };
                if !RSA_MODULUS.contains(&modulus.len()) {
                    return None;
                }
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                key.verify(parameters, message, value).ok()
            }
            _ if algorithm != self.name => None,
            KeyKind::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, value).ok(),
            KeyKind::Ecdsa(curve, point) => {
                let value = halves(*curve, value)?;
                UnparsedPublicKey::new(curve.algorithm(), point)
                    .verify(message, &value)
                    .ok()
            }
        }
    }
}

fn ed25519<'a>(reader: &mut Reader<'a>) -> Option<KeyKind<'a>> {
    let key = reader.string()?;
    (key.len() == 32).then_some(KeyKind::Ed25519(key))
}

/// The name of the curve again, and an uncompressed point.
fn ecdsa<'a>(curve: Curve, reader: &mut Reader<'a>) -> Option<KeyKind<'a>> {
    let named = reader.text()?;
    let point = reader.string()?;
    let uncompressed = point.first() == Some(&4) && point.len() == 1 + 2 * curve.size();
    (named == curve.name() && uncompressed).then_some(KeyKind::Ecdsa(curve, point))
}

/// The two integers of a signature, each in as many bytes as the curve has.
fn halves(curve: Curve, value: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(value);
    let mut fixed = Vec::with_capacity(2 * curve.size());
    for _ in 0..2 {
        let half = reader.positive()?;
        let missing = curve.size().checked_sub(half.len())?;
        fixed.resize(fixed.len() + missing, 0);
        fixed.extend_from_slice(half);
    }
    reader.end()?;
    Some(fixed)
}
