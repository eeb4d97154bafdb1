//! The keys and certificates in `tests/keys.txt` were made by OpenSSH's
//! `ssh-keygen`; certificates are for `alice`, valid from 2025 to 2045, unless
//! their names say otherwise.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use jiff::Timestamp;
use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;

use super::*;
use crate::parse::Problems;

const KEYS: &str = include_str!("tests/keys.txt");

/// The line of the form of `authorized_keys` under a name.
fn listed(name: &str) -> &'static str {
    KEYS.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no key {name}"))
}

fn key(name: &str) -> PresentedKey {
    PresentedKey::from_authorized_key(listed(name)).unwrap()
}

fn read(yaml: &str) -> Result<KeySet, Vec<String>> {
    let node = parse_yaml(yaml, &Limits::default()).unwrap().unwrap();
    let mut problems = Problems::default();
    KeySet::parse(&node, &mut problems).ok_or_else(|| {
        let found = problems.into_errors();
        found
            .iter()
            .map(|error| format!("{} {}: {error}", error.span, error.code))
            .collect()
    })
}

fn set(names: &[&str]) -> KeySet {
    let lines: Vec<_> = names.iter().map(|name| listed(name)).collect();
    read(&serde_json::to_string(&lines).unwrap()).unwrap()
}

fn now() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().unwrap()
}

#[test]
fn a_certificate_of_every_kind_of_authority() {
    let authorities = [
        "ca-ed25519",
        "ca-p256",
        "ca-p384",
        "ca-p521",
        "ca-rsa",
        "ca-rsa-small",
    ];
    for (certificate, authority) in [
        ("by-ed25519", "ca-ed25519"),
        ("by-p256", "ca-p256"),
        ("by-p384", "ca-p384"),
        ("by-p521", "ca-p521"),
        ("by-rsa-256", "ca-rsa"),
        ("by-rsa-512", "ca-rsa"),
        ("over-user-rsa", "ca-ed25519"),
        ("over-user-p256", "ca-ed25519"),
        ("over-user-p384", "ca-ed25519"),
        ("over-user-p521", "ca-ed25519"),
        ("any-name", "ca-ed25519"),
        ("source-address", "ca-ed25519"),
        ("forever", "ca-ed25519"),
        // Never: a host, a critical option, SHA-1, a modulus that is too short.
        ("host", ""),
        ("force-command", ""),
        ("verify-required", ""),
        ("by-rsa-sha1", ""),
        ("by-rsa-small", ""),
        // No certificate.
        ("user", ""),
        ("ca-ed25519", ""),
    ] {
        let key = key(certificate);
        for listed in authorities {
            assert_eq!(
                set(&[listed]).certified(&key, "alice", now()),
                listed == authority,
                "{certificate} by {listed}"
            );
        }
        assert_eq!(
            set(&authorities).certified(&key, "alice", now()),
            !authority.is_empty()
        );
        assert_eq!(
            key.uncertified().is_none(),
            !authority.is_empty(),
            "{certificate}"
        );
        assert!(!set(&[]).certified(&key, "alice", now()));
    }
}

#[test]
fn names_and_validity() {
    let cas = set(&["ca-ed25519"]);
    for (certificate, username, wanted) in [
        ("by-ed25519", "alice", true),
        ("by-ed25519", "Alice", false),
        ("by-ed25519", "alic", false),
        ("by-ed25519", "", false),
        ("over-user-rsa", "root", true),
        ("over-user-rsa", "bob", false),
        ("any-name", "whoever", true),
        ("any-name", "", true),
    ] {
        assert_eq!(
            cas.certified(&key(certificate), username, now()),
            wanted,
            "{certificate} {username}"
        );
    }
    for (certificate, time, wanted) in [
        ("by-ed25519", "2024-12-31T23:59:59.999999999Z", false),
        ("by-ed25519", "2025-01-01T00:00:00Z", true),
        ("by-ed25519", "2044-12-31T23:59:59.999999999Z", true),
        ("by-ed25519", "2045-01-01T00:00:00Z", false),
        ("by-ed25519", "1969-12-31T23:59:59Z", false),
        ("forever", "1970-01-01T00:00:00Z", true),
        ("forever", "9999-01-01T00:00:00Z", true),
        ("forever", "1969-12-31T23:59:59Z", false),
    ] {
        assert_eq!(
            cas.certified(&key(certificate), "alice", time.parse().unwrap()),
            wanted,
            "{certificate} {time}"
        );
    }
}

