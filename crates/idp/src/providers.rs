//! What is peculiar to each kind of provider, one file each.

mod oidc;

use serde_json::{Map, Value};

/// The kinds of provider that work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Any OpenID Connect provider with discovery.
    Oidc,
}

impl ProviderKind {
    /// The kind that `idp_provider` calls `name`, if we know it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "oidc" => Some(Self::Oidc),
            _ => None,
        }
    }

    /// The scopes that are asked for when the configuration gives none.
    pub(crate) fn default_scopes(self) -> &'static [&'static str] {
        match self {
            Self::Oidc => oidc::DEFAULT_SCOPES,
        }
    }

    /// Mends what this kind of provider does differently.
    pub(crate) fn adjust_claims(self, claims: &mut Map<String, Value>) {
        match self {
            Self::Oidc => oidc::adjust_claims(claims),
        }
    }
}
