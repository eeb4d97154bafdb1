//! Header names that only we may say to an upstream.

use super::super::assertions::ASSERTION;
use super::super::response::Upstream;
use super::ASSERTION_FOR;
use crate::check::intake::Request;
use crate::feed::Active;
use portcullis_bundle::Settings;

/// Headers that say how the request is framed, routed or carried: never ours to
/// set, whatever the configuration says.
const FRAMING: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a configured header may be set at all.
pub(super) fn is_framing(name: &str) -> bool {
    FRAMING.contains(&name)
}

/// What the settings say of names; made once for each bundle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reserved {
    claims: Vec<(String, String)>,
    /// A bit for each length that a claim header's name has, the last for all
    /// longer ones: most of a request's names are told apart by it.
    lengths: u64,
}

impl Reserved {
    pub(crate) fn new(settings: &Settings) -> Self {
        let configured = settings.jwt_claims_headers.iter();
        let claims: Vec<(String, String)> = configured
            .filter(|(name, _)| !is_framing(name.as_str()) && name.as_str() != "cookie")
            .map(|(name, claim)| (name.as_str().to_owned(), claim.clone()))
            .collect();
        let lengths = claims.iter().fold(0, |bits, (name, _)| bits | length_bit(name));
        Self { claims, lengths }
    }

    /// The headers that claims go to, and their claims.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.claims
            .iter()
            .map(|(name, claim)| (name.as_str(), claim.as_str()))
    }

    /// Whether only we may say `name`, also with `_` for `-`, which some upstreams
    /// read alike.
    pub(super) fn contains(&self, name: &str) -> bool {
        // `x-pomerium-` is the shorter of the two.
        (name.len() >= 11
            && name.starts_with(['x', 'X'])
            && (folded_prefix(name, "x-pomerium-") || folded_prefix(name, "x-portcullis-")))
            || (self.lengths & length_bit(name) != 0
                && self
                    .claims
                    .iter()
                    .any(|(claim_header, _)| folded_eq(name, claim_header)))
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

/// Removes what the client sent under a name that only we may say. What is set
/// must not be removed: Envoy removes last.
pub(super) fn remove(upstream: &mut Upstream, active: &Active, request: &Request<'_>, identity_passed: bool) {
    if !identity_passed {
        let ours = [ASSERTION, ASSERTION_FOR].into_iter();
        for name in ours.chain(active.reserved.claims().map(|(name, _)| name)) {
            if !upstream.sets(name) {
                upstream.remove.push(name.to_owned());
            }
        }
    }
    for (name, _) in request.headers.all.iter() {
        let known = |upstream: &Upstream| {
            upstream.sets(name)
                || upstream
                    .remove
                    .iter()
                    .any(|removed| removed.eq_ignore_ascii_case(name))
        };
        if active.reserved.contains(name) && !known(upstream) {
            upstream.remove.push(name.to_owned());
        }
    }
}

fn folded_prefix(name: &str, prefix: &str) -> bool {
    name.as_bytes()
        .get(..prefix.len())
        .is_some_and(|start| folded(start, prefix.as_bytes()))
}

fn folded_eq(name: &str, other: &str) -> bool {
    name.len() == other.len() && folded(name.as_bytes(), other.as_bytes())
}

fn folded(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: &u8| {
        if *byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    a.iter().map(fold).eq(b.iter().map(fold))
}
