//! Stage 3: who asks.
//!
//! The session cookie is the only credential that is issued so far. Whatever else
//! looks like one of ours is noticed (it suppresses the redirect and never goes
//! upstream) and makes nobody.

use super::intake::Request;
use crate::feed::Active;
use crate::sessions::{Known, SessionError, SessionView, StoredSession};
use jiff::Timestamp;
use portcullis_session::cookies::Found;
use portcullis_session::handle::{self, Scope};
use portcullis_session::lifetime;
use std::sync::Arc;

/// Who asks.
#[derive(Debug, Default)]
pub struct Identity {
    /// The live session; `None` for an anonymous request.
    pub session: Option<Arc<StoredSession>>,
    /// What the request carries of ours beside the cookie.
    pub credentials: Credentials,
}

/// Credentials of ours in headers or the query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credentials {
    /// `Authorization: Pomerium …` or `Authorization: Bearer Pomerium-…`.
    pub authorization: bool,
    /// `X-Pomerium-Authorization`.
    pub pomerium_authorization: bool,
    /// The query parameter `pomerium_session`.
    pub query: bool,
}

impl Credentials {
    /// What `request` carries.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        Self {
            authorization: request.headers.authorization.iter().any(is_ours),
            pomerium_authorization: request.headers.pomerium_authorization,
            query: request
                .query
                .is_some_and(|query| session_parameters(query).next().is_some()),
        }
    }

    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.authorization || self.pomerium_authorization || self.query
    }
}

/// The name of the query parameter in which Pomerium takes a session.
pub const SESSION_PARAMETER: &str = "pomerium_session";

/// Whether an `Authorization` value is a credential of ours. Pomerium compares
/// the case; we do not, because a credential that we overlook goes upstream.
fn is_ours(value: &str) -> bool {
    // A plain header map may have joined several lines.
    value.split(',').any(|line| {
        let mut words = line.split_ascii_whitespace();
        let scheme = words.next().unwrap_or_default();
        let token = words.next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("pomerium")
            || (scheme.eq_ignore_ascii_case("bearer")
                && token
                    .get(..TOKEN_PREFIX.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(TOKEN_PREFIX)))
    })
}

/// How a token of ours begins where it is a `Bearer`.
const TOKEN_PREFIX: &str = "pomerium-";

/// The parameters of `query` that are [`SESSION_PARAMETER`] once decoded, by the
/// names that stand there: Envoy removes a parameter by its written name.
pub(crate) fn session_parameters(query: &str) -> impl Iterator<Item = &str> {
    query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .filter(|name| {
            percent_encoding::percent_decode_str(name)
                .decode_utf8()
                .is_ok_and(|name| name == SESSION_PARAMETER)
        })
}

/// The cookie lines of a request, as the cookie readers want them.
///
/// In the plain header map a comma may part two lines or stand inside a value.
/// Where one of our names follows a comma, nobody can tell: the whole is then cut
/// there and read as several lines, which makes the session ambiguous if our
/// cookie is among them ([`session_cookie`]).
pub(crate) fn cookie_lines<'a>(
    request: &'a Request<'_>,
    active: &'a Active,
) -> impl Iterator<Item = &'a str> + Clone {
    let joined = request.headers.cookie_joined;
    request.headers.cookie.iter().flat_map(move |line| CutLines {
        rest: Some(line),
        joined,
        active,
    })
}

/// Cuts a joined cookie value before each of our names that follows a comma.
#[derive(Clone)]
struct CutLines<'a> {
    rest: Option<&'a str>,
    joined: bool,
    active: &'a Active,
}

impl<'a> Iterator for CutLines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let line = self.rest.take()?;
        if !self.joined {
            return Some(line);
        }
        let cut = line.match_indices(',').find(|(at, _)| {
            let after = line.get(at + 1..).unwrap_or_default().trim_start();
            self.active.cookies.all().iter().any(|name| {
                after
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.trim_start().starts_with('='))
            })
        });
        match cut {
            None => Some(line),
            Some((at, _)) => {
                self.rest = line.get(at + 1..);
                line.get(..at)
            }
        }
    }
}

/// The value of our session cookie, if there is exactly one and no doubt.
fn session_cookie<'a>(request: &'a Request<'_>, active: &'a Active) -> Option<&'a str> {
    one_cookie(request, active, &active.cookies.session)
}

/// The value of the cookie that binds a login to this browser.
pub(crate) fn binding_cookie<'a>(request: &'a Request<'_>, active: &'a Active) -> Option<&'a str> {
    one_cookie(request, active, &active.cookies.binding)
}

fn one_cookie<'a>(request: &'a Request<'_>, active: &'a Active, name: &str) -> Option<&'a str> {
    let lines = cookie_lines(request, active);
    if request.headers.cookie_joined && lines.clone().nth(request.headers.cookie.len()).is_some() {
        return None;
    }
    match portcullis_session::cookies::read(lines.map(str::as_bytes), name) {
        Found::One(value) => Some(value),
        Found::None | Found::Ambiguous => None,
    }
}

/// Finds the session of `request`.
///
/// # Errors
///
/// [`SessionError`] if the store alone knows and does not answer; deny.
pub async fn identify(
    view: &SessionView,
    active: &Active,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Identity, SessionError> {
    let credentials = Credentials::of(request);
    let anonymous = Identity {
        session: None,
        credentials,
    };
    let Some(cookie) = session_cookie(request, active) else {
        return Ok(anonymous);
    };
    let Some(provider) = &active.settings().provider else {
        return Ok(anonymous);
    };
    let name = &active.cookies.session;
    let scope = match active.settings().cookie.domain_on(&request.host) {
        Some(domain) => Scope::Domain(domain),
        None => Scope::Host(request.host.as_str()),
    };
    let Ok(handle) = handle::open(&active.keys, name, scope, cookie) else {
        return Ok(anonymous);
    };
    // Before the store is asked: a cookie of another provider costs no look-up.
    if handle.provider_id != provider.id {
        return Ok(anonymous);
    }
    let found = match view.known(handle.session_id) {
        Known::Live(stored) => Some(stored),
        Known::Gone => None,
        Known::Ask => view.get(handle.session_id).await?,
    };
    // Judged now, at the decision, not when a sweeper comes round.
    let session = found.filter(|stored| lifetime::admit(&handle, &stored.session, &provider.id, now).is_ok());
    Ok(Identity { session, credentials })
}
