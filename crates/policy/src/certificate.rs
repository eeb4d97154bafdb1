//! Client certificates: what a policy looks at in a leaf, and the criteria and
//! patterns about it.
//!
//! The leaf here may be anybody's, and its bytes may be hostile: whether it is valid
//! [`ClientAuthorities`] say, and a policy is told it beside the leaf.

mod authorities;
mod chain;
mod leaf;
mod parse;
mod patterns;
#[cfg(test)]
mod tests;

pub use authorities::{ClientAuthorities, ClientAuthoritiesError, ClientRequirements};
pub use chain::ClientChain;
pub use leaf::{Leaf, LeafError};
pub use patterns::{SanPatternError, SanPatterns, SanType};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ast::TextClause;
use crate::matcher::TextTest;

/// The conditions of a `client_certificate` criterion; all must hold. Without
/// one, any leaf that can be read passes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateTest {
    fingerprint: Option<Digests>,
    spki_hash: Option<Digests>,
    san_dns: Option<Names>,
    san_email: Option<Names>,
    san_uri: Option<Names>,
}

impl CertificateTest {
    /// Whether the leaf meets every condition; none is met where there is no
    /// leaf or none that can be read.
    pub(crate) fn holds(&self, leaf: Option<&Leaf>) -> bool {
        let Some(leaf) = leaf else {
            return false;
        };
        let digest = |digests: &Option<Digests>, of: &[u8; 32]| {
            digests.as_ref().is_none_or(|digests| digests.contain(of))
        };
        let names =
            |names: &Option<Names>, of: &[Box<str>]| names.as_ref().is_none_or(|names| names.hold(of));
        digest(&self.fingerprint, &leaf.fingerprint)
            && digest(&self.spki_hash, &leaf.spki_hash)
            && names(&self.san_dns, &leaf.san_dns)
            && names(&self.san_email, &leaf.san_email)
            && names(&self.san_uri, &leaf.san_uri)
    }

    /// The value in a policy.
    pub(crate) fn to_json(&self) -> Value {
        let digests = |digests: &Option<Digests>, print: fn(&[u8; 32]) -> String| {
            let digests = digests.as_ref()?;
            Some(
                digests
                    .0
                    .iter()
                    .map(|digest| Value::from(print(digest)))
                    .collect(),
            )
        };
        let names = |names: &Option<Names>| Some(crate::print::text_matcher(&names.as_ref()?.clauses));
        let entries = [
            (
                "fingerprint",
                digests(&self.fingerprint, |digest| hex::encode(digest)),
            ),
            (
                "spki_hash",
                digests(&self.spki_hash, |digest| STANDARD.encode(digest)),
            ),
            ("san_dns", names(&self.san_dns)),
            ("san_email", names(&self.san_email)),
            ("san_uri", names(&self.san_uri)),
        ];
        Value::Object(
            entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect::<Map<_, _>>(),
        )
    }
}

impl core::fmt::Display for CertificateTest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.to_json() {
            Value::Object(conditions) if conditions.is_empty() => f.write_str("any readable certificate"),
            conditions => write!(f, "a certificate with {conditions}"),
        }
    }
}

/// SHA-256 digests of which one must be met, sorted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
struct Digests(Box<[[u8; 32]]>);

impl Digests {
    fn new(mut digests: Vec<[u8; 32]>) -> Self {
        digests.sort_unstable();
        digests.dedup();
        Self(digests.into_boxed_slice())
    }

    fn contain(&self, digest: &[u8; 32]) -> bool {
        self.0.binary_search(digest).is_ok()
    }
}

impl From<Digests> for Vec<String> {
    fn from(digests: Digests) -> Self {
        digests.0.iter().map(hex::encode).collect()
    }
}

impl TryFrom<Vec<String>> for Digests {
    type Error = hex::FromHexError;

    fn try_from(texts: Vec<String>) -> Result<Self, Self::Error> {
        let mut digests = Vec::with_capacity(texts.len());
        for text in texts {
            let mut digest = [0; 32];
            hex::decode_to_slice(text, &mut digest)?;
            digests.push(digest);
        }
        Ok(Self::new(digests))
    }
}

/// A string matcher over the names of one kind: each operator must be met, by
/// whichever name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<TextClause>", into = "Vec<TextClause>")]
struct Names {
    /// As written, for printing.
    clauses: Vec<TextClause>,
    tests: Box<[TextTest]>,
}

impl Names {
    /// Without any operator there is no condition, not even that a name be there.
    /// With several names, `not: x` passes when any of them is another (as in
    /// Pomerium).
    fn hold(&self, names: &[Box<str>]) -> bool {
        self.tests
            .iter()
            .all(|test| names.iter().any(|name| test.holds(name)))
    }
}

impl From<Vec<TextClause>> for Names {
    fn from(clauses: Vec<TextClause>) -> Self {
        let tests = clauses.iter().map(TextTest::new).collect();
        Self { clauses, tests }
    }
}

impl From<Names> for Vec<TextClause> {
    fn from(names: Names) -> Self {
        names.clauses
    }
}
