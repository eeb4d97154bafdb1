//! How an operator tells one secret from another.

use crate::keyring::Root;

/// Hex digits that are shown.
const SHOWN: usize = 8;

/// Eight hex digits that tell a root secret from others and are worth nothing to
/// who wants to use it: the beginning of a subkey of its own (HKDF-SHA256, RFC
/// 5869) that does nothing else. A weak secret is guessed from it no sooner than
/// from any cookie that it has sealed.
#[must_use]
pub fn fingerprint(secret: &[u8; 32]) -> String {
    let subkey = Root::new(secret).expand(&[b"fingerprint"]);
    hex::encode(subkey.as_slice()).chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn it_is_short_and_names_one_secret() {
        // Part of what operators compare between machines: never to be changed.
        assert_eq!(fingerprint(&[7; 32]), "5cb8656a");
        assert_ne!(fingerprint(&[7; 32]), fingerprint(&[8; 32]));
        assert_eq!(fingerprint(&[8; 32]).len(), 8);
    }
}
