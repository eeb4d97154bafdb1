//! `Set-Cookie` values (RFC 6265), with Pomerium's attributes: path `/`, always
//! `Secure`, the rest as configured. The cookies that tie a login to its browser
//! are always host-only and `HttpOnly`.

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

/// How long the csrf cookie lives: 12 hours, as in Pomerium.
pub const CSRF_MAX_AGE: SignedDuration = SignedDuration::from_hours(12);
/// How long the binding cookie lives: longer than any login may take.
pub const BINDING_MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

/// What is configured of session cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// `Domain`; `None` makes the cookie host-only.
    pub domain: Option<&'a str>,
    /// `HttpOnly`.
    pub http_only: bool,
    /// The value of `SameSite`, if there is to be any.
    pub same_site: Option<&'a str>,
}

/// Sets a session cookie (route or authenticate host) that goes with the
/// session at `expires`.
#[must_use]
pub fn set_session(
    name: &str,
    value: &str,
    attributes: &Attributes<'_>,
    expires: Timestamp,
    now: Timestamp,
) -> String {
    set(name, value, attributes, expires, now)
}

/// Sets the csrf cookie of the authenticate host.
#[must_use]
pub fn set_csrf(name: &str, value: &str, now: Timestamp) -> String {
    set(
        name,
        value,
        &ONE_BROWSER,
        now.saturating_add(CSRF_MAX_AGE).unwrap_or(Timestamp::MAX),
        now,
    )
}

/// Sets the binding cookie of a route host. The callback that needs it comes by
/// a top-level redirect, which `SameSite=Lax` lets through.
#[must_use]
pub fn set_binding(name: &str, value: &str, now: Timestamp) -> String {
    let expires = now.saturating_add(BINDING_MAX_AGE).unwrap_or(Timestamp::MAX);
    let attributes = Attributes {
        same_site: Some("Lax"),
        ..ONE_BROWSER
    };
    set(name, value, &attributes, expires, now)
}

/// Takes a cookie back. Name, path and domain must be as they were set, and
/// `Secure` with them, else a browser keeps it.
#[must_use]
pub fn clear(name: &str, attributes: &Attributes<'_>) -> String {
    let (name, more) = (clean(name), written(attributes));
    format!("{name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0{more}")
}

const ONE_BROWSER: Attributes<'static> = Attributes {
    domain: None,
    http_only: true,
    same_site: None,
};

fn set(name: &str, value: &str, attributes: &Attributes<'_>, expires: Timestamp, now: Timestamp) -> String {
    let (name, value, more) = (clean(name), clean(value), written(attributes));
    let age = expires.duration_since(now).as_secs().max(0);
    // Years that the format has no room for are left to Max-Age.
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&expires)
        .map(|date| format!("; Expires={date}"))
        .unwrap_or_default();
    format!("{name}={value}; Path=/{date}; Max-Age={age}{more}")
}

/// The attributes, each with its separator in front.
fn written(attributes: &Attributes<'_>) -> String {
    let Attributes {
        domain,
        http_only,
        same_site,
    } = attributes;
    let domain = domain.map(|domain| format!("; Domain={}", clean(domain)));
    let same_site = same_site.map(|same_site| format!("; SameSite={}", clean(same_site)));
    [
        domain.as_deref().unwrap_or_default(),
        if *http_only { "; HttpOnly" } else { "" },
        "; Secure",
        same_site.as_deref().unwrap_or_default(),
    ]
    .concat()
}

/// Only what can stand in a cookie's name or value: the name comes from the
/// configuration, and must not be able to add an attribute or a header.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '"' | '\\'))
        .collect()
}
