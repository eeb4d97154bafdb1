//! The way from the authenticate host's session page back to the application that it
//! was opened from, in a cookie with Pomerium's name.
//!
//! The address came in a signed URL; what stands in the cookie later may be anybody's
//! and is checked like any other address to return to.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use portcullis_session::cookies::{self, Found};

use super::destination::Destination;
use super::pages::WayBack;
use super::visit::{Role, Visit};

const COOKIE: &str = "pomerium_redirect_uri";
/// Bytes of the address that are kept; written down they may be three times as many.
const MAX_BYTES: usize = 1024;

/// The `Set-Cookie` that remembers the way.
pub(super) fn keep(visit: &Visit, destination: &Destination) -> String {
    let address = destination.shortened(MAX_BYTES);
    let value = utf8_percent_encode(&address, NON_ALPHANUMERIC).to_string();
    let lifetime = visit.settings().cookie.expire;
    let expires = visit.now.saturating_add(lifetime).unwrap_or(jiff::Timestamp::MAX);
    cookies::set_session(
        COOKIE,
        &value,
        &visit.cookie_attributes(COOKIE),
        expires,
        visit.now,
    )
}

/// The way back, if there is one.
pub(super) fn of(visit: &Visit) -> Option<WayBack> {
    let (Role::Authenticate, Found::One(value)) = (visit.role, visit.cookie(COOKIE)) else {
        return None;
    };
    let address = percent_decode_str(value).decode_utf8().ok()?;
    let destination = visit.destination(&address).ok()?;
    (*destination.host() != visit.host).then(|| WayBack {
        href: destination.url().to_string(),
        host: destination.host().to_string(),
    })
}
