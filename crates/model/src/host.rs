//! A host in the one spelling that is ever compared.

use core::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Deserializer, Serialize};

/// A canonical host: ASCII lower case, no port, no trailing dot. A DNS name, an IPv4 address in dotted
/// decimals, or an IPv6 address in brackets and its shortest form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Host(String);

/// Why a text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing is left after the trailing dot.
    #[error("the host is empty")]
    Empty,
    /// More than 253 characters, which DNS cannot carry.
    #[error("the host has more than 253 characters")]
    TooLong,
    /// A character outside ASCII; a name in another script is written in punycode (`xn--…`).
    #[error("the host has characters outside ASCII; write it in punycode")]
    NotAscii,
    /// `user@host`.
    #[error("the host has user information before an `@`")]
    UserInfo,
    /// `host:443`.
    #[error("the host has a port")]
    Port,
    /// A label that is empty, longer than 63, or has a character that no host has.
    #[error("the host has a label that is empty, too long or has a forbidden character")]
    Label,
    /// Looks like an IP address and is none.
    #[error("the host looks like an IP address but is not one")]
    Address,
}

impl Host {
    /// Reads a host without a port. One trailing dot and upper case are normalised away, as they name
    /// the same host.
    ///
    /// # Errors
    /// See [`HostError`].
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        if text.contains('@') {
            return Err(HostError::UserInfo);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or(HostError::Address)?;
            if after.starts_with(':') {
                return Err(HostError::Port);
            }
            let address: Ipv6Addr = address.parse().map_err(|_| HostError::Address)?;
            return if after.is_empty() {
                Ok(Self(format!("[{address}]")))
            } else {
                Err(HostError::Label)
            };
        }
        if text.contains(':') {
            return Err(HostError::Port);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err(HostError::Empty);
        }
        if name.len() > 253 {
            return Err(HostError::TooLong);
        }
        if !name.split('.').all(is_label) {
            return Err(HostError::Label);
        }
        // URL readers take a host whose last label is a number for an address, in many spellings
        // (`127.1`, `0x7f.1`); only the plain one is let in.
        let last = name.rsplit('.').next().unwrap_or_default();
        let numeric = last.bytes().all(|b| b.is_ascii_digit())
            || last
                .strip_prefix("0x")
                .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if numeric && name.parse::<Ipv4Addr>().is_err() {
            return Err(HostError::Address);
        }
        Ok(Self(name))
    }

    /// The host; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if the host is one.
    #[must_use]
    pub fn as_ip(&self) -> Option<core::net::IpAddr> {
        match self.0.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse().ok(),
            None => self.0.parse::<Ipv4Addr>().ok().map(Into::into),
        }
    }
}

/// Letters, digits, `-` inside and `_` anywhere: what host names in use are made of.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl core::fmt::Display for Host {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Host {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl core::borrow::Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl core::str::FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, HostError};

    #[test]
    fn one_host_has_one_spelling() {
        let cases = [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[2001:DB8::A]", "[2001:db8::a]"),
        ];
        for (text, host) in cases {
            assert_eq!(Host::parse(text).unwrap().as_str(), host, "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_reason() {
        let long = format!("{}.example", "a.".repeat(130));
        let label = format!("{}.example", "a".repeat(64));
        let cases = [
            ("", HostError::Empty),
            (".", HostError::Empty),
            ("example.com:443", HostError::Port),
            ("[::1]:443", HostError::Port),
            ("::1", HostError::Port),
            ("user@example.com", HostError::UserInfo),
            ("büche.example", HostError::NotAscii),
            ("exam\u{17f}ple.com", HostError::NotAscii),
            ("a..b", HostError::Label),
            ("example.com..", HostError::Label),
            ("-a.example", HostError::Label),
            ("*.example.com", HostError::Label),
            ("a b", HostError::Label),
            ("a/b", HostError::Label),
            ("a\tb", HostError::Label),
            ("127.1", HostError::Address),
            ("0x7f.0.0.1", HostError::Address),
            ("256.0.0.1", HostError::Address),
            ("1.2.3.0x4", HostError::Address),
            ("[::1", HostError::Address),
            ("[zz]", HostError::Address),
            ("[::1]x", HostError::Label),
            (&long, HostError::TooLong),
            (&label, HostError::Label),
        ];
        for (text, error) in cases {
            assert_eq!(Host::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn deserialising_parses() {
        assert_eq!(serde_json::from_str::<Host>("\"A.b\"").unwrap().as_str(), "a.b");
        assert!(serde_json::from_str::<Host>("\"a:1\"").is_err());
        assert_eq!(
            serde_json::to_string(&Host::parse("A.b").unwrap()).unwrap(),
            "\"a.b\""
        );
    }

    #[test]
    fn addresses_are_recognised() {
        assert_eq!(Host::parse("10.0.0.1").unwrap().as_ip(), "10.0.0.1".parse().ok());
        assert_eq!(Host::parse("[::1]").unwrap().as_ip(), "::1".parse().ok());
        assert_eq!(Host::parse("example.com").unwrap().as_ip(), None);
    }
}
