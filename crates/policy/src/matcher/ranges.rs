//! Address ranges of which one suffices, each with the place that names it.

use core::net::IpAddr;

use ipnet::IpNet;

use crate::program::NodePath;

/// Ranges found by bisection. Where several hold an address, the first place
/// counts.
#[derive(Clone, Debug)]
pub(crate) struct RangeChoice {
    v4: Pieces,
    v6: Pieces,
}

/// Where each piece of the address space begins, sorted, and the first place
/// whose ranges hold the whole piece.
type Pieces = Box<[(u128, Option<NodePath>)]>;

impl RangeChoice {
    /// The ranges have been unmapped: those of IPv4 are written as such.
    pub(crate) fn new(ranges: impl IntoIterator<Item = (IpNet, NodePath)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (net, at) in ranges {
            let range = (bits(net.network()), bits(net.broadcast()), at);
            match net {
                IpNet::V4(_) => v4.push(range),
                IpNet::V6(_) => v6.push(range),
            }
        }
        Self {
            v4: pieces(v4),
            v6: pieces(v6),
        }
    }

    /// The first place whose ranges hold the address. IPv4 addresses mapped into
    /// IPv6 count as IPv4.
    pub(crate) fn find(&self, address: IpAddr) -> Option<&NodePath> {
        let address = address.to_canonical();
        let pieces = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let after = pieces.partition_point(|(start, _)| *start <= bits(address));
        pieces.get(after.checked_sub(1)?)?.1.as_ref()
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Two ranges in CIDR notation are nested or apart, so those that hold the
/// address of the moment form a stack; each entry knows the first place of all
/// beneath it.
fn pieces(mut ranges: Vec<(u128, u128, NodePath)>) -> Pieces {
    ranges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    let mut found: Vec<(u128, Option<NodePath>)> = Vec::new();
    let mut open: Vec<(u128, NodePath)> = Vec::new();
    for (start, last, at) in ranges {
        close(&mut open, &mut found, Some(start));
        let first = open.last().map_or(at, |(_, outer)| at.min(*outer));
        open.push((last, first));
        begin(&mut found, start, Some(first));
    }
    close(&mut open, &mut found, None);
    found.into_boxed_slice()
}

/// Ends the ranges that end before `start`, or all of them.
fn close(open: &mut Vec<(u128, NodePath)>, found: &mut Vec<(u128, Option<NodePath>)>, start: Option<u128>) {
    while let Some((last, _)) = open.pop_if(|(last, _)| start.is_none_or(|start| *last < start)) {
        // After the last address of all there is nothing to begin.
        if let Some(next) = last.checked_add(1) {
            begin(found, next, open.last().map(|(_, at)| *at));
        }
    }
}

fn begin(found: &mut Vec<(u128, Option<NodePath>)>, start: u128, at: Option<NodePath>) {
    match found.last_mut() {
        Some(last) if last.0 == start => last.1 = at,
        Some(last) if last.1 == at => {}
        _ => found.push((start, at)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ast::{Action, Operator};

    fn place(criterion: u32) -> NodePath {
        NodePath {
            action: Action::Allow,
            rule: 0,
            operator: Operator::Or,
            criterion: Some(criterion),
        }
    }

    proptest! {
        /// Bisection finds what looking at each range finds.
        #[test]
        fn the_first_place_that_holds_the_address(
            nets in prop::collection::vec((any::<bool>(), 0_u8..8, 0_u8..4, 0_u8..9), 0..12),
            asked in prop::collection::vec((any::<bool>(), 0_u8..8, 0_u8..4), 1..12),
        ) {
            // Few bits, at either end of the address space, so that ranges meet.
            let address = |v4: bool, high: u8, low: u8| -> IpAddr {
                if v4 { [high << 5, 0, 0, low].into() } else { [u16::from(high) << 13, 0, 0, 0, 0, 0, 0, low.into()].into() }
            };
            let nets: Vec<_> = nets
                .into_iter()
                .zip(0_u32..)
                .map(|((v4, high, low, length), at)| {
                    let full = if v4 { 32 } else { 128 };
                    let length = if length > 4 { full - (length - 5) } else { length };
                    (IpNet::new(address(v4, high, low), length).unwrap().trunc(), place((at * 7) % 5))
                })
                .collect();
            let choice = RangeChoice::new(nets.iter().copied());
            for (v4, high, low) in asked {
                let address = address(v4, high, low);
                let naive = nets.iter().filter(|(net, _)| net.contains(&address)).map(|(_, at)| at).min();
                prop_assert_eq!(choice.find(address), naive, "{} {:?}", address, nets);
            }
        }
    }

    #[test]
    fn the_whole_address_space_and_mapped_addresses() {
        let all = RangeChoice::new([
            ("0.0.0.0/0".parse().unwrap(), place(1)),
            ("::/0".parse().unwrap(), place(2)),
        ]);
        for (address, at) in [
            ("255.255.255.255", 1),
            ("::ffff:1.2.3.4", 1),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2),
            ("::", 2),
        ] {
            assert_eq!(all.find(address.parse().unwrap()), Some(&place(at)), "{address}");
        }
        assert_eq!(RangeChoice::new([]).find("::1".parse().unwrap()), None);
    }
}
