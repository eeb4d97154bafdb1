//! The shape of secrets. Nothing here ever prints one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::Secrets;

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

/// The secrets in one text: several have commas or line ends between them, and blanks around each count for
/// nothing. One alone is taken as it stands.
#[must_use]
pub fn secrets_in(text: &str) -> Vec<&str> {
    let mut parts = text
        .split([',', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        // One more than there may be shows that there are too many.
        (Some(first), Some(second)) => [first, second]
            .into_iter()
            .chain(parts)
            .take(Secrets::MAX.saturating_add(1))
            .collect(),
        _ => vec![text],
    }
}

/// What is to be said of a list of secrets. Numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsProblem {
    /// The only one has the wrong shape.
    #[error("{0}")]
    Shape(SecretError),
    /// One of several has the wrong shape.
    #[error("number {0} of the list: {1}")]
    ShapeOf(usize, SecretError),
    /// There are more than [`Secrets::MAX`].
    #[error("there are more than {} secrets", Secrets::MAX)]
    TooMany,
    /// One stands there twice; it counts at its first place.
    #[error("number {0} of the list is number {1} again")]
    Repeated(usize, usize),
}

impl SecretsProblem {
    /// Whether the list can be used nevertheless.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        matches!(self, Self::Repeated(..))
    }
}

/// The secrets of a list by [`key_from_base64`], and what is wrong with which of the texts.
#[must_use]
pub fn keys_from_list(texts: &[&str]) -> (Vec<[u8; 32]>, Vec<(usize, SecretsProblem)>) {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        if index >= Secrets::MAX {
            problems.push((index, SecretsProblem::TooMany));
            break;
        }
        let number = index.saturating_add(1);
        match key_from_base64(text) {
            Ok(key) => {
                let before = keys.iter().find(|(_, known)| *known == key);
                if let Some((before, _)) = before {
                    problems.push((index, SecretsProblem::Repeated(number, *before)));
                }
                keys.push((number, key));
            }
            Err(error) if texts.len() == 1 => problems.push((index, SecretsProblem::Shape(error))),
            Err(error) => problems.push((index, SecretsProblem::ShapeOf(number, error))),
        }
    }
    (keys.into_iter().map(|(_, key)| key).collect(), problems)
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

    use super::{SecretError, SecretsProblem, key_from_base64, keys_from_list, pem_text, secrets_in};

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
    fn one_text_may_hold_several_secrets() {
        assert_eq!(secrets_in("a,b"), ["a", "b"]);
        assert_eq!(secrets_in("a\r\nb\n"), ["a", "b"]);
        assert_eq!(secrets_in(" a ,\n\n b,,c\t"), ["a", "b", "c"]);
        // One alone stays as it is, and is refused then.
        for one in ["", "a", "a\n", " a", "a,", ",\n"] {
            assert_eq!(secrets_in(one), [one]);
        }
        assert_eq!(secrets_in(&"a,".repeat(100_000)).len(), 9);
    }

    #[test]
    fn each_secret_of_a_list_is_checked_at_its_place() {
        let texts: Vec<String> = (0..9).map(|byte| STANDARD.encode([byte; 32])).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (keys, problems) = keys_from_list(&texts[..8]);
        assert_eq!((keys.len(), problems), (8, vec![]));
        assert_eq!(keys_from_list(&texts).1, [(8, SecretsProblem::TooMany)]);
        let (keys, problems) = keys_from_list(&[texts[1], "a-b", texts[1], "c2hvcnQ="]);
        assert_eq!(keys, [[1; 32]; 2]);
        assert_eq!(
            problems,
            [
                (1, SecretsProblem::ShapeOf(2, SecretError::Base64)),
                (2, SecretsProblem::Repeated(3, 1)),
                (3, SecretsProblem::ShapeOf(4, SecretError::Length(5))),
            ]
        );
        assert_eq!(
            keys_from_list(&["a b"]).1,
            [(0, SecretsProblem::Shape(SecretError::WhiteSpace))]
        );
        assert_eq!(keys_from_list(&[]), (vec![], vec![]));
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
