//! Who began a request, by the browser's own word.

/// Who began a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initiator {
    /// No page: the address bar, a bookmark, another program on the machine.
    Person,
    /// A page of the very origin that is asked.
    Own,
    /// A page of another origin (of a sibling host as well).
    Foreign,
    /// Nobody says: a client that is no browser, or one without Fetch Metadata.
    Unsaid,
}

impl Initiator {
    /// Reads `Sec-Fetch-Site`, which every current browser sends over https and no
    /// page can forge; without it `Origin`, of which `is_own` knows our own; without
    /// both it is no browser's cross-origin request that could change anything (the
    /// rule of Go's `CrossOriginProtection`, which Pomerium uses).
    pub(crate) fn of<'a>(
        mut sites: impl Iterator<Item = &'a [u8]>,
        mut origins: impl Iterator<Item = &'a [u8]>,
        is_own: impl Fn(&[u8]) -> bool,
    ) -> Self {
        match (sites.next(), sites.next()) {
            (Some(b"none"), None) => return Self::Person,
            (Some(b"same-origin"), None) => return Self::Own,
            (Some(_), _) => return Self::Foreign,
            (None, _) => {}
        }
        match (origins.next(), origins.next()) {
            (None, _) => Self::Unsaid,
            (Some(origin), None) if is_own(origin) => Self::Own,
            _ => Self::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_twice_is_foreign() {
        for (sites, origins, wanted) in [
            (&[][..], &[][..], Initiator::Unsaid),
            (&["none"], &[], Initiator::Person),
            (&["none"], &["https://evil.example"], Initiator::Person),
            (&["same-origin"], &[], Initiator::Own),
            (&["same-site"], &["https://own"], Initiator::Foreign),
            (&["None"], &[], Initiator::Foreign),
            (&[""], &[], Initiator::Foreign),
            (&["none", "none"], &[], Initiator::Foreign),
            (&["none,cross-site"], &[], Initiator::Foreign),
            (&[], &["https://own"], Initiator::Own),
            (&[], &["https://own", "https://own"], Initiator::Foreign),
            (&[], &["null"], Initiator::Foreign),
        ] {
            let bytes = |lines: &[&'static str]| lines.iter().map(|line| line.as_bytes()).collect::<Vec<_>>();
            let found = Initiator::of(bytes(sites).into_iter(), bytes(origins).into_iter(), |origin| {
                origin == b"https://own"
            });
            assert_eq!(found, wanted, "{sites:?} {origins:?}");
        }
    }
}
