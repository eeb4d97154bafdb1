//! How often a browser was sent on with a session to one place within a minute.
//!
//! Whoever comes back to the login again and again has a browser that does not
//! keep the session's cookie, or an application that takes it away; without a
//! count the redirects would go round for ever. The count travels in the cookie
//! that the browser evidently keeps, with a MAC: nothing is stored for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq as _;

use super::base;
use crate::{KeyRing, Purpose};

/// How long turns are counted together.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// The turn that is not taken any more, of a browser that came back without the
/// session that it had got.
pub const MAX_LOST: u8 = 3;
/// The turn that is not taken any more, whatever the browser came with: far more
/// than there are tabs of one page.
pub const MAX_TURNS: u8 = 60;

const TAG_LEN: usize = 8;
/// Second of the first turn, place, lost turns, all turns.
const COUNT_LEN: usize = 4 + 8 + 1 + 1;

/// What becomes of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may be taken; the cookie's new value.
    Onward(String),
    /// The browser goes round in circles.
    Circle,
}

#[derive(Clone, Copy)]
struct Count {
    first: u32,
    place: [u8; 8],
    lost: u8,
    all: u8,
}

/// Counts one more turn of the browser whose cookie on `host` is `cookie`, to
/// `place` (a URL). `lost` says that it came without a session. `purpose` is that
/// of the cookie, which has been verified or is for a browser that has none.
#[must_use]
pub fn turn(
    ring: &KeyRing,
    purpose: Purpose,
    host: &str,
    cookie: &str,
    place: &str,
    lost: bool,
    now: Timestamp,
) -> Turn {
    let mark = ring.mac(purpose, &[b"place", host.as_bytes(), place.as_bytes()]);
    let place = mark.first_chunk::<8>().copied().unwrap_or_default();
    let second = u32::try_from(now.as_second()).unwrap_or_default();
    let before = read(ring, purpose, host, cookie).filter(|count| {
        let age = i64::from(second) - i64::from(count.first);
        count.place == place && (0..WINDOW.as_secs()).contains(&age)
    });
    let Count {
        first,
        lost: turns_lost,
        all,
        ..
    } = before.unwrap_or(Count {
        first: second,
        place,
        lost: 0,
        all: 0,
    });
    let count = Count {
        first,
        place,
        lost: turns_lost.saturating_add(u8::from(lost)),
        all: all.saturating_add(1),
    };
    if count.lost >= MAX_LOST || count.all >= MAX_TURNS {
        return Turn::Circle;
    }
    Turn::Onward(written(ring, purpose, host, cookie, &count))
}

fn written(ring: &KeyRing, purpose: Purpose, host: &str, cookie: &str, count: &Count) -> String {
    let value = base(cookie);
    let mut bytes = Vec::with_capacity(COUNT_LEN + TAG_LEN);
    bytes.extend(count.first.to_be_bytes());
    bytes.extend(count.place);
    bytes.extend([count.lost, count.all]);
    let tag = ring.mac(purpose, &[b"turns", host.as_bytes(), value.as_bytes(), &bytes]);
    bytes.extend(tag.iter().take(TAG_LEN));
    format!("{value}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn read(ring: &KeyRing, purpose: Purpose, host: &str, cookie: &str) -> Option<Count> {
    let (value, text) = cookie.split_once('.')?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (content, tag) = bytes.split_first_chunk::<COUNT_LEN>()?;
    let parts = [b"turns".as_slice(), host.as_bytes(), value.as_bytes(), content];
    let good = tag.len() == TAG_LEN
        && ring.macs(purpose, &parts).any(|mac| {
            let mac = mac.first_chunk::<TAG_LEN>();
            mac.is_some_and(|mac| bool::from(mac.as_slice().ct_eq(tag)))
        });
    let [a, b, c, d, place @ .., lost, all] = *content;
    good.then_some(Count {
        first: u32::from_be_bytes([a, b, c, d]),
        place,
        lost,
        all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::{born, fingerprint, issue, matches, seed, verify};

    const HOST: &str = "a.example.com";
    const PLACE: &str = "https://a.example.com/";

    fn ring() -> KeyRing {
        KeyRing::new(&[1; 32].into(), &[2; 32].into())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn cookie() -> String {
        issue(&ring(), Purpose::Binding, HOST, seed(at(0), [7; 28]))
    }

    fn go(cookie: &str, place: &str, lost: bool, second: i64) -> Turn {
        turn(&ring(), Purpose::Binding, HOST, cookie, place, lost, at(second))
    }

    #[track_caller]
    fn onward(turn: Turn) -> String {
        match turn {
            Turn::Onward(cookie) => cookie,
            Turn::Circle => panic!("a circle"),
        }
    }

    #[test]
    fn the_third_lost_turn_within_a_minute_is_a_circle() {
        let one = onward(go(&cookie(), PLACE, true, 0));
        let two = onward(go(&one, PLACE, true, 20));
        assert_eq!(go(&two, PLACE, true, 59), Turn::Circle);
        // Another place, a minute later, or with the session: no circle.
        onward(go(&two, "https://a.example.com/b", true, 59));
        onward(go(&two, PLACE, true, 60));
        onward(go(&two, PLACE, false, 59));
        // A clock that went back does not count for ever.
        onward(go(&two, PLACE, true, -1));
    }

    #[test]
    fn many_tabs_are_no_circle_but_endless_ones_are() {
        let mut value = cookie();
        for _ in 1..MAX_TURNS {
            value = onward(go(&value, PLACE, false, 1));
            assert!(value.len() < 100, "{value}");
        }
        assert_eq!(go(&value, PLACE, false, 1), Turn::Circle);
    }

    #[test]
    fn the_count_is_no_part_of_what_a_login_is_tied_to() {
        let plain = cookie();
        let counted = onward(go(&plain, PLACE, true, 0));
        assert_eq!(verify(&ring(), Purpose::Binding, HOST, &counted), Ok(()));
        let print = fingerprint(&ring(), Purpose::Binding, HOST, &plain);
        assert_eq!(fingerprint(&ring(), Purpose::Binding, HOST, &counted), print);
        assert!(matches(&ring(), Purpose::Binding, HOST, &counted, &print));
        assert_eq!(born(&counted), Some(at(0)));
        assert_eq!(born("garbage"), None);
        assert_eq!(born(""), None);
    }

    #[test]
    fn a_count_that_we_did_not_write_is_none() {
        let one = onward(go(&cookie(), PLACE, true, 0));
        let two = onward(go(&one, PLACE, true, 0));
        let start = cookie().len() + 1;
        for at in start..two.len() {
            let mut changed = two.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character has bits that say nothing; the decoder refuses them.
            onward(go(&changed, PLACE, true, 0));
            onward(go(&two[..at], PLACE, true, 0));
        }
        // Of another cookie.
        let other = issue(&ring(), Purpose::Binding, HOST, seed(at(0), [8; 28]));
        onward(go(&format!("{other}{}", &two[start - 1..]), PLACE, true, 0));
        assert_eq!(go(&two, PLACE, true, 0), Turn::Circle);
    }
}
