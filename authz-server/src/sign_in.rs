//! The way to the sign-in: the signed URL on the authenticate host and the cookie
//! that binds the login to this browser.

use crate::clock::{Random, RandomError, random_bytes};
use crate::feed::{Active, authority};
use jiff::{SignedDuration, Timestamp};
use portcullis_bundle::{Authenticate, Settings};
use portcullis_model::Host;
use portcullis_session::{Purpose, browser, cookies, signed_url, transaction};
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

/// The query parameter that says that a program waits for the token of the login.
pub const PROGRAMMATIC_PARAMETER: &str = "pomerium_programmatic";
/// The query parameter that names the host that such a token is for, as Pomerium's
/// callback there.
pub const CALLBACK_PARAMETER: &str = "pomerium_callback_uri";
/// That callback.
const CALLBACK_PATH: &str = "/.pomerium/callback/";

/// The path of the page that tells who is signed in.
const SESSION_PATH: &str = "/.pomerium/";

/// The path, on any host of ours, that leads a login on to further hosts.
pub const DEPENDS_ON_PATH: &str = "/.pomerium/depends_on";
/// The query parameter that names the hosts that are left, as in Pomerium.
pub const HOSTS_PARAMETER: &str = "pomerium_additional_hosts";

/// The longest address that a login can lead back to, in bytes: with the fingerprint
/// before it, it must fit into what travels to the identity provider and back. A
/// longer one would lose its query there, and with it our signature.
pub const MAX_RETURN: usize = transaction::MAX_RETURN - browser::FINGERPRINT_LEN - 1;

/// What the browser is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The signed sign-in URL.
    pub location: String,
    /// The `Set-Cookie` of the browser-binding cookie: a new value, or the one that
    /// the browser holds where that would soon go, so that it outlives this login
    /// too. Else nothing is set: of tabs that load at once none must put back what
    /// another has replaced.
    pub set_cookie: Option<String>,
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
        let short = target.starts_with('/') && target.len() <= MAX_RETURN;
        // Parsing escapes what may not stand in a URL as it is.
        let url = Url::parse(&format!("{origin}{}", short.then_some(target)?)).ok()?;
        (url.as_str().len() <= MAX_RETURN).then(|| String::from(url))
    };
    whole(target)
        .or_else(|| whole(path))
        .unwrap_or_else(|| format!("{origin}/"))
}

/// The signed address that leads a login through `hosts`, one after the other, and
/// then to `destination`; `None` without any, or where it would be too long.
#[must_use]
pub fn through(
    settings: &Settings,
    hosts: &[(Host, u16)],
    destination: &str,
    now: Timestamp,
) -> Option<String> {
    let ((host, port), left) = hosts.split_first()?;
    let left: Vec<String> = left
        .iter()
        .map(|(host, port)| authority(host.as_str(), *port))
        .collect();
    let mut url = Url::parse(&format!(
        "https://{}{DEPENDS_ON_PATH}",
        authority(host.as_str(), *port)
    ))
    .ok()?;
    url.query_pairs_mut()
        .append_pair(HOSTS_PARAMETER, &left.join(","))
        .append_pair(REDIRECT_PARAMETER, destination);
    let url = signed_url::sign(&settings.keys.shared_secret, &url, now);
    (url.as_str().len() <= MAX_RETURN).then(|| String::from(url))
}

/// Those of these hosts that a login may lead to, with the ports that they have: a
/// host without a port of its own is taken with the one that our route there has.
#[must_use]
pub fn known_hosts<'a>(
    settings: &Settings,
    hosts: impl IntoIterator<Item = &'a (Host, u16)>,
) -> Vec<(Host, u16)> {
    let known = |(host, port): &(Host, u16)| {
        let port = settings.redirect_hosts.port(host, *port)?;
        let leads = settings.redirect_hosts.contains(host, port);
        leads.then(|| (host.clone(), port))
    };
    hosts.into_iter().filter_map(known).collect()
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
    let mut url = address(active, || own_authority(active, route_host, return_to))?;
    let ring = &active.keys;
    let at = route_host.as_str();
    let good = |value: &&str| browser::verify(ring, Purpose::Binding, at, value).is_ok();
    let (binding, set) = match binding_cookie.filter(good) {
        Some(value) => (value.to_owned(), is_aging(value, cookies::BINDING_MAX_AGE, now)),
        None => {
            let seed = browser::seed(now, random_bytes(random)?);
            (browser::issue(ring, Purpose::Binding, at, seed), true)
        }
    };
    let fingerprint = browser::fingerprint(ring, Purpose::Binding, at, &binding);
    url.query_pairs_mut()
        .append_pair(REDIRECT_PARAMETER, return_to)
        .append_pair(BINDING_PARAMETER, &fingerprint);
    let url = signed_url::sign(&active.settings().keys.shared_secret, &url, now);
    let set_cookie = set.then(|| cookies::set_binding(&active.cookies.binding, &binding, now));
    Ok(SignIn {
        location: url.into(),
        set_cookie,
    })
}

