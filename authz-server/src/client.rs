//! The address of a client, where proxies may stand before Envoy.

use core::net::IpAddr;

/// Beside a request for a page that a check asks for: the address that the check goes by.
#[derive(Clone, Copy)]
pub(crate) struct OfCheck(pub(crate) Option<IpAddr>);

/// The header in which each proxy says whom it speaks for.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that a policy goes by. `peer` opened the connection to Envoy, which puts
/// that address last (`use_remote_address`); `lines` are the values of the header.
///
/// With `hops` proxies before Envoy the client is whoever the first of them took the
/// request from: each puts whom it speaks for behind what it was told, and what stands
/// before all of these is the client's own word. `None` where the header does not say so
/// many addresses: the request did not come through the proxies. A policy that asks for
/// an address then counts against the request.
///
/// An Envoy that is another's (`foreign`) may keep no such header, and one word of it
/// more would then be the client's: the last must be the peer. It never is where the
/// proxy is on Envoy's own machine, for which Envoy writes an address of that machine.
pub(crate) fn address<'a>(
    hops: u32,
    peer: Option<IpAddr>,
    foreign: bool,
    lines: impl Iterator<Item = &'a [u8]>,
) -> Option<IpAddr> {
    if hops == 0 {
        return peer;
    }
    let (last, client) = last_and_client(hops, lines)?;
    (!foreign || Some(last) == peer).then_some(client)
}

/// The same where Envoy is ours and the connection is its own: its word is the last.
pub(crate) fn told_by_envoy<'a>(hops: u32, lines: impl Iterator<Item = &'a [u8]>) -> Option<IpAddr> {
    last_and_client(hops, lines).map(|(_, client)| client)
}

fn last_and_client<'a>(hops: u32, lines: impl Iterator<Item = &'a [u8]>) -> Option<(IpAddr, IpAddr)> {
    let words: Vec<&[u8]> = lines.flat_map(|line| line.split(|byte| *byte == b',')).collect();
    let mut from_the_end = words.into_iter().rev();
    let last = ip(from_the_end.next()?)?;
    match usize::try_from(hops).ok()?.checked_sub(1) {
        None => Some((last, last)),
        Some(between) => Some((last, ip(from_the_end.nth(between)?)?)),
    }
}

/// A policy names an address in one form.
fn ip(word: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(word).ok()?;
    text.trim_matches([' ', '\t'])
        .parse()
        .ok()
        .map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";

    fn seen(hops: u32, lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| line.as_bytes());
        let seen = address(hops, PEER.parse().ok(), true, lines.clone());
        // Behind our own Envoy whatever the last says is Envoy's.
        let ours = address(hops, None, false, lines);
        assert!(hops == 0 || seen.is_none() || seen == ours);
        seen.map(|ip| ip.to_string())
    }

    #[test]
    fn nobody_before_envoy_is_believed_unless_it_is_configured() {
        for lines in [&[][..], &["192.0.2.7"], &["192.0.2.7, 10.0.0.1"], &["nonsense"]] {
            assert_eq!(seen(0, lines).as_deref(), Some(PEER), "{lines:?}");
        }
    }

    #[test]
    fn the_first_trusted_proxy_says_who_the_client_is() {
        for (hops, lines, client) in [
            (1, &["192.0.2.7, 10.0.0.1"][..], "192.0.2.7"),
            (1, &["6.6.6.6, 192.0.2.7,10.0.0.1"], "192.0.2.7"),
            (1, &["6.6.6.6", " 192.0.2.7 ,\t10.0.0.1 "], "192.0.2.7"),
            (1, &["nonsense,,::ffff:192.0.2.7,::ffff:10.0.0.1"], "192.0.2.7"),
            (1, &["2001:db8::7,10.0.0.1"], "2001:db8::7"),
            (2, &["6.6.6.6,192.0.2.7,10.0.0.2,10.0.0.1"], "192.0.2.7"),
            // What a proxy in between says of itself is not looked at.
            (2, &["192.0.2.7,unknown,10.0.0.1"], "192.0.2.7"),
        ] {
            assert_eq!(seen(hops, lines).as_deref(), Some(client), "{hops} {lines:?}");
        }
    }

    #[test]
    fn a_request_that_did_not_come_through_the_proxies_has_no_address() {
        for (hops, lines) in [
            (1, &[][..]),
            (1, &["10.0.0.1"]),
            (1, &["nonsense,10.0.0.1"]),
            (1, &["192.0.2.7:443,10.0.0.1"]),
            (1, &["192.0.2.7,\u{fffd}"]),
            // An Envoy that does not say who spoke to it.
            (1, &["192.0.2.7"]),
            (1, &["192.0.2.7, 192.0.2.8"]),
            (2, &["192.0.2.7,10.0.0.1"]),
            (u32::MAX, &["192.0.2.7,10.0.0.1"]),
        ] {
            assert_eq!(seen(hops, lines), None, "{hops} {lines:?}");
        }
        assert_eq!(
            address(1, None, true, [&b"192.0.2.7,10.0.0.1"[..]].into_iter()),
            None
        );
    }

    #[test]
    fn our_own_envoy_is_believed_without_a_peer() {
        let told = |hops, line: &str| told_by_envoy(hops, [line.as_bytes()].into_iter());
        assert_eq!(told(0, "6.6.6.6, ::ffff:192.0.2.7"), "192.0.2.7".parse().ok());
        assert_eq!(told(1, "192.0.2.7, 10.0.0.1"), "192.0.2.7".parse().ok());
        assert_eq!(told(0, "nonsense"), None);
        assert_eq!(told(1, "192.0.2.7"), None);
    }
}
