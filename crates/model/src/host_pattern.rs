//! The host of a `from`, where `*` stands for any text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Host, HostError};

/// Which hosts a route is for: one, or all that fit a text with stars.
///
/// A star stands for any text, also none and also one with dots (`*.example.com` takes
/// `a.b.example.com` but not `example.com`), as in Pomerium, which writes `(.*)` for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This host alone.
    Exact(Host),
    /// Every host that fits.
    Wildcard(WildcardHost),
}

/// A host with at least one star, in the spelling of [`Host`]: ASCII lower case, no port, no trailing dot.
/// Stars side by side are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WildcardHost(String);

impl HostPattern {
    /// Reads a host without a port; with a `*` somewhere it is a pattern.
    ///
    /// # Errors
    /// As of [`Host::parse`]. A pattern that no host can fit, such as `*..example.com`, is
    /// [`HostError::Label`].
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.contains('*') {
            WildcardHost::parse(text).map(Self::Wildcard)
        } else {
            Host::parse(text).map(Self::Exact)
        }
    }

    /// Whether the host fits. Takes time in proportion to the two texts, whatever the stars.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Wildcard(wildcard) => wildcard.matches(host.as_str()),
        }
    }

    /// Whether the host fits with a dot behind it: the same host to DNS, but not to whoever compares texts.
    #[must_use]
    pub fn matches_with_dot(&self, host: &Host) -> bool {
        match self {
            Self::Exact(_) => false,
            Self::Wildcard(wildcard) => wildcard.matches(&format!("{host}.")),
        }
    }

    /// The host, if it is only one.
    #[must_use]
    pub fn exact(&self) -> Option<&Host> {
        match self {
            Self::Exact(host) => Some(host),
            Self::Wildcard(_) => None,
        }
    }

    /// The text, stars included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(host) => host.as_str(),
            Self::Wildcard(WildcardHost(text)) => text,
        }
    }

    /// The literal texts between the stars, one more than there are stars; the first and the last may be
    /// empty. With `(.*)` between them they make the regular expression that matches the same.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('*')
    }

    /// Whether every host that fits lies in one domain. With a star at the end (`app.*`) or without a dot
    /// behind the last one (`*example.com`) anybody can register a host that fits.
    #[must_use]
    pub fn ends_in_a_domain(&self) -> bool {
        let end = self.pieces().last();
        self.exact().is_some() || end.is_some_and(|end| end.len() > 1 && end.starts_with('.'))
    }
}

impl WildcardHost {
    fn parse(text: &str) -> Result<Self, HostError> {
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        if text.contains('@') {
            return Err(HostError::UserInfo);
        }
        // An address in brackets has no stars.
        if text.contains(['[', ']']) {
            return Err(HostError::Label);
        }
        if text.contains(':') {
            return Err(HostError::Port);
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut name = String::with_capacity(text.len());
        for c in text.chars() {
            if c != '*' || !name.ends_with('*') {
                name.push(c.to_ascii_lowercase());
            }
        }
        if name.len() > 253 {
            return Err(HostError::TooLong);
        }
        if name.split('.').all(is_label) {
            Ok(Self(name))
        } else {
            Err(HostError::Label)
        }
    }

    fn matches(&self, host: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == host;
        };
        let Some(host) = host.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(mut host) = host.strip_suffix(last) else {
            return false;
        };
        // Each at its first place leaves the most for those that follow.
        for piece in middle.split('*') {
            match host.split_once(piece) {
                Some((_, after)) => host = after,
                None => return false,
            }
        }
        true
    }
}

/// What a label of a host can look like in part: stars are any text, dots included, and a `-` that is surely
/// the first or the last character of a label is no part of any host.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.split('*').all(|piece| piece.len() <= 63)
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl From<Host> for HostPattern {
    fn from(host: Host) -> Self {
        Self::Exact(host)
    }
}

impl core::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for WildcardHost {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for HostPattern {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl core::str::FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
