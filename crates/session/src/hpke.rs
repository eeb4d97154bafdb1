//! The public key that Pomerium publishes for its hosted sign-in (HPKE, RFC 9180).
//!
//! It is derived from the shared secret as Pomerium derives it: HKDF-SHA256 without
//! salt and with the info `pomerium/hpke`, and from the result the key pair of
//! DHKEM(X25519, HKDF-SHA256) (RFC 9180, 7.1.3). Nothing is ever sealed to it here:
//! the hosted service is not spoken to. Who fetches it learns nothing of the secret.

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use zeroize::Zeroizing;

const INFO: &[u8] = b"pomerium/hpke";
/// The key encapsulation of the suite, as it enters the derivation: `KEM`, 0x0020.
const SUITE: [u8; 5] = [b'K', b'E', b'M', 0x00, 0x20];
const VERSION: &[u8] = b"HPKE-v1";

/// The public key, as it is served. `None` only if the library refuses the key.
#[must_use]
pub fn public_key(shared_secret: &[u8; 32]) -> Option<[u8; 32]> {
    let seed = expand(&extract(&[], &[shared_secret]), &[INFO]);
    let private = derive_key_pair(&*seed);
    let private = PrivateKey::from_private_key(&X25519, &*private).ok()?;
    let public = private.compute_public_key().ok()?;
    public.as_ref().try_into().ok()
}

/// `DeriveKeyPair` up to the private key.
fn derive_key_pair(seed: &[u8]) -> Zeroizing<[u8; 32]> {
    let root = extract(&[], &[VERSION, &SUITE, b"dkp_prk", seed]);
    // Two bytes say how long the result is.
    expand(&root, &[&[0, 32], VERSION, &SUITE, b"sk"])
}

/// The extract step of HKDF-SHA256 (RFC 5869).
fn extract(salt: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let input = Zeroizing::new(parts.concat());
    tag(salt, &input)
}

/// The expand step for one block.
fn expand(root: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    tag(root, &[&info.concat()[..], &[1]].concat())
}

fn tag(key: &[u8], input: &[u8]) -> Zeroizing<[u8; 32]> {
    let tag = sign(&Key::new(HMAC_SHA256, key), input);
    let mut bytes = Zeroizing::new([0; 32]);
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9180, appendix A.1.1.
    #[test]
    fn key_pairs_are_those_of_the_standard() {
        let seed = hex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
        let private = derive_key_pair(&seed);
        assert_eq!(
            private.as_slice(),
            hex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736")
        );
        let public = PrivateKey::from_private_key(&X25519, &*private)
            .unwrap()
            .compute_public_key()
            .unwrap();
        assert_eq!(
            public.as_ref(),
            hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
        );
    }

    #[test]
    fn each_secret_has_a_key_of_its_own() {
        let key = public_key(&[7; 32]).unwrap();
        assert_eq!(public_key(&[7; 32]), Some(key));
        assert_ne!(public_key(&[8; 32]), Some(key));
        assert_ne!(key, [7; 32]);
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }
}
