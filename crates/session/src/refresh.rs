//! When a session's tokens are renewed, and what a result does to its record.
//!
//! A refresh token may be good once only, so that one authz-server alone may spend
//! it. Whoever wants to writes a [`Lease`] into the session's record, on condition
//! that the record is still the version that it read: one wins. What comes of it is
//! written the same way, so that a sign-out in between stands.

use core::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_model::Claims;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::lifetime::CLOCK_SKEW;
use crate::record::Session;

/// Tokens are renewed this long before the first of them expires, as in Pomerium.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// The least time between two tries for one session, as in Pomerium.
pub const COOL_OFF: SignedDuration = SignedDuration::from_secs(10);
/// The longest time between two tries: the pause doubles with each failure.
pub const LAST_PAUSE: SignedDuration = SignedDuration::from_secs(300);
/// How often userinfo is read, as in Pomerium.
pub const USERINFO_EVERY: SignedDuration = SignedDuration::from_secs(600);
/// How long a lease is good. A refresh has two steps, the new tokens and then keys
/// and userinfo, and the provider at most 12 s for each: 24 s in all.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How often whoever holds a lease renews it.
pub const RENEW_LEASE: Duration = Duration::from_secs(10);
/// The claim with the provider's own name for its session.
pub const SID: &str = "sid";
/// Refreshes are spread over this many milliseconds, by the session's id: those of
/// one minute's logins shall not come all at once, and every server must come to
/// the same time.
const SPREAD: u64 = 10_000;

/// The right to spend a session's refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose it is: a random number for each try.
    pub holder: Uuid,
    /// When it ends by the holder's clock.
    pub expires_at: Timestamp,
}

/// Where a session stands between two refreshes; part of its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When the tokens were last renewed; none before the first time.
    pub refreshed_at: Option<Timestamp>,
    /// When userinfo was last read after the login.
    pub userinfo_at: Option<Timestamp>,
    /// Tries that have failed since the last that did not.
    pub failures: u32,
    /// No try before this time.
    pub not_before: Option<Timestamp>,
    /// Who is at it.
    pub lease: Option<Lease>,
}

/// What a provider answered with.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The new access token.
    pub access_token: SecretString,
    /// When it expires, if the provider says so.
    pub access_token_expires_at: Option<Timestamp>,
    /// The next refresh token; without one the old one stays good (RFC 6749
    /// section 6).
    pub refresh_token: Option<SecretString>,
    /// What it says of the user now; `None` where that could not be learnt, and the
    /// session keeps what it had.
    pub profile: Option<Profile>,
}

/// What the provider says of the user.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The e-mail address, empty when there is none.
    pub email: String,
    /// The name to show, empty when there is none.
    pub name: String,
    /// All claims; they take the place of those before, but for [`SID`], which stays
    /// where there is none.
    pub claims: Claims,
    /// The new id token; `None` keeps the old one.
    pub id_token: Option<SecretString>,
}

/// When an id token with these claims expires.
#[must_use]
pub fn id_token_expiry(claims: &Claims) -> Option<Timestamp> {
    let seconds = claims.get("exp")?.first()?.as_i64()?;
    Timestamp::from_second(seconds).ok()
}

/// When the session's tokens are to be renewed; `None` for one that cannot be, or
/// ends before.
///
/// That is a minute before the first of access token and id token expires, and not
/// sooner than [`COOL_OFF`] after the last time, the pause after a failure, and the
/// end of a lease that somebody holds.
#[must_use]
pub fn due_at(session: &Session) -> Option<Timestamp> {
    session.refresh_token.as_ref()?;
    let first = [session.access_token_expires_at, session.id_token_expires_at]
        .into_iter()
        .flatten()
        .min()?;
    let Progress {
        refreshed_at,
        not_before,
        lease,
        ..
    } = &session.progress;
    // The holder's clock may be behind ours: better late than twice.
    let free = lease.map(|lease| later(lease.expires_at, CLOCK_SKEW));
    let due = [
        Some(earlier(first, MARGIN + spread(session))),
        Some(later(refreshed_at.unwrap_or(session.issued_at), COOL_OFF)),
        *not_before,
        free,
    ];
    due.into_iter()
        .flatten()
        .max()
        .filter(|due| *due < session.expires_at)
}

