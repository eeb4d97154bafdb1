//! Whether a request was made by a page of ours, by the browser's own word.

use http::{HeaderMap, header};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initiator {
    /// Our own page, the address bar, or a client that is no browser.
    Own,
    /// A page of another origin (of a sibling host as well).
    Foreign,
}

/// Reads `Sec-Fetch-Site`, which every current browser sends over https and no
/// page can forge; without it `Origin`; without both it is no browser's
/// cross-origin request that could change anything (the rule of Go's
/// `CrossOriginProtection`, which Pomerium uses).
pub(super) fn initiator(headers: &HeaderMap, own_origin: &str) -> Initiator {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if let Some(site) = sites.next() {
        let one = sites.next().is_none();
        let own = one && matches!(site.as_bytes(), b"same-origin" | b"none");
        return if own { Initiator::Own } else { Initiator::Foreign };
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Initiator::Own,
        (Some(origin), None) if origin.as_bytes().eq_ignore_ascii_case(own_origin.as_bytes()) => {
            Initiator::Own
        }
        _ => Initiator::Foreign,
    }
}