#[test]
fn a_listed_key_is_the_same_bytes() {
    for name in [
        "user",
        "user-rsa",
        "user-p256",
        "user-p384",
        "user-p521",
        "by-ed25519",
    ] {
        assert!(set(&["ca-p256", name]).has_key(&key(name)), "{name}");
    }
    let users = set(&["user"]);
    assert!(
        !users.has_key(&key("by-ed25519")),
        "a certificate over it is another"
    );
    assert!(!users.has_key(&key("user-p256")));
    assert!(!set(&[]).has_key(&key("user")));
    assert_eq!(
        key("user").to_string(),
        "SHA256:AWvipYNOgYWoUPaCtbrMqF0TBkinjDL3NNw3kUScuVo"
    );
    assert_eq!(PresentedKey::from_wire(key("user").blob()), Ok(key("user")));
}

#[test]
fn every_flipped_bit_breaks_a_certificate() {
    let cas = set(&["ca-ed25519", "ca-p256"]);
    for name in ["by-ed25519", "by-p256"] {
        let blob = key(name).blob().to_vec();
        for at in 0..blob.len() {
            let mut bent = blob.clone();
            bent[at] ^= 1 << (at % 8);
            let certified =
                PresentedKey::from_wire(&bent).is_ok_and(|key| cas.certified(&key, "alice", now()));
            assert!(!certified, "{name} byte {at}");
            assert!(
                PresentedKey::from_wire(&blob[..at]).is_err(),
                "{name} cut at {at}"
            );
        }
        let longer = [&blob[..], &[0]].concat();
        assert!(PresentedKey::from_wire(&longer).is_err());
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let zero: &[u8] = if bytes[start] >= 0x80 { &[0] } else { &[] };
    string(&[zero, &bytes[start..]].concat())
}

/// A certificate for a key that stands in `ca`'s place too, of which `sign`
/// makes the signature.
fn certificate(ca: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> PresentedKey {
    let inner = key("user");
    let fields = inner.blob()[4 + "ssh-ed25519".len()..].to_vec();
    let mut blob = [
        string(b"ssh-ed25519-cert-v01@openssh.com"),
        string(b"nonce"),
        fields,
        vec![0; 8],
        1_u32.to_be_bytes().to_vec(),
        string(b"id"),
        string(&string(b"alice")),
        vec![0; 8],
        vec![0xff; 8],
        string(b""),
        string(b""),
        string(b""),
        string(ca),
    ]
    .concat();
    let signature = sign(&blob);
    blob.extend(string(&signature));
    PresentedKey::from_wire(&blob).unwrap()
}

/// What a security key signs.
fn wrapped(message: &[u8], flags: u8) -> Vec<u8> {
    let hash = |bytes| {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
            .as_ref()
            .to_vec()
    };
    [hash(b"ssh:"), vec![flags, 0, 0, 0, 9], hash(message)].concat()
}

#[test]
fn authorities_in_security_keys() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let name = b"sk-ssh-ed25519@openssh.com";
    let ca = [string(name), string(pair.public_key().as_ref()), string(b"ssh:")].concat();
    let signed = |flags: u8, algorithm: &[u8]| {
        certificate(&ca, |message| {
            let signature = pair.sign(&wrapped(message, flags));
            [
                string(algorithm),
                string(signature.as_ref()),
                vec![flags, 0, 0, 0, 9],
            ]
            .concat()
        })
    };
    let set = read(&format!("'{}'", line(&ca))).unwrap();
    assert!(set.certified(&signed(1, name), "alice", now()));
    assert!(set.certified(&signed(5, name), "alice", now()));
    assert!(
        !set.certified(&signed(0, name), "alice", now()),
        "nobody touched it"
    );
    assert!(!set.certified(&signed(1, b"ssh-ed25519"), "alice", now()));
    // The signature of the message itself is not one of a security key.
    let plain = certificate(&ca, |message| {
        [
            string(name),
            string(pair.sign(message).as_ref()),
            vec![1, 0, 0, 0, 9],
        ]
        .concat()
    });
    assert!(!set.certified(&plain, "alice", now()));

    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let name = b"sk-ecdsa-sha2-nistp256@openssh.com";
    let ca = [
        string(name),
        string(b"nistp256"),
        string(pair.public_key().as_ref()),
        string(b"ssh:"),
    ]
    .concat();
    let signed = certificate(&ca, |message| {
        let signature = pair.sign(&SystemRandom::new(), &wrapped(message, 1)).unwrap();
        let (r, s) = signature.as_ref().split_at(32);
        let value = [integer(r), integer(s)].concat();
        [string(name), string(&value), vec![1, 0, 0, 0, 9]].concat()
    });
    let set = read(&format!("'{}'", line(&ca))).unwrap();
    assert!(set.certified(&signed, "alice", now()));
}

#[test]
fn a_certificate_cannot_certify_and_algorithms_fit_keys() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let ca = [string(b"ssh-ed25519"), string(pair.public_key().as_ref())].concat();
    let sign = |algorithm: &'static [u8]| {
        let pair = &pair;
        move |message: &[u8]| [string(algorithm), string(pair.sign(message).as_ref())].concat()
    };
    let set = read(&format!("'{}'", line(&ca))).unwrap();
    assert!(set.certified(&certificate(&ca, sign(b"ssh-ed25519")), "alice", now()));
    for algorithm in [
        &b"rsa-sha2-256"[..],
        b"ecdsa-sha2-nistp256",
        b"ssh-ed25519-cert-v01@openssh.com",
        b"",
    ] {
        assert!(!set.certified(&certificate(&ca, sign(algorithm)), "alice", now()));
    }
    let longer = certificate(&ca, |message| [sign(b"ssh-ed25519")(message), vec![0]].concat());
    assert!(!set.certified(&longer, "alice", now()));
    let over = key("by-ed25519");
    let by_certificate = certificate(over.blob(), sign(b"ssh-ed25519"));
    assert!(by_certificate.uncertified().is_some());
}