/// The signed address of a login for a program that listens at `listener` and wants a
/// token for the route host `route` (with its port). It works in any browser: who
/// opens it gives a token to whoever listens there.
///
/// # Errors
///
/// [`SignInError`].
pub fn for_program(active: &Active, route: &str, listener: &Url, now: Timestamp) -> Result<Url, SignInError> {
    let mut url = address(active, || route.to_owned())?;
    url.query_pairs_mut()
        .append_pair(REDIRECT_PARAMETER, listener.as_str())
        .append_pair(CALLBACK_PARAMETER, &format!("https://{route}{CALLBACK_PATH}"))
        .append_pair(PROGRAMMATIC_PARAMETER, "true");
    Ok(signed_url::sign(&active.settings().keys.shared_secret, &url, now))
}

/// The address of the page that tells who is signed in, on our authenticate host and with
/// the way back to `path` at `host`, where that is a host of ours: signed, as in Pomerium.
/// On the authenticate host itself it is the page alone.
#[must_use]
pub fn session_page(active: &Active, host: &Host, port: u16, path: &str, now: Timestamp) -> Option<String> {
    let (own, own_port) = active.authenticate()?;
    if own == host {
        return Some(SESSION_PATH.to_owned());
    }
    let port = active.settings().redirect_hosts.port(host, port)?;
    let mut url = Url::parse(&format!(
        "https://{}{SESSION_PATH}",
        authority(own.as_str(), own_port)
    ))
    .ok()?;
    url.query_pairs_mut()
        .append_pair(REDIRECT_PARAMETER, &return_to(host, Some(port), path));
    Some(signed_url::sign(&active.settings().keys.shared_secret, &url, now).into())
}

/// Host and port of `host` as a browser finds it: those of the address that a login
/// there returns to.
fn own_authority(active: &Active, host: &Host, return_to: &str) -> String {
    let returns = Url::parse(return_to).ok();
    let same = returns.filter(|url| url.host_str() == Some(host.as_str()));
    let asked = same.and_then(|url| url.port_or_known_default()).unwrap_or(443);
    let known = active.settings().redirect_hosts.port(host, asked);
    authority(host.as_str(), known.unwrap_or(asked))
}

/// The sign-in at our identity provider, without any parameter but that. `own` is the
/// authority of the host that logs in for itself, where each does.
fn address(active: &Active, own: impl FnOnce() -> String) -> Result<Url, SignInError> {
    let settings = active.settings();
    let at = match &settings.authenticate {
        Authenticate::Own { host, port } => authority(host.as_str(), *port),
        Authenticate::EachHost => own(),
        Authenticate::Hosted { .. } => return Err(SignInError::Hosted),
        Authenticate::None => return Err(SignInError::NotConfigured),
    };
    let provider = settings.provider.as_ref().ok_or(SignInError::NoProvider)?;
    let mut url = Url::parse(&format!("https://{at}{PATH}")).map_err(|_| SignInError::Url)?;
    url.query_pairs_mut()
        .append_pair(PROVIDER_PARAMETER, &provider.id);
    Ok(url)
}

/// Whether a browser cookie with this `Max-Age` may go before the login that begins
/// now has ended.
pub(crate) fn is_aging(cookie: &str, max_age: SignedDuration, now: Timestamp) -> bool {
    let age = browser::born(cookie).map(|born| now.duration_since(born));
    age.is_none_or(|age| age > max_age / 2)
}
