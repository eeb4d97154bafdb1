//! Stage 3: who asks.
//!
//! By the session cookie or, without one, by a program's token. A cookie that is of
//! no use ends the search, as in Pomerium: whoever sends both does not become
//! somebody else when one of them ends. What looks like a credential of ours is
//! noticed in any case: it suppresses the redirect and never goes upstream.

mod credentials;

use super::intake::Request;
use crate::feed::Active;
use crate::sessions::{Known, SessionError, SessionView, StoredSession};
use jiff::Timestamp;
use portcullis_session::cookies::Found;
use portcullis_session::handle::{self, Handle, Scope};
use portcullis_session::{lifetime, token};
use std::sync::Arc;

pub use credentials::Credentials;
pub(crate) use credentials::{Presented, session_parameters, shows_a_token};

/// Who asks.
#[derive(Debug, Default)]
pub struct Identity {
    /// The live session; `None` for an anonymous request.
    pub session: Option<Arc<StoredSession>>,
    /// What the request carries of ours beside the cookie.
    pub credentials: Credentials,
}

/// The cookie lines of a request, as the cookie readers want them.
///
/// In the plain header map a comma may part two lines or stand inside a value.
/// Where one of our names follows a comma, nobody can tell: the whole is then cut
/// there and read as several lines, which makes the session ambiguous if our
/// cookie is among them ([`one_cookie`]).
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

/// The value of the cookie that binds a login to this browser.
pub(crate) fn binding_cookie<'a>(request: &'a Request<'_>, active: &'a Active) -> Option<&'a str> {
    match one_cookie(request, active, &active.cookies.binding) {
        Found::One(value) => Some(value),
        Found::None | Found::Ambiguous => None,
    }
}

/// The cookie of this name, if there is exactly one and no doubt.
fn one_cookie<'a>(request: &'a Request<'_>, active: &'a Active, name: &str) -> Found<'a> {
    let lines = cookie_lines(request, active);
    if request.headers.cookie_joined && lines.clone().nth(request.headers.cookie.len()).is_some() {
        return Found::Ambiguous;
    }
    portcullis_session::cookies::read(lines.map(str::as_bytes), name)
}

/// Why nobody can say who asks.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The request carries two tokens; answer 400.
    #[error("the request carries two tokens")]
    TwoTokens,
    /// The name of one query parameter is spelled in too many ways; answer 400.
    #[error("the query names a token in too many ways")]
    TooManySpellings,
    /// The store alone knows and does not answer; deny.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Finds the session of `request`.
///
/// # Errors
///
/// [`IdentifyError`].
pub async fn identify(
    view: &SessionView,
    active: &Active,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Identity, IdentifyError> {
    if request
        .query
        .is_some_and(|query| session_parameters(query).is_none())
    {
        return Err(IdentifyError::TooManySpellings);
    }
    let credentials = Credentials::of(request);
    let anonymous = Identity {
        session: None,
        credentials,
    };
    let name = &active.cookies.session;
    let opened = match one_cookie(request, active, name) {
        Found::One(cookie) => {
            let scope = match active.settings().cookie.domain_on(&request.host) {
                Some(domain) => Scope::Domain(domain),
                None => Scope::Host(request.host.as_str()),
            };
            handle::open(&active.keys, name, scope, cookie)
        }
        Found::None if credentials.any() => match presented(request, credentials) {
            Presented::One(text) => token::open(&active.keys, request.host.as_str(), &text),
            Presented::None => return Ok(anonymous),
            Presented::Ambiguous => return Err(IdentifyError::TwoTokens),
        },
        Found::None | Found::Ambiguous => return Ok(anonymous),
    };
    let (Ok(handle), Some(provider)) = (opened, &active.settings().provider) else {
        return Ok(anonymous);
    };
    let session = live(view, &handle, &provider.id, now).await?;
    Ok(Identity { session, credentials })
}

fn presented<'a>(request: &'a Request<'_>, credentials: Credentials) -> Presented<'a> {
    let headers = &request.headers;
    Presented::find(
        headers.pomerium_authorization.iter(),
        headers.authorization.iter(),
        request.query.filter(|_| credentials.query),
    )
}

/// The session that a handle points at, if it counts.
async fn live(
    view: &SessionView,
    handle: &Handle,
    provider_id: &str,
    now: Timestamp,
) -> Result<Option<Arc<StoredSession>>, SessionError> {
    // Before the store is asked: a cookie of another provider costs no look-up.
    if handle.provider_id != provider_id {
        return Ok(None);
    }
    let found = match view.known(handle.session_id) {
        Known::Live(stored) => Some(stored),
        Known::Gone => None,
        Known::Ask => view.get(handle.session_id).await?,
    };
    // Judged now, at the decision, not when a sweeper comes round.
    Ok(found.filter(|stored| lifetime::admit(handle, &stored.session, provider_id, now).is_ok()))
}