#[test]
fn lines() {
    let user = listed("user");
    for text in [
        user.to_owned(),
        format!("{user} alice@laptop with blanks"),
        format!("# Alice\n\n  {user} alice\n# the end\n"),
        user.replace(' ', " \t "),
    ] {
        assert_eq!(
            PresentedKey::from_authorized_key(&text),
            Ok(key("user")),
            "{text}"
        );
    }
    let encoded = user.split(' ').nth(1).unwrap();
    for (text, error) in [
        (String::new(), SshKeyError::Line),
        ("# nothing".to_owned(), SshKeyError::Line),
        ("ssh-ed25519".to_owned(), SshKeyError::Line),
        ("ssh-ed25519 !!!!".to_owned(), SshKeyError::Line),
        (encoded.to_owned(), SshKeyError::Line),
        (format!("ssh-ed25519 {}", &encoded[..20]), SshKeyError::Malformed),
        (format!("ssh-rsa {encoded}"), SshKeyError::Mismatch),
        (format!("no-pty {user}"), SshKeyError::Options),
        (
            format!("from=\"10.0.0.0/8\",command=\"a b\" {user}"),
            SshKeyError::Options,
        ),
        (format!("{user}\n{user}"), SshKeyError::Several),
        ("x".repeat(200_000), SshKeyError::TooLarge),
        (
            "ssh-dss AAAAB3NzaC1kc3MAAAAA".to_owned(),
            SshKeyError::Unsupported,
        ),
        (
            "ssh-ed448 AAAACXNzaC1lZDQ0OAAAAAA=".to_owned(),
            SshKeyError::Unsupported,
        ),
    ] {
        assert_eq!(PresentedKey::from_authorized_key(&text), Err(error), "{text}");
    }
    assert_eq!(
        PresentedKey::from_wire(&vec![0; 70_000]),
        Err(SshKeyError::TooLarge)
    );
    assert_eq!(PresentedKey::from_wire(&[]), Err(SshKeyError::Malformed));
}

