//! A header field name in lower case.

use serde::{Deserialize, Deserializer, Serialize};

/// A field name as of RFC 9110 section 5.1 (a token), lower-cased: names compare without regard to
/// case, and HTTP/2 sends them so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HeaderName(String);

/// A text that is no field name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// No character at all.
    #[error("a header name is empty")]
    Empty,
    /// More than 256 characters.
    #[error("a header name has more than 256 characters")]
    TooLong,
    /// A character that no token has; `:` included, so that pseudo-headers are none.
    #[error("a header name has a forbidden character")]
    Character,
}

impl HeaderName {
    /// Reads a field name.
    ///
    /// # Errors
    /// See [`HeaderNameError`].
    pub fn parse(text: &str) -> Result<Self, HeaderNameError> {
        if text.is_empty() {
            return Err(HeaderNameError::Empty);
        }
        if text.len() > 256 {
            return Err(HeaderNameError::TooLong);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
        {
            return Err(HeaderNameError::Character);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for HeaderName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for HeaderName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl core::borrow::Borrow<str> for HeaderName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, HeaderNameError};

    #[test]
    fn names_are_lower_cased_tokens() {
        assert_eq!(HeaderName::parse("X-Email").unwrap().as_str(), "x-email");
        assert_eq!(HeaderName::parse("x_y.z!").unwrap().as_str(), "x_y.z!");
        for (text, error) in [
            ("", HeaderNameError::Empty),
            (":path", HeaderNameError::Character),
            ("a b", HeaderNameError::Character),
            ("a\r\nb", HeaderNameError::Character),
            ("ü", HeaderNameError::Character),
        ] {
            assert_eq!(HeaderName::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(HeaderName::parse(&"a".repeat(257)), Err(HeaderNameError::TooLong));
        assert!(serde_json::from_str::<HeaderName>("\"a b\"").is_err());
    }
}
