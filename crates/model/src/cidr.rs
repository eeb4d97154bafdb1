//! A set of networks.

use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of networks. IPv4 addresses mapped into IPv6 (`::ffff:a.b.c.d`) count as IPv4, in the set and
/// in what is asked, so that neither spelling slips past a rule written in the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CidrSet {
    // Sorted, and none inside another: the only network that can hold an address is the last that
    // begins at or before it, so a look-up costs the same for ten networks and for a million.
    nets: Vec<IpNet>,
}

impl CidrSet {
    /// The set of these networks; host bits are dropped, order and repetition do not matter, and a
    /// network inside another adds nothing.
    #[must_use]
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut nets: Vec<IpNet> = nets.into_iter().map(unmapped).collect();
        nets.sort_unstable();
        nets.dedup_by(|next, kept| kept.contains(&*next));
        Self { nets }
    }

    /// Whether some network of the set has this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let after = self.nets.partition_point(|net| net.network() <= address);
        after
            .checked_sub(1)
            .and_then(|last| self.nets.get(last))
            .is_some_and(|net| net.contains(&address))
    }

    /// Whether the set has no network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    /// The networks, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.nets.iter()
    }
}

fn unmapped(net: IpNet) -> IpNet {
    let net = net.trunc();
    if let IpNet::V6(v6) = net
        && let Some(prefix) = v6.prefix_len().checked_sub(96)
        && let Some(address) = v6.addr().to_ipv4_mapped()
        && let Ok(v4) = Ipv4Net::new(address, prefix)
    {
        return IpNet::V4(v4);
    }
    net
}

impl Serialize for CidrSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.nets.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for CidrSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nets = Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| text.parse::<IpNet>().map_err(serde::de::Error::custom))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(nets))
    }
}

#[cfg(test)]
mod tests {
    use super::CidrSet;

    fn set(nets: &[&str]) -> CidrSet {
        CidrSet::new(nets.iter().map(|net| net.parse().unwrap()))
    }

    #[test]
    fn mapped_addresses_are_ipv4_on_both_sides() {
        let private = set(&["10.0.0.0/8", "::ffff:192.168.0.0/112", "2001:db8::/32"]);
        for address in [
            "10.1.2.3",
            "::ffff:10.1.2.3",
            "192.168.7.7",
            "::ffff:192.168.7.7",
            "2001:db8::1",
        ] {
            assert!(private.contains(address.parse().unwrap()), "{address}");
        }
        for address in [
            "11.0.0.1",
            "::ffff:11.0.0.1",
            "::10.1.2.3",
            "192.169.0.1",
            "2001:db9::1",
        ] {
            assert!(!private.contains(address.parse().unwrap()), "{address}");
        }
        assert!(!CidrSet::default().contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn networks_inside_others_and_next_to_others_are_found() {
        let many = set(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "11.0.0.0/32",
            "2001:db8::/32",
            "2001:db8:1::/48",
        ]);
        assert_eq!(many.iter().count(), 3);
        for address in [
            "10.0.0.0",
            "10.1.2.3",
            "10.255.255.255",
            "11.0.0.0",
            "2001:db8:1::5",
            "2001:db8:ffff::",
        ] {
            assert!(many.contains(address.parse().unwrap()), "{address}");
        }
        for address in ["9.255.255.255", "11.0.0.1", "2001:db7::", "2001:db9::", "::"] {
            assert!(!many.contains(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn equal_sets_are_equal_and_survive_json() {
        let one = set(&["10.0.0.1/8", "10.0.0.0/8", "::/0"]);
        assert_eq!(one, set(&["::/0", "10.0.0.0/8"]));
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, "[\"10.0.0.0/8\",\"::/0\"]");
        assert_eq!(serde_json::from_str::<CidrSet>(&json).unwrap(), one);
        assert!(serde_json::from_str::<CidrSet>("[\"10.0.0.0/33\"]").is_err());
    }
}
