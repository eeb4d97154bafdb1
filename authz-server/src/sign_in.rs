//! The way to the sign-in: the signed URL on the authenticate host and the cookie
//! that binds the login to this browser.

use crate::clock::{Random, RandomError, random_bytes};
use crate::feed::{Active, authority};
use jiff::Timestamp;
use portcullis_bundle::Authenticate;
use portcullis_model::Host;
use portcullis_session::{Purpose, browser, cookies, signed_url, transaction};
use secrecy::ExposeSecret as _;
use url::Url;

#[cfg(test)]
mod tests;

/// The path of the sign-in on the authenticate host.
pub const PATH: &str = "/.pomerium/sign_in";
/// The query parameter that names the identity provider.
pub const PROVIDER_PARAMETER: &str = "pomerium_idp_id";
/// The query parameter that says where to go after the login.
pub const REDIRECT_PARAMETER: &str = "pomerium_redirect_uri";
/// The query parameter with the fingerprint of the browser-binding cookie
/// (`portcullis_session::browser::fingerprint` for the route host): the callback
/// there works only in the browser that holds that cookie.
pub const BINDING_PARAMETER: &str = "portcullis_binding";

/// What the browser is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The signed sign-in URL.
    pub location: String,
    /// The `Set-Cookie` of the browser-binding cookie: a new value, or the one that
    /// the browser holds, so that it outlives this login too.
    pub set_cookie: String,
}

/// Why nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No authenticate service.
    #[error("no authenticate service is configured")]
    NotConfigured,
    /// Pomerium's hosted one.
    #[error("the hosted authenticate service cannot be used")]
    Hosted,
    /// No identity provider.
    #[error("no identity provider is configured")]
    NoProvider,
    /// No randomness for the binding cookie.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The URL cannot be built.
    #[error("the sign-in URL cannot be built")]
    Url,
}

/// Where to return after a login at `host`: `target` (path and query) of that
/// host by https. A long one loses its query, then its path.
#[must_use]
pub fn return_to(host: &Host, port: Option<u16>, target: &str) -> String {
    let origin = format!("https://{}", authority(host.as_str(), port.unwrap_or(443)));
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let whole = |target: &str| {
        // Too long already: the parser need not look at it.
        let short = target.starts_with('/') && target.len() <= transaction::MAX_RETURN;
        // Parsing escapes what may not stand in a URL as it is.
        let url = Url::parse(&format!("{origin}{}", short.then_some(target)?)).ok()?;
        (url.as_str().len() <= transaction::MAX_RETURN).then(|| String::from(url))
    };
    whole(target)
        .or_else(|| whole(path))
        .unwrap_or_else(|| format!("{origin}/"))
}

/// Begins a login for a browser at the route host `route_host`, whose binding cookie is
/// `binding_cookie` if it has one.
///
/// # Errors
///
/// [`SignInError`].
pub fn start(
    active: &Active,
    route_host: &Host,
    return_to: &str,
    binding_cookie: Option<&str>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<SignIn, SignInError> {
    let settings = active.settings();
    let (host, port) = match &settings.authenticate {
        Authenticate::Own { host, port } => (host, *port),
        Authenticate::Hosted { .. } => return Err(SignInError::Hosted),
        Authenticate::None => return Err(SignInError::NotConfigured),
    };
    let provider = settings.provider.as_ref().ok_or(SignInError::NoProvider)?;
    let ring = &active.keys;
    let at = route_host.as_str();
    let good = |value: &&str| browser::verify(ring, Purpose::Binding, at, value).is_ok();
    let binding = match binding_cookie.filter(good) {
        Some(value) => value.to_owned(),
        None => browser::issue(ring, Purpose::Binding, at, random_bytes(random)?),
    };
    let fingerprint = browser::fingerprint(ring, Purpose::Binding, at, &binding);
    let mut url = Url::parse(&format!("https://{}{PATH}", authority(host.as_str(), port)))
        .map_err(|_| SignInError::Url)?;
    url.query_pairs_mut()
        .append_pair(PROVIDER_PARAMETER, &provider.id)
        .append_pair(REDIRECT_PARAMETER, return_to)
        .append_pair(BINDING_PARAMETER, &fingerprint);
    let url = signed_url::sign(settings.keys.shared_secret.expose_secret(), &url, now);
    let set_cookie = cookies::set_binding(&active.cookies.binding, &binding, now);
    Ok(SignIn {
        location: url.into(),
        set_cookie,
    })
}
