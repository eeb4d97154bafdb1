use aws_lc_rs::{hkdf, rand};

use super::*;

const ALL: [Purpose; 7] = [
    Purpose::Session,
    Purpose::State,
    Purpose::Callback,
    Purpose::Csrf,
    Purpose::Binding,
    Purpose::Pkce,
    Purpose::Nonce,
];

fn ring() -> KeyRing {
    KeyRing::new(&[1; 32].into(), &[2; 32].into())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_sealed_opens() {
    let ring = ring();
    for length in [0, 1, 15, 16, 17, 100, 1000, 8000] {
        let mut plain = vec![0; length];
        rand::fill(&mut plain).unwrap();
        for purpose in ALL {
            let text = ring
                .seal(purpose, &["_pomerium", "a.example.com"], random(), &plain)
                .unwrap();
            assert!(
                text.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            );
            let opened = ring.open(purpose, &["_pomerium", "a.example.com"], &text);
            assert_eq!(opened.as_deref(), Ok(plain.as_slice()));
        }
    }
}

#[test]
fn sealing_is_deterministic_and_frozen() {
    // A change here signs everybody out at the next upgrade: never by accident.
    let text = ring()
        .seal(
            Purpose::Session,
            &["_pomerium", "a.example.com"],
            [7; 12],
            b"hello",
        )
        .unwrap();
    assert_eq!(
        ring()
            .open(Purpose::Session, &["_pomerium", "a.example.com"], &text)
            .unwrap(),
        b"hello"
    );
    assert_eq!(
        text,
        ring()
            .seal(
                Purpose::Session,
                &["_pomerium", "a.example.com"],
                [7; 12],
                b"hello"
            )
            .unwrap()
    );
    assert_eq!(text, FROZEN);
}

pub(super) const FROZEN: &str = "MwcHBwcHBwcHBwcHBytfqWJsoAS4TWn5ddaj8a0Idms3Ig";

#[test]
fn no_changed_bit_opens() {
    let ring = ring();
    let text = ring
        .seal(Purpose::Session, &["c", "h"], random(), b"0123456789abcdef")
        .unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(
            ring.open(Purpose::Session, &["c", "h"], &changed),
            Err(OpenError),
            "bit {bit}"
        );
    }
    // And in the text itself, bits that the encoding does not use included.
    for at in 0..text.len() {
        for bit in 0..7 {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                ring.open(Purpose::Session, &["c", "h"], &changed),
                Err(OpenError),
                "{at}.{bit}"
            );
        }
    }
}

#[test]
fn no_truncation_extension_or_other_spelling_opens() {
    let ring = ring();
    for length in 0..5 {
        let text = ring
            .seal(Purpose::Session, &["c", "h"], random(), &vec![b'x'; length])
            .unwrap();
        let open = |text: &str| ring.open(Purpose::Session, &["c", "h"], text);
        for end in 0..text.len() {
            assert_eq!(open(&text[..end]), Err(OpenError), "cut at {end}");
            assert_eq!(
                open(&text[text.len() - end..]),
                Err(OpenError),
                "cut to the last {end}"
            );
        }
        for more in [
            "A",
            "AA",
            "AAA",
            "AAAA",
            "=",
            "==",
            " ",
            "\n",
            "%3D",
            text.as_str(),
        ] {
            assert_eq!(
                open(&format!("{text}{more}")),
                Err(OpenError),
                "followed by {more:?}"
            );
            assert_eq!(open(&format!("{more}{text}")), Err(OpenError), "after {more:?}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let padded = base64::engine::general_purpose::URL_SAFE.encode(&bytes);
        assert_eq!(open(&padded).is_ok(), padded == text);
        let plain = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes);
        assert_eq!(open(&plain).is_ok(), plain == text);
    }
    assert_eq!(
        ring.open(Purpose::Session, &[], &"A".repeat(10_000_000)),
        Err(OpenError)
    );
}

#[test]
fn names_purposes_and_keys_do_not_mix() {
    let ring = ring();
    let names: [&[&str]; 9] = [
        &["c", "h"],
        &["c"],
        &["ch"],
        &["c", "h", ""],
        &["", "ch"],
        &["h", "c"],
        &["C", "h"],
        &["c", "h."],
        &[],
    ];
    for purpose in ALL {
        for sealed_for in names {
            let text = ring.seal(purpose, sealed_for, random(), b"x").unwrap();
            for opened_for in names {
                assert_eq!(
                    ring.open(purpose, opened_for, &text).is_ok(),
                    opened_for == sealed_for
                );
            }
            for other in ALL {
                assert_eq!(ring.open(other, sealed_for, &text).is_ok(), other == purpose);
            }
        }
        let text = ring.seal(purpose, &["c"], random(), b"x").unwrap();
        // Also where the key ids happen to be the same: 256 keys, one byte.
        for number in (0..=255).filter(|number| *number != 1 && *number != 2) {
            let other = KeyRing::new(&[number; 32].into(), &[number; 32].into());
            assert_eq!(
                other.open(purpose, &["c"], &text),
                Err(OpenError),
                "{purpose:?} {number}"
            );
        }
        // Only what crosses over to the routes depends on the shared secret.
        let other_cookie = KeyRing::new(&[9; 32].into(), &[2; 32].into()).open(purpose, &["c"], &text);
        let other_shared = KeyRing::new(&[1; 32].into(), &[9; 32].into()).open(purpose, &["c"], &text);
        let by_shared = purpose == Purpose::Callback;
        assert_eq!(
            (other_cookie.is_ok(), other_shared.is_ok()),
            (by_shared, !by_shared)
        );
    }
}

#[test]
fn subkeys_are_hkdf_and_all_different() {
    let root = Root::new(&[9; 32]);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis/v1").extract(&[9; 32]);
    let mut expected = [0; 32];
    prk.expand(&[b"seal/", b"state"], hkdf::HKDF_SHA256)
        .unwrap()
        .fill(&mut expected)
        .unwrap();
    assert_eq!(*root.expand(&[b"seal/", b"state"]), expected);

    let macs: std::collections::BTreeSet<_> = ALL.iter().map(|p| ring().mac(*p, &[b"x"])).collect();
    assert_eq!(macs.len(), ALL.len());
}

#[test]
fn macs_know_where_a_part_ends() {
    let ring = ring();
    let mac = |parts: &[&[u8]]| ring.mac(Purpose::Csrf, parts);
    assert_eq!(mac(&[b"a", b"b"]), mac(&[b"a", b"b"]));
    assert_ne!(mac(&[b"a", b"b"]), mac(&[b"ab"]));
    assert_ne!(mac(&[b"a", b"b"]), mac(&[b"", b"ab"]));
    assert_ne!(mac(&[b"a", b"b"]), mac(&[b"b", b"a"]));
    assert_ne!(mac(&[]), mac(&[b""]));
}

#[test]
fn too_much_is_refused_and_nothing_is_shown() {
    let refused = ring().seal(Purpose::State, &[], [0; 12], &vec![0; MAX_SEALED]);
    assert_eq!(refused, Err(SealError::TooLarge));
    let shown = format!("{:?}", ring());
    assert_eq!(shown, "KeyRing { .. }");
}
