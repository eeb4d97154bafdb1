//! The identity headers of a request, signed at most once a minute for each
//! session and route: signing costs more than all the rest of a Check.

use super::response::{Ready, overwrite};
use crate::clock::random_bytes;
use crate::feed::Active;
use crate::metrics::Metrics;
use crate::sessions::StoredSession;
use crate::state::AuthzServer;
use core::sync::atomic::{AtomicUsize, Ordering};
use envoy_types::ext_authz::v3::pb::HeaderValueOption;
use jiff::Timestamp;
use papaya::HashMap;
use portcullis_bundle::Route;
use portcullis_model::{Host, RouteId, SessionId};
use portcullis_policy::Allowed;
use portcullis_session::assertion::{self, AssertionClaims, claim_header_value};
use std::sync::Arc;

/// How long a signed assertion is given out; it is valid for five minutes.
const MAX_AGE_SECONDS: i64 = 60;
/// How many are kept; beyond that they are signed and not kept.
const MAX_KEPT: usize = 65_536;

/// The header that carries the assertion.
pub const ASSERTION: &str = "x-pomerium-jwt-assertion";

/// What an assertion is made from. The route stands for its audience and its
/// token settings, the epoch for keys and claim headers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    session: Option<(SessionId, u64)>,
    route: RouteId,
    /// The audience, where the route is for several hosts.
    host: Option<Host>,
    epoch: u64,
}

struct Kept {
    signed_at: Timestamp,
    headers: Arc<Ready>,
}

impl Kept {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock that was set back makes an assertion of the future: not fresh.
        (0..MAX_AGE_SECONDS).contains(&now.as_second().saturating_sub(self.signed_at.as_second()))
    }
}

/// The cache.
#[derive(Default)]
pub(crate) struct Assertions {
    kept: HashMap<Key, Kept>,
    count: AtomicUsize,
}

/// Why there are no identity headers; the request is then refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssertionError {
    #[error(transparent)]
    Random(#[from] crate::clock::RandomError),
    #[error("the assertion cannot be signed: {0}")]
    Sign(String),
}

impl Assertions {
    /// The identity headers for a request to `host` that the policy allows.
    #[expect(clippy::too_many_arguments, reason = "all that an assertion depends on")]
    pub(super) fn headers(
        &self,
        server: &AuthzServer,
        active: &Active,
        route: &Route,
        host: &Host,
        session: Option<&StoredSession>,
        allowed: &Allowed,
        now: Timestamp,
    ) -> Result<Arc<Ready>, AssertionError> {
        let key = Key {
            session: session.map(|stored| (stored.session.id, stored.version)),
            route: route.id,
            host: route.host.exact().is_none().then(|| host.clone()),
            epoch: active.identity_epoch,
        };
        if let Some(kept) = self.kept.pin().get(&key).filter(|kept| kept.is_fresh(now)) {
            return Ok(Arc::clone(&kept.headers));
        }
        let jti = uuid::Builder::from_random_bytes(random_bytes::<16>(server.random())?).into_uuid();
        let names = active
            .settings()
            .jwt_claims_headers
            .iter()
            .map(|(_, claim)| claim.as_str());
        let claims = AssertionClaims::new(
            session.map(|stored| &stored.session),
            host.as_str(),
            now,
            jti,
            names,
        );
        let token = assertion::sign(allowed, &active.signing, &claims)
            .map_err(|error| AssertionError::Sign(error.to_string()))?;
        let headers = Arc::new(Ready::new(render(active, &claims, &token, server.metrics())));
        self.keep(
            key,
            Kept {
                signed_at: now,
                headers: Arc::clone(&headers),
            },
        );
        Ok(headers)
    }

    fn keep(&self, key: Key, kept: Kept) {
        let pinned = self.kept.pin();
        if self.count.load(Ordering::Relaxed) >= MAX_KEPT && !pinned.contains_key(&key) {
            return;
        }
        if pinned.insert(key, kept).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets go of what is too old to be given out.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.kept.pin().retain(|_, kept| kept.is_fresh(now));
        self.count.store(self.kept.len(), Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

/// The assertion and the claim headers. A claim that is missing, or that cannot
/// stand in a header, becomes an empty value: what the client sent under that
/// name is overwritten in any case.
fn render(
    active: &Active,
    claims: &AssertionClaims,
    token: &str,
    metrics: &Metrics,
) -> Vec<HeaderValueOption> {
    let mut headers = Vec::new();
    let values = active
        .reserved
        .claims()
        .map(|(name, claim)| (name, claim_header_value(claims, claim)));
    for (name, value) in core::iter::once((ASSERTION, token.to_owned())).chain(values) {
        let (header, sent) = overwrite(name, &value);
        if !sent {
            metrics.header_dropped();
        }
        headers.push(header);
    }
    headers
}
