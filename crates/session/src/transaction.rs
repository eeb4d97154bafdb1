//! A login on its way: everything that must be remembered travels sealed in the
//! `state` parameter and comes back with the provider's answer. Nothing is
//! stored for it, so that anonymous visits cost no memory.
//!
//! [`State`] goes to the provider and back to the authenticate host, bound to
//! the browser by the csrf cookie. [`Callback`] then carries the session from
//! the authenticate host to the route host, bound to the same browser there by
//! the binding cookie's fingerprint (a difference from Pomerium, whose callback
//! address works for whoever holds it).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use portcullis_model::SessionId;
use serde::{Deserialize, Serialize};

use crate::{KeyRing, Purpose, SealError, browser};

/// How long a user may take at the provider: 5 minutes, as in Pomerium.
pub const STATE_VALIDITY: SignedDuration = SignedDuration::from_mins(5);
/// How long the redirect to the route host may take.
pub const CALLBACK_VALIDITY: SignedDuration = SignedDuration::from_secs(60);
/// How far the clocks of two replicas may differ.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Bytes of an address to return to.
pub const MAX_RETURN: usize = 4096;

/// Why a login cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Not sealed by us, or for another host: altered, foreign or garbage.
    #[error("the login transaction is not valid")]
    Invalid,
    /// It took too long, or was replayed later.
    #[error("the login took too long")]
    Expired,
    /// It was begun in another browser: somebody passed the address on.
    #[error("the login was begun in another browser")]
    OtherBrowser,
    /// It was begun with another cookie than the browser has, but that one is of
    /// the same moment: of tabs opened at once in a browser without a cookie each
    /// gets one, and the last one stays. (Or it is another browser after all.)
    #[error("the login was begun in another browser, or beside another tab")]
    Overtaken,
}

/// The content of `state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Where the browser goes after the login.
    pub return_to: String,
    /// When the login began, in whole seconds.
    pub issued_at: Timestamp,
    /// The provider that must answer: an answer by another is a mix-up.
    pub provider_id: String,
    /// Random: makes the `state`, and what derives from it, different for each
    /// login, even in one second and one browser.
    pub seed: [u8; 16],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateWire {
    return_to: String,
    issued_at: i64,
    provider_id: String,
    seed: String,
    csrf: String,
}

impl State {
    /// The `state` parameter for a login on `host` (the authenticate host) in
    /// the browser with this csrf cookie.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] if the return address is over [`MAX_RETURN`].
    pub fn seal(
        &self,
        ring: &KeyRing,
        host: &str,
        csrf_cookie: &str,
        nonce: [u8; 12],
    ) -> Result<String, SealError> {
        let Self {
            return_to,
            issued_at,
            provider_id,
            seed,
        } = self;
        if return_to.len() > MAX_RETURN {
            return Err(SealError::TooLarge);
        }
        let wire = StateWire {
            return_to: return_to.clone(),
            issued_at: issued_at.as_second(),
            provider_id: provider_id.clone(),
            seed: URL_SAFE_NO_PAD.encode(seed),
            csrf: browser::fingerprint(ring, Purpose::Csrf, host, csrf_cookie),
        };
        let plain = serde_json::to_vec(&wire).map_err(|_| SealError::Failed)?;
        ring.seal(Purpose::State, &[host], nonce, &plain)
    }

    /// Reads the `state` that came back to `host` in the browser with this csrf
    /// cookie.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub fn open(
        ring: &KeyRing,
        host: &str,
        text: &str,
        csrf_cookie: &str,
        now: Timestamp,
    ) -> Result<Self, TransactionError> {
        let plain = ring
            .open(Purpose::State, &[host], text)
            .map_err(|_| TransactionError::Invalid)?;
        let wire: StateWire = serde_json::from_slice(&plain).map_err(|_| TransactionError::Invalid)?;
        let issued_at = issued_at(wire.issued_at, now, STATE_VALIDITY)?;
        if !browser::matches(ring, Purpose::Csrf, host, csrf_cookie, &wire.csrf) {
            return Err(other_cookie(ring, Purpose::Csrf, host, csrf_cookie, issued_at));
        }
        let seed = URL_SAFE_NO_PAD
            .decode(&wire.seed)
            .map_err(|_| TransactionError::Invalid)?;
        Ok(Self {
            return_to: wire.return_to,
            issued_at,
            provider_id: wire.provider_id,
            seed: seed.try_into().map_err(|_| TransactionError::Invalid)?,
        })
    }
}

impl State {
    /// Where the login with this `state` was to lead, however old it is and
    /// whoever began it: for a link that begins it anew. `None` if we did not
    /// seal it for `host`.
    #[must_use]
    pub fn peek_return_to(ring: &KeyRing, host: &str, text: &str) -> Option<String> {
        let plain = ring.open(Purpose::State, &[host], text).ok()?;
        let wire: StateWire = serde_json::from_slice(&plain).ok()?;
        Some(wire.return_to)
    }
}

/// The PKCE code verifier (RFC 7636) of the login with this `state`: 43
/// characters that nobody knows who has not both our key and the browser's
/// cookie. Derived, so that no cookie per login is needed; by the secret that
/// sealed the `state` for `host` (the authenticate host), so that it is the same
/// after a rotation.
#[must_use]
pub fn pkce_verifier(ring: &KeyRing, host: &str, state: &str, csrf_cookie: &str) -> String {
    derived(ring, Purpose::Pkce, host, state, csrf_cookie)
}

