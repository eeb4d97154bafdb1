//! What a root key is called, on the command line and in the configuration.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// A root key that can be replaced while everything runs. On the command line it is called
/// `cookie-secret`, in the configuration `cookie_secret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyName {
    /// Seals the cookies.
    CookieSecret,
    /// Seals what lies at rest, signs addresses, and lets the roles in at each other.
    SharedSecret,
    /// Signs the assertions that upstreams get.
    SigningKey,
}

/// A text that names no root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write `cookie-secret`, `shared-secret` or `signing-key`")]
pub struct KeyNameError;

impl KeyName {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::CookieSecret, Self::SharedSecret, Self::SigningKey];

    /// As on the command line: `cookie-secret`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CookieSecret => "cookie-secret",
            Self::SharedSecret => "shared-secret",
            Self::SigningKey => "signing-key",
        }
    }

    /// The option of the configuration that holds it: `cookie_secret`.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::CookieSecret => "cookie_secret",
            Self::SharedSecret => "shared_secret",
            Self::SigningKey => "signing_key",
        }
    }

    /// The option that names a file with it: `cookie_secret_file`.
    #[must_use]
    pub const fn file_option(self) -> &'static str {
        match self {
            Self::CookieSecret => "cookie_secret_file",
            Self::SharedSecret => "shared_secret_file",
            Self::SigningKey => "signing_key_file",
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let known = Self::ALL.into_iter().find(|name| name.as_str() == text);
        known.ok_or(KeyNameError)
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyName, KeyNameError};

    #[test]
    fn each_is_read_as_it_is_shown() {
        for name in KeyName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
            assert_eq!(name.option(), name.as_str().replace('-', "_"));
            assert_eq!(name.file_option(), format!("{}_file", name.option()));
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
        for other in ["", "cookie_secret", "Cookie-Secret", "certificate"] {
            assert_eq!(other.parse::<KeyName>(), Err(KeyNameError), "{other}");
        }
    }
}
