//! The hosts that a login may return to.

use portcullis_model::{Host, HostPattern};
use std::collections::{BTreeSet, HashSet};

/// Hosts and external ports of the routes and of the authenticate service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedirectHosts {
    exact: HashSet<(Host, u16)>,
    // Few in any configuration, and looked at in the order of their text.
    patterns: BTreeSet<(HostPattern, u16)>,
}

impl RedirectHosts {
    /// Adds a host, or all that fit a pattern, with their external port.
    pub fn insert(&mut self, host: HostPattern, port: u16) {
        match host {
            HostPattern::Exact(host) => {
                self.exact.insert((host, port));
            }
            pattern @ HostPattern::Wildcard(_) => {
                self.patterns.insert((pattern, port));
            }
        }
    }

    /// Whether a login may return to this place.
    ///
    /// A pattern that does not end in a domain (`*`, `app.*`, `*example.com`) fits hosts that anybody can
    /// register, and whoever owns the host gets what the login hands over: it lets nothing in here.
    #[must_use]
    pub fn contains(&self, host: &Host, port: u16) -> bool {
        self.exact.contains(&(host.clone(), port))
            || self
                .patterns
                .iter()
                .any(|(pattern, at)| *at == port && pattern.ends_in_a_domain() && pattern.matches(host))
    }

    /// The external port of a host that a route is for: `preferred` if that is one of them, else the
    /// lowest; `None` for a host that no route is for.
    #[must_use]
    pub fn port(&self, host: &Host, preferred: u16) -> Option<u16> {
        let exact = self.exact.iter().filter(|(known, _)| known == host);
        let fitting = self.patterns.iter().filter(|(pattern, _)| pattern.matches(host));
        let ports = exact.map(|(_, port)| *port).chain(fitting.map(|(_, port)| *port));
        // `preferred` sorts before every other.
        ports.min_by_key(|port| (*port != preferred, *port))
    }

    /// Every host, or pattern, with its port, in an order that depends on the content alone.
    #[must_use]
    pub fn entries(&self) -> Vec<(HostPattern, u16)> {
        let exact = self.exact.iter().map(|(host, port)| (host.clone().into(), *port));
        let mut entries: Vec<_> = exact.chain(self.patterns.iter().cloned()).collect();
        entries.sort_unstable();
        entries
    }
}

impl FromIterator<(HostPattern, u16)> for RedirectHosts {
    fn from_iter<I: IntoIterator<Item = (HostPattern, u16)>>(entries: I) -> Self {
        let mut hosts = Self::default();
        for (host, port) in entries {
            hosts.insert(host, port);
        }
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[(&str, u16)]) -> RedirectHosts {
        let parsed = |(host, port): &(&str, u16)| (HostPattern::parse(host).unwrap(), *port);
        entries.iter().map(parsed).collect()
    }

    fn lets_in(hosts: &RedirectHosts, host: &str, port: u16) -> bool {
        hosts.contains(&Host::parse(host).unwrap(), port)
    }

    #[test]
    fn hosts_and_patterns_let_in_their_own() {
        let hosts = hosts(&[("a.test", 443), ("*.example.com", 8443), ("x-*.b.test", 443)]);
        for (host, port) in [
            ("a.test", 443),
            ("a.example.com", 8443),
            ("a.b.example.com", 8443),
            ("x-0.b.test", 443),
            ("x-1.b.test", 443),
        ] {
            assert!(lets_in(&hosts, host, port), "{host}:{port}");
        }
        for (host, port) in [
            ("a.test", 8443),
            ("b.a.test", 443),
            ("a.example.com", 443),
            ("example.com", 8443),
            ("evilexample.com", 8443),
            ("a.example.com.evil.test", 8443),
            ("x.b.test", 443),
        ] {
            assert!(!lets_in(&hosts, host, port), "{host}:{port}");
        }
    }

    #[test]
    fn a_pattern_that_anybody_can_fit_lets_nobody_in() {
        for pattern in ["*", "a.*", "*.example.*", "*example.com", "*-x.com"] {
            let hosts = hosts(&[(pattern, 443)]);
            for host in [
                "evil.test",
                "a.test",
                "b.example.test",
                "evilexample.com",
                "a-x.com",
            ] {
                assert!(!lets_in(&hosts, host, 443), "{pattern} lets in {host}");
            }
        }
        let all = hosts(&[("*", 8443)]);
        let evil = Host::parse("evil.test").unwrap();
        assert_eq!(
            all.port(&evil, 443),
            Some(8443),
            "it is a host of a route all the same"
        );
    }

    #[test]
    fn a_host_has_the_port_that_was_asked_for_or_its_lowest() {
        let hosts = hosts(&[("a.test", 9443), ("*.test", 8443), ("a.test", 443)]);
        let a = Host::parse("a.test").unwrap();
        for (asked, port) in [(9443, 9443), (8443, 8443), (443, 443), (1, 443)] {
            assert_eq!(hosts.port(&a, asked), Some(port));
        }
        assert_eq!(hosts.port(&Host::parse("b.test").unwrap(), 443), Some(8443));
        assert_eq!(hosts.port(&Host::parse("b.other").unwrap(), 443), None);
        let entries = hosts.entries();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries.iter().cloned().collect::<RedirectHosts>(), hosts);
    }
}
