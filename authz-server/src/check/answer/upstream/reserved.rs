//! Header names that only we may say to an upstream.

use super::super::assertions::ASSERTION;
use super::super::response::Upstream;
use super::ASSERTION_FOR;
use crate::check::intake::Request;
use crate::feed::Active;
use core::net::IpAddr;
use portcullis_bundle::Settings;
use std::collections::HashSet;

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

/// What an Envoy says of a request to those behind it. Of another's Envoy nobody knows
/// that it has taken out what its clients say so. Left to it are `x-envoy-internal`, which
/// it sets or removes in every request, and what a mesh says of its own workloads
/// (`x-envoy-peer-metadata`); by what steers it, as timeouts and retries, it goes or does
/// not as its configuration says.
const ENVOYS: [&str; 10] = [
    "x-envoy-attempt-count",
    "x-envoy-auth-partial-body",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-ip-tags",
    "x-envoy-original-dst-host",
    "x-envoy-original-host",
    "x-envoy-original-method",
    "x-envoy-original-path",
];

/// Whose request it is, as an Envoy with `use_remote_address` says; any other lets a
/// client say it.
const EXTERNAL_ADDRESS: &str = "x-envoy-external-address";

/// What a program may show its token in.
const CREDENTIAL: &str = "x-pomerium-authorization";

/// Names with more hyphens have too many spellings to list them all.
const MAX_HYPHENS: usize = 5;

/// What Envoy keeps from a check, whoever said it.
const UNSEEN: &str = "x-envoy-auth-partial-body";

/// Whether no client may say `name`, and an Envoy of another's let it: it is an Envoy's
/// word, or to some upstreams another spelling of what frames the request.
fn is_anothers(name: &str) -> bool {
    let is = |known: &&str| folded_eq(name, known);
    (folded_prefix(name, "x-envoy-") && ENVOYS.iter().any(is))
        || (!is_framing(&name.to_ascii_lowercase()) && FRAMING.iter().any(is))
}

/// Whether this line says an address that is not the request's.
fn is_false_address(name: &str, value: &[u8], request: &Request<'_>) -> bool {
    let said = || {
        let text = core::str::from_utf8(value).ok()?;
        Some(text.parse::<IpAddr>().ok()?.to_canonical())
    };
    folded_eq(name, EXTERNAL_ADDRESS) && (request.source_ip.is_none() || said() != request.source_ip)
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

    /// Whether only we may say `name`, also with another mark for `-`, most of all `_`,
    /// which some upstreams read alike.
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
    let foreign = request.context.is_foreign();
    if foreign {
        upstream.remove.push(UNSEEN.to_owned());
    }
    // A set, since a client may send as many names as a check holds.
    let removed = upstream.remove.iter().map(|name| name.to_ascii_lowercase());
    let mut removed: HashSet<String> = removed.collect();
    for (name, value) in request.headers.all.iter() {
        let is_false = || foreign && (is_anothers(name) || is_false_address(name, value, request));
        if (active.reserved.contains(name) || is_false())
            && !upstream.sets(name)
            && removed.insert(name.to_ascii_lowercase())
        {
            upstream.remove.push(name.to_owned());
        }
    }
    if !request.shows_all {
        for name in unseen(active) {
            if !upstream.sets(&name) && removed.insert(name.clone()) {
                upstream.remove.push(name);
            }
        }
    }
}

/// What somebody may have said in our name or an Envoy's where not every header is shown:
/// each name with every choice of `_` for `-`. Other marks are not guessed.
fn unseen(active: &Active) -> impl Iterator<Item = String> {
    let ours = [ASSERTION, ASSERTION_FOR, CREDENTIAL, EXTERNAL_ADDRESS].into_iter();
    let named = ours
        .chain(ENVOYS)
        .chain(active.reserved.claims().map(|(name, _)| name));
    let framing = FRAMING.into_iter().flat_map(|name| spellings(name).skip(1));
    named.flat_map(spellings).chain(framing)
}

/// A name, and then each other way to write it with some `_` in the place of `-`; of a name
/// with many hyphens only the one with `_` alone.
fn spellings(name: &str) -> impl Iterator<Item = String> {
    let hyphens: Vec<usize> = name.match_indices('-').map(|(at, _)| at).collect();
    let all = 1_u32 << hyphens.len().min(MAX_HYPHENS);
    let choices = 0..if hyphens.len() > MAX_HYPHENS { 1 } else { all };
    let last = (hyphens.len() > MAX_HYPHENS).then(|| name.replace('-', "_"));
    let write = move |choice: u32| {
        let replaced = |at: usize| {
            hyphens
                .iter()
                .position(|hyphen| *hyphen == at)
                .is_some_and(|n| choice >> n & 1 == 1)
        };
        let marks = name.char_indices();
        marks
            .map(|(at, mark)| if replaced(at) { '_' } else { mark })
            .collect()
    };
    choices.map(write).chain(last)
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
    // CGI makes one letter of every mark, of which `_` is the one that most servers take.
    let fold = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => byte.to_ascii_lowercase(),
        false => b'-',
    };
    a.iter().map(fold).eq(b.iter().map(fold))
}
