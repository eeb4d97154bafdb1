//! Which subject alternative names a client certificate must have:
//! `match_subject_alt_names`.

use regex::{Regex, RegexBuilder};

use super::Leaf;

/// How many patterns there may be, and how long one, in bytes.
const MAX_PATTERNS: usize = 100;
const MAX_LENGTH: usize = 4096;
/// What one compiled pattern may weigh, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// A kind of subject alternative name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SanType {
    /// A DNS name.
    Dns,
    /// An e-mail address.
    Email,
    /// An IP address, in its shortest form.
    IpAddress,
    /// A URI.
    Uri,
    /// A user principal name of Windows.
    UserPrincipalName,
}

impl SanType {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Dns,
        Self::Email,
        Self::IpAddress,
        Self::Uri,
        Self::UserPrincipalName,
    ];

    /// The key in a configuration.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Email => "email",
            Self::IpAddress => "ip_address",
            Self::Uri => "uri",
            Self::UserPrincipalName => "user_principal_name",
        }
    }

    /// The names of this kind.
    fn of(self, leaf: &Leaf) -> &[Box<str>] {
        match self {
            Self::Dns => &leaf.san_dns,
            Self::Email => &leaf.san_email,
            Self::IpAddress => &leaf.san_ip,
            Self::Uri => &leaf.san_uri,
            Self::UserPrincipalName => &leaf.san_user_principal_name,
        }
    }
}

/// The key in a configuration.
impl core::str::FromStr for SanType {
    type Err = SanPatternError;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|kind| kind.key() == key);
        known.ok_or(SanPatternError::Type)
    }
}

/// Patterns for subject alternative names. A certificate passes when one of its
/// names is matched, as a whole, by one pattern of the name's kind; without
/// patterns every certificate passes.
///
/// Each pattern is anchored on its own. (Pomerium joins several patterns of one
/// kind such that only the first is anchored at the start and only the last at
/// the end: `a|b` for two of them lets `aX` and `Xb` through.)
#[derive(Clone, Debug, Default)]
pub struct SanPatterns {
    patterns: Vec<(SanType, Regex)>,
}

/// Patterns that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SanPatternError {
    /// Not one of the five kinds of names.
    #[error("expected one of `dns`, `email`, `ip_address`, `uri`, `user_principal_name`")]
    Type,
    /// The text is no regular expression, or too large a one.
    #[error("`{pattern}` is no regular expression that can be used: {reason}")]
    Pattern {
        /// The beginning of the text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More than 100 patterns.
    #[error("there are more than {MAX_PATTERNS} patterns")]
    TooMany,
}

impl SanPatterns {
    /// Compiles the patterns, regular expressions without anchors.
    ///
    /// # Errors
    /// If there are too many or one cannot be compiled, see [`SanPatternError`].
    pub fn new<'a>(patterns: impl IntoIterator<Item = (SanType, &'a str)>) -> Result<Self, SanPatternError> {
        let mut compiled = Vec::new();
        for (san_type, pattern) in patterns {
            if compiled.len() == MAX_PATTERNS {
                return Err(SanPatternError::TooMany);
            }
            compiled.push((san_type, anchored(pattern)?));
        }
        Ok(Self { patterns: compiled })
    }

    /// Whether there are no patterns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the certificate has one of the names.
    #[must_use]
    pub fn matches(&self, leaf: &Leaf) -> bool {
        self.is_empty()
            || self
                .patterns
                .iter()
                .any(|(san_type, pattern)| san_type.of(leaf).iter().any(|name| pattern.is_match(name)))
    }
}

fn anchored(pattern: &str) -> Result<Regex, SanPatternError> {
    let refused = |reason: String| SanPatternError::Pattern {
        pattern: pattern.chars().take(80).collect(),
        reason,
    };
    if pattern.len() > MAX_LENGTH {
        return Err(refused(format!("it is longer than {MAX_LENGTH} bytes")));
    }
    let compile = |text: &str| {
        RegexBuilder::new(text)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .nest_limit(50)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => refused("it is too large".to_owned()),
                // The message is a drawing of several lines; its last says why.
                other => refused(
                    other
                        .to_string()
                        .lines()
                        .last()
                        .unwrap_or("it cannot be read")
                        .trim_start_matches("error: ")
                        .to_owned(),
                ),
            })
    };
    // Alone first: `a)|(?:b` is no expression, and would be one within brackets.
    compile(pattern)?;
    compile(&format!(r"\A(?:{pattern})\z"))
}
