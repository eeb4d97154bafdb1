//! `Set-Cookie` values (RFC 6265), with Pomerium's attributes: path `/`, host
//! only, always `Secure` and `HttpOnly`.

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

/// How long the csrf cookie lives: 12 hours, as in Pomerium.
pub const CSRF_MAX_AGE: SignedDuration = SignedDuration::from_hours(12);
/// How long the binding cookie lives: longer than any login may take.
pub const BINDING_MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

/// Sets a session cookie (route or authenticate host) that goes with the
/// session at `expires`.
#[must_use]
pub fn set_session(name: &str, value: &str, expires: Timestamp, now: Timestamp) -> String {
    set(name, value, expires, now, "")
}

/// Sets the csrf cookie of the authenticate host.
#[must_use]
pub fn set_csrf(name: &str, value: &str, now: Timestamp) -> String {
    set(
        name,
        value,
        now.saturating_add(CSRF_MAX_AGE).unwrap_or(Timestamp::MAX),
        now,
        "",
    )
}

/// Sets the binding cookie of a route host. The callback that needs it comes by
/// a top-level redirect, which `SameSite=Lax` lets through.
#[must_use]
pub fn set_binding(name: &str, value: &str, now: Timestamp) -> String {
    let expires = now.saturating_add(BINDING_MAX_AGE).unwrap_or(Timestamp::MAX);
    set(name, value, expires, now, "; SameSite=Lax")
}

/// Takes a cookie back. Name, path and host-only must be as they were set, and
/// `Secure` with them, else a browser keeps it.
#[must_use]
pub fn clear(name: &str) -> String {
    let name = clean(name);
    format!("{name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure")
}

fn set(name: &str, value: &str, expires: Timestamp, now: Timestamp, more: &str) -> String {
    let (name, value) = (clean(name), clean(value));
    let age = expires.duration_since(now).as_secs().max(0);
    // Years that the format has no room for are left to Max-Age.
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&expires)
        .map(|date| format!("; Expires={date}"))
        .unwrap_or_default();
    format!("{name}={value}; Path=/{date}; Max-Age={age}; HttpOnly; Secure{more}")
}

/// Only what can stand in a cookie's name or value: the name comes from the
/// configuration, and must not be able to add an attribute or a header.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '"' | '\\'))
        .collect()
}
