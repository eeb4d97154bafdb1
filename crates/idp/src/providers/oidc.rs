//! `idp_provider: oidc`, any OpenID Connect provider.

use serde_json::{Map, Value};

/// Pomerium's defaults for this provider.
pub(crate) const DEFAULT_SCOPES: &[&str] = &["openid", "profile", "email", "offline_access"];

/// Some directories call the address `mail`; Pomerium copies it to `email`
/// when that is missing, and so do we.
pub(crate) fn adjust_claims(claims: &mut Map<String, Value>) {
    if !claims.contains_key("email")
        && let Some(mail) = claims.get("mail").cloned()
    {
        claims.insert("email".to_owned(), mail);
    }
}