/// Whether userinfo is to be read again with the session's access token.
#[must_use]
pub fn userinfo_is_due(session: &Session, now: Timestamp) -> bool {
    let last = session.progress.userinfo_at.unwrap_or(session.issued_at);
    let token_is_good = session.access_token_expires_at.is_none_or(|end| now < end);
    token_is_good && now >= later(last, USERINFO_EVERY + spread(session)) && now < session.expires_at
}

/// The session with a lease for `holder`.
#[must_use]
pub fn leased(session: &Session, holder: Uuid, now: Timestamp) -> Session {
    let mut session = session.clone();
    session.progress.lease = Some(Lease {
        holder,
        expires_at: later(now, LEASE),
    });
    session
}

/// The session with what the provider answered at `now`. Its end stays where it was.
#[must_use]
pub fn renewed(session: &Session, answer: &Renewed, now: Timestamp) -> Session {
    let mut session = session.clone();
    session.access_token = answer.access_token.clone();
    session.access_token_expires_at = answer.access_token_expires_at;
    if let Some(token) = &answer.refresh_token {
        session.refresh_token = Some(token.clone());
    }
    session.progress.refreshed_at = Some(now);
    session.progress.lease = None;
    match &answer.profile {
        Some(profile) => {
            // An old id token that the provider does not renew is no reason to ask.
            session.id_token_expires_at = match &profile.id_token {
                Some(_) => id_token_expiry(&profile.claims),
                None => None,
            };
            session.progress.failures = 0;
            session.progress.not_before = None;
            with_profile(session, profile, now)
        }
        None => after_failure(session, now),
    }
}

/// The session with what userinfo said at `now`.
#[must_use]
pub fn with_profile(mut session: Session, profile: &Profile, now: Timestamp) -> Session {
    session.email.clone_from(&profile.email);
    session.name.clone_from(&profile.name);
    // It names the login at the provider, and a new id token need not repeat it (OpenID
    // Connect Back-Channel Logout 1.0, section 2.1).
    session.claims = profile.claims.clone().keeping(SID, &session.claims);
    if let Some(token) = &profile.id_token {
        session.id_token = token.clone();
    }
    session.progress.userinfo_at = Some(now);
    session
}

/// The session after a try that came to nothing, but may do so another time. It
/// lives on, however often: until its own end.
#[must_use]
pub fn failed(session: &Session, now: Timestamp) -> Session {
    let mut session = session.clone();
    session.progress.lease = None;
    after_failure(session, now)
}

/// The session after the provider has said no for good: over.
#[must_use]
pub fn ended(session: &Session, now: Timestamp) -> Session {
    let mut session = session.clone();
    session.progress.lease = None;
    session.expires_at = now.min(session.expires_at);
    session
}

/// Whether both are `token`: who finds another one in the record was overtaken.
#[must_use]
pub fn holds(session: &Session, token: &SecretString) -> bool {
    let held = session.refresh_token.as_ref();
    held.is_some_and(|held| held.expose_secret() == token.expose_secret())
}

/// The pause after so many failures in a row.
#[must_use]
pub fn pause(failures: u32) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(16);
    COOL_OFF
        .checked_mul(1 << doublings)
        .map_or(LAST_PAUSE, |pause| pause.min(LAST_PAUSE))
}

fn after_failure(mut session: Session, now: Timestamp) -> Session {
    let failures = session.progress.failures.saturating_add(1);
    session.progress.failures = failures;
    session.progress.not_before = Some(later(now, pause(failures) + spread(&session) / 10));
    session
}

fn spread(session: &Session) -> SignedDuration {
    let (high, low) = session.id.0.as_u64_pair();
    let milliseconds = (high ^ low) % SPREAD;
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or_default())
}

fn later(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

fn earlier(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