#[test]
fn malformed_keys() {
    let ed25519 = |key: &[u8]| [string(b"ssh-ed25519"), string(key)].concat();
    let point = |curve: &[u8], first: u8, length: usize| {
        let point = [vec![first], vec![7; length]].concat();
        [string(b"ecdsa-sha2-nistp256"), string(curve), string(&point)].concat()
    };
    let rsa = |e: &[u8], n: &[u8]| [string(b"ssh-rsa"), string(e), string(n)].concat();
    for (blob, reads) in [
        (ed25519(&[1; 32]), true),
        (ed25519(&[1; 31]), false),
        (ed25519(&[1; 33]), false),
        (point(b"nistp256", 4, 64), true),
        (point(b"nistp384", 4, 64), false),
        (point(b"nistp256", 2, 32), false),
        (point(b"nistp256", 4, 65), false),
        (rsa(&[1, 0, 1], &[0x7f; 256]), true),
        (rsa(&[1, 0, 1], &[0xff; 256]), false),
        (rsa(&[0, 1, 0, 1], &[0x7f; 256]), false),
        (rsa(&[], &[0x7f; 256]), false),
        (rsa(&[1, 0, 1], &[0]), false),
        (string(&[0xff]), false),
        (vec![0xff, 0xff, 0xff, 0xff, 1], false),
    ] {
        assert_eq!(PresentedKey::from_wire(&blob).is_ok(), reads, "{blob:02x?}");
    }
}

#[test]
fn sets_read_and_print() {
    let user = listed("user");
    let both = read(&format!("['{user} a', '{}', '{user} b']", listed("user-p256"))).unwrap();
    assert_eq!(both.to_json().as_array().unwrap().len(), 2, "the same key once");
    assert_eq!(read(&both.to_json().to_string()).unwrap(), both);
    let kept = serde_json::to_string(&both).unwrap();
    assert_eq!(serde_json::from_str::<KeySet>(&kept).unwrap(), both);
    assert!(serde_json::from_str::<KeySet>("[\"ssh-ed25519 AAAA\"]").is_err());
    assert!(both.to_string().ends_with(" or one of 1 more"));
    assert_eq!(read("[]").unwrap().to_string(), "no key");
    for (yaml, problem) in [
        (
            "5".to_owned(),
            "1:1 policy_value_type: found a number, expected a key",
        ),
        (format!("{{is: '{user}'}}"), "1:1 policy_value_type: found a map"),
        (format!("['{user}', 5]"), "1:86 policy_value_type: found a number"),
        (
            "ssh-rsa nonsense".to_owned(),
            "1:1 policy_value_invalid: `ssh-rsa nonsense` is not a key",
        ),
        (
            format!("\"{user}\\n{user}\""),
            "1:1 policy_value_invalid: `ssh-ed25519 ",
        ),
        (
            format!("'no-pty {user}'"),
            "1:1 policy_value_invalid: `no-pty ssh-ed25519 ",
        ),
    ] {
        let problems = read(&yaml).unwrap_err();
        assert!(problems[0].starts_with(problem), "{problems:?}");
        assert_eq!(problems.len(), 1);
    }
    assert_eq!(read("[a, b]").unwrap_err().len(), 2);
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), name in 0..KEYS.lines().count()) {
        let _ = PresentedKey::from_wire(&bytes);
        // After a type that is known, too.
        let words: Vec<_> = KEYS.lines().nth(name).unwrap().split(' ').collect();
        let _ = PresentedKey::from_wire(&[string(words[1].as_bytes()), bytes].concat());
    }

    #[test]
    fn arbitrary_text(text in "(ssh-(rsa|ed25519)|from=| |[A-Za-z0-9+/=\n#]){0,40}") {
        let _ = PresentedKey::from_authorized_key(&text);
    }
}