/// The OpenID Connect nonce of the login with this `state`, which derives likewise.
#[must_use]
pub fn nonce(ring: &KeyRing, host: &str, state: &str, csrf_cookie: &str) -> String {
    derived(ring, Purpose::Nonce, host, state, csrf_cookie)
}

fn derived(ring: &KeyRing, purpose: Purpose, host: &str, state: &str, csrf_cookie: &str) -> String {
    let parts = [state.as_bytes(), browser::base(csrf_cookie).as_bytes()];
    URL_SAFE_NO_PAD.encode(ring.mac_of_state(state, &[host], purpose, &parts))
}

/// What the authenticate host tells a route host after a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The session to point the route host's cookie at.
    pub session_id: SessionId,
    /// The provider settings that the login went through.
    pub provider_id: String,
    /// Where the browser goes then; the caller still checks that it is a place
    /// of the same host.
    pub redirect: String,
    /// When the token was made, in whole seconds.
    pub issued_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallbackWire {
    session_id: SessionId,
    provider_id: String,
    redirect: String,
    issued_at: i64,
    binding: String,
}

impl Callback {
    /// The token for `host` (the route host), for the browser whose binding
    /// cookie there has this fingerprint ([`browser::fingerprint`], which came
    /// along in the signed sign-in address).
    ///
    /// # Errors
    /// [`SealError::TooLarge`] if the redirect is over [`MAX_RETURN`].
    pub fn seal(
        &self,
        ring: &KeyRing,
        host: &str,
        binding_fingerprint: &str,
        nonce: [u8; 12],
    ) -> Result<String, SealError> {
        let Self {
            session_id,
            provider_id,
            redirect,
            issued_at,
        } = self;
        if redirect.len() > MAX_RETURN || binding_fingerprint.len() > 64 {
            return Err(SealError::TooLarge);
        }
        let wire = CallbackWire {
            session_id: *session_id,
            provider_id: provider_id.clone(),
            redirect: redirect.clone(),
            issued_at: issued_at.as_second(),
            binding: binding_fingerprint.to_owned(),
        };
        let plain = serde_json::to_vec(&wire).map_err(|_| SealError::Failed)?;
        ring.seal(Purpose::Callback, &[host], nonce, &plain)
    }

    /// Reads the token that came to `host` in the browser with this binding
    /// cookie.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub fn open(
        ring: &KeyRing,
        host: &str,
        text: &str,
        binding_cookie: &str,
        now: Timestamp,
    ) -> Result<Self, TransactionError> {
        let plain = ring
            .open(Purpose::Callback, &[host], text)
            .map_err(|_| TransactionError::Invalid)?;
        let wire: CallbackWire = serde_json::from_slice(&plain).map_err(|_| TransactionError::Invalid)?;
        let issued_at = issued_at(wire.issued_at, now, CALLBACK_VALIDITY)?;
        if !browser::matches(ring, Purpose::Binding, host, binding_cookie, &wire.binding) {
            // The login began with the sign-in address, as long before as it may take.
            let began = issued_at.saturating_sub(STATE_VALIDITY).unwrap_or(Timestamp::MIN);
            return Err(other_cookie(ring, Purpose::Binding, host, binding_cookie, began));
        }
        let CallbackWire {
            session_id,
            provider_id,
            redirect,
            ..
        } = wire;
        Ok(Self {
            session_id,
            provider_id,
            redirect,
            issued_at,
        })
    }
}

impl Callback {
    /// Where the login with this token was to lead, however old it is and whoever
    /// began it: for a link that begins it anew. `None` if we did not seal it for
    /// `host`.
    #[must_use]
    pub fn peek_redirect(ring: &KeyRing, host: &str, text: &str) -> Option<String> {
        let plain = ring.open(Purpose::Callback, &[host], text).ok()?;
        let wire: CallbackWire = serde_json::from_slice(&plain).ok()?;
        Some(wire.redirect)
    }
}

/// Why a login that began at `began` does not fit this cookie of the browser.
fn other_cookie(
    ring: &KeyRing,
    purpose: Purpose,
    host: &str,
    cookie: &str,
    began: Timestamp,
) -> TransactionError {
    // Answers to requests that went out together may arrive in any order.
    let since = began.saturating_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN);
    let ours = browser::verify(ring, purpose, host, cookie).is_ok();
    if ours && browser::born(cookie).is_some_and(|born| born >= since) {
        TransactionError::Overtaken
    } else {
        TransactionError::OtherBrowser
    }
}

/// The embedded time, if it lies within `validity` before now. One from the
/// future is taken for a replica's clock up to the skew.
fn issued_at(second: i64, now: Timestamp, validity: SignedDuration) -> Result<Timestamp, TransactionError> {
    let issued_at = Timestamp::from_second(second).map_err(|_| TransactionError::Invalid)?;
    let age = now.duration_since(issued_at);
    if age > validity {
        Err(TransactionError::Expired)
    } else if age < -CLOCK_SKEW {
        Err(TransactionError::Invalid)
    } else {
        Ok(issued_at)
    }
}

#[cfg(test)]
mod tests;
