//! The environment's part in a configuration: one place reads it.

use std::path::PathBuf;

/// Every variable that is text; Pomerium ignores empty ones, and so do we.
pub(crate) fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Whether the environment alone can be a configuration: without routes there is nothing to serve.
pub(crate) fn has_routes() -> bool {
    variables()
        .iter()
        .any(|(name, _)| matches!(name.as_str(), "ROUTES" | "POLICY"))
}

/// The admin socket of the instance that commands are meant for.
pub(crate) fn admin_socket() -> Option<PathBuf> {
    let named = std::env::var_os("PORTCULLIS_ADMIN_SOCKET");
    named.filter(|path| !path.is_empty()).map(PathBuf::from)
}
