//! The shape of secrets. Nothing here ever prints one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why a secret has the wrong shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A line end or other white space, which nobody sees.
    #[error("the secret has a line end or other white space")]
    WhiteSpace,
    /// Not base64 with the standard alphabet and padding.
    #[error("the secret is not base64 with the standard alphabet and padding")]
    Base64,
    /// Base64 of another number of bytes.
    #[error("the secret has {0} bytes, not 32")]
    Length(usize),
    /// No PEM block, not even after base64.
    #[error("the key is neither PEM nor base64 of PEM")]
    Pem,
}

/// The 32 bytes of `shared_secret` and `cookie_secret`. White space is refused, also in a file, as in
/// Pomerium: a line break at the end would make another secret elsewhere.
///
/// # Errors
/// See [`SecretError`].
pub fn key_from_base64(text: &str) -> Result<[u8; 32], SecretError> {
    if text.chars().any(char::is_whitespace) {
        return Err(SecretError::WhiteSpace);
    }
    let bytes = STANDARD.decode(text).map_err(|_| SecretError::Base64)?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| SecretError::Length(length))
}

/// The PEM text of `signing_key`, which may be given as base64 of it. Only the shape is checked.
///
/// # Errors
/// [`SecretError::Pem`].
pub fn pem_text(text: &str) -> Result<String, SecretError> {
    if is_pem(text) {
        return Ok(text.to_owned());
    }
    pem_from_base64(text)
}

/// The text of a PEM in base64, which may be wrapped.
///
/// # Errors
/// [`SecretError::Pem`].
pub(crate) fn pem_from_base64(text: &str) -> Result<String, SecretError> {
    String::from_utf8(from_base64(text).map_err(|_| SecretError::Pem)?)
        .ok()
        .filter(|text| is_pem(text))
        .ok_or(SecretError::Pem)
}

/// What stands in base64, which may be wrapped.
///
/// # Errors
/// [`SecretError::Base64`].
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, SecretError> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| SecretError::Base64)
}

fn is_pem(text: &str) -> bool {
    x509_parser::pem::Pem::iter_from_buffer(text.as_bytes())
        .next()
        .is_some_and(|block| block.is_ok())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{SecretError, key_from_base64, pem_text};

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let text = STANDARD.encode([7; 32]);
        assert_eq!(key_from_base64(&text), Ok([7; 32]));
        assert_eq!(
            key_from_base64(&format!("{text}\n")),
            Err(SecretError::WhiteSpace)
        );
        assert_eq!(
            key_from_base64(text.trim_end_matches('=')),
            Err(SecretError::Base64)
        );
        assert_eq!(key_from_base64("not-base64"), Err(SecretError::Base64));
        assert_eq!(
            key_from_base64(&STANDARD.encode([7; 31])),
            Err(SecretError::Length(31))
        );
        assert_eq!(key_from_base64(""), Err(SecretError::Length(0)));
    }

    #[test]
    fn pem_may_be_wrapped_once() {
        let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(pem_text(pem).as_deref(), Ok(pem));
        assert_eq!(pem_text(&STANDARD.encode(pem)).as_deref(), Ok(pem));
        assert_eq!(pem_text("/etc/key.pem"), Err(SecretError::Pem));
        assert_eq!(pem_text(&STANDARD.encode("no pem")), Err(SecretError::Pem));
        assert_eq!(
            pem_text("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
            Err(SecretError::Pem)
        );
    }
}
