//! New keys, in the form that the configuration takes.

use std::io;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::KeyName;
use secrecy::{SecretString, zeroize::Zeroizing};

/// A new key from the operating system's random numbers: base64 of 32 bytes, without
/// a line end, or for `signing-key` a P-256 key (ES256) in PEM (PKCS#8, RFC 5958).
///
/// # Errors
///
/// When the machine gives no random numbers.
pub fn generate(name: KeyName) -> io::Result<SecretString> {
    match name {
        KeyName::CookieSecret | KeyName::SharedSecret => {
            let mut bytes = Zeroizing::new([0; 32]);
            let filled = rand::fill(bytes.as_mut_slice());
            filled.map_err(|_| io::Error::other("no random numbers are to be had"))?;
            Ok(STANDARD.encode(bytes.as_slice()).into())
        }
        KeyName::SigningKey => {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256);
            let key = key.map_err(|_| io::Error::other("no key can be made"))?;
            Ok(key.serialize_pem().replace("\r\n", "\n").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn each_is_new_and_has_the_form_of_its_option() {
        for name in KeyName::ALL {
            let (one, two) = (generate(name).unwrap(), generate(name).unwrap());
            assert_ne!(one.expose_secret(), two.expose_secret());
            let text = one.expose_secret();
            if name == KeyName::SigningKey {
                assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));
                assert!(text.ends_with("-----END PRIVATE KEY-----\n"));
            } else {
                assert!(portcullis_config::key_from_base64(text).is_ok());
            }
        }
    }
}
