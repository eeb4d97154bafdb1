//! A rotation while sessions live and logins are on their way.

use jiff::Timestamp;
use portcullis_model::SessionId;
use uuid::Uuid;

use super::tests::FROZEN;
use super::*;
use crate::browser;
use crate::transaction::{Callback, State, TransactionError, nonce, pkce_verifier};

const HOST: &str = "authenticate.example.com";
const ROUTE: &str = "a.example.com";
/// The three steps that an operator takes from the first secret to the second,
/// after the state before.
const STEPS: [&[u8]; 4] = [&[1], &[1, 2], &[2, 1], &[2]];

fn secrets(numbers: &[u8]) -> Secrets {
    Secrets::new(numbers.iter().map(|number| [*number; 32])).unwrap()
}

fn ring(numbers: &[u8]) -> KeyRing {
    KeyRing::new(&secrets(numbers), &secrets(numbers))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn state() -> State {
    State {
        return_to: "https://a.example.com/".to_owned(),
        issued_at: now(),
        provider_id: "p1".to_owned(),
        seed: [4; 16],
    }
}

/// Whether something that was made in one step may still be good in another: its
/// secret, the first of that step, is still there.
fn may_open(made: &[u8], later: &[u8]) -> bool {
    later.contains(&made[0])
}

#[test]
fn what_any_secret_sealed_opens_until_it_is_dropped() {
    for purpose in [
        Purpose::Session,
        Purpose::State,
        Purpose::Callback,
        Purpose::Binding,
    ] {
        for made in STEPS {
            let text = ring(made).seal(purpose, &["c"], [7; 12], b"x").unwrap();
            let by_first = ring(&made[..1]).seal(purpose, &["c"], [7; 12], b"x");
            assert_eq!(Ok(&text), by_first.as_ref(), "the first seals");
            for later in STEPS {
                let opened = ring(later).open(purpose, &["c"], &text);
                assert_eq!(opened.is_ok(), may_open(made, later), "{made:?} {later:?}");
                assert_eq!(ring(later).open(purpose, &["d"], &text), Err(OpenError));
            }
        }
    }
}

#[test]
fn only_the_secrets_of_their_own_kind_open() {
    let ring = KeyRing::new(&secrets(&[1, 2]), &secrets(&[3, 4]));
    for (number, purpose, opens) in [
        (2, Purpose::Session, true),
        (4, Purpose::Session, false),
        (4, Purpose::Callback, true),
        (2, Purpose::Callback, false),
    ] {
        let text = self::ring(&[number]).seal(purpose, &[], [7; 12], b"x").unwrap();
        assert_eq!(
            ring.open(purpose, &[], &text).is_ok(),
            opens,
            "{number} {purpose:?}"
        );
    }
}

#[test]
fn secrets_with_the_same_id_are_all_tried() {
    let id = |number: u16| {
        let mut secret = [0; 32];
        secret[..2].copy_from_slice(&number.to_be_bytes());
        let [id, ..] = *Root::new(&secret).expand(&[b"key-id"]);
        (id, secret)
    };
    // Of 257 keys two have the same id of 256.
    let all: Vec<(u8, [u8; 32])> = (0..257).map(id).collect();
    let find = |(at, (id, _)): (usize, &(u8, [u8; 32]))| {
        let twin = all.iter().skip(at + 1).find(|(other, _)| other == id)?;
        Some([all[at].1, twin.1])
    };
    let twins = all.iter().enumerate().find_map(find).unwrap();
    let both = Secrets::new(twins).unwrap();
    let both = KeyRing::new(&both, &both);
    for secret in twins {
        let one = KeyRing::new(&secret.into(), &secret.into());
        let csrf = browser::issue(&one, Purpose::Csrf, HOST, [5; 32]);
        let text = state().seal(&one, HOST, &csrf, [3; 12]).unwrap();
        assert_eq!(State::open(&both, HOST, &text, &csrf, now()), Ok(state()));
        assert_eq!(
            pkce_verifier(&both, HOST, &text, &csrf),
            pkce_verifier(&one, HOST, &text, &csrf)
        );
    }
}

#[test]
fn a_login_goes_on_over_a_rotation() {
    for made in STEPS {
        let begun = ring(made);
        let csrf = browser::issue(&begun, Purpose::Csrf, HOST, [5; 32]);
        let text = state().seal(&begun, HOST, &csrf, [3; 12]).unwrap();
        let sent = (
            pkce_verifier(&begun, HOST, &text, &csrf),
            nonce(&begun, HOST, &text, &csrf),
        );
        for later in STEPS {
            let ring = ring(later);
            let good = may_open(made, later);
            let expected = if good {
                Ok(state())
            } else {
                Err(TransactionError::Invalid)
            };
            assert_eq!(State::open(&ring, HOST, &text, &csrf, now()), expected);
            let found = (
                pkce_verifier(&ring, HOST, &text, &csrf),
                nonce(&ring, HOST, &text, &csrf),
            );
            assert_eq!(found == sent, good, "{made:?} {later:?}");
            let foreign = browser::issue(&ring, Purpose::Csrf, HOST, [6; 32]);
            assert!(State::open(&ring, HOST, &text, &foreign, now()).is_err());
            let kept = browser::verify(&ring, Purpose::Csrf, HOST, &csrf);
            assert_eq!(kept.is_ok(), good);
        }
    }
}

/// The cookie, the fingerprint of it that travels and the token that carries it
/// may each be of another step.
#[test]
fn a_callback_is_bound_to_the_browser_over_a_rotation() {
    for cookie_step in STEPS {
        let cookie = browser::issue(&ring(cookie_step), Purpose::Binding, ROUTE, [1; 32]);
        for print_step in STEPS {
            let print = browser::fingerprint(&ring(print_step), Purpose::Binding, ROUTE, &cookie);
            for later in STEPS {
                let ring = ring(later);
                let callback = Callback {
                    session_id: SessionId(Uuid::from_u128(7)),
                    provider_id: "p1".to_owned(),
                    redirect: "https://a.example.com/".to_owned(),
                    issued_at: now(),
                };
                let text = callback.seal(&ring, ROUTE, &print, [3; 12]).unwrap();
                let found = Callback::open(&ring, ROUTE, &text, &cookie, now());
                let expected = if may_open(print_step, later) {
                    Ok(callback)
                } else {
                    Err(TransactionError::OtherBrowser)
                };
                assert_eq!(found, expected, "{cookie_step:?} {print_step:?} {later:?}");
                let other = browser::issue(&ring, Purpose::Binding, ROUTE, [2; 32]);
                let refused = Callback::open(&ring, ROUTE, &text, &other, now());
                assert_eq!(refused, Err(TransactionError::OtherBrowser));
            }
        }
    }
}

/// Computed without this code, from before there could be two secrets.
#[test]
fn what_derives_from_one_secret_has_not_changed() {
    for numbers in [&[1][..], &[1, 2], &[1, 2, 3]] {
        let ring = ring(numbers);
        assert_eq!(pkce_verifier(&ring, HOST, "s", "c"), VERIFIER);
        assert_eq!(nonce(&ring, HOST, "s", "c"), NONCE);
        assert_eq!(browser::issue(&ring, Purpose::Csrf, HOST, [5; 32]), COOKIE);
    }
    let names = ["_pomerium", "a.example.com"];
    for numbers in [&[1][..], &[1, 2], &[3, 2, 1]] {
        let opened = ring(numbers).open(Purpose::Session, &names, FROZEN);
        assert_eq!(opened.as_deref(), Ok(b"hello".as_slice()), "{numbers:?}");
    }
}

const VERIFIER: &str = "qrFaE_p0FgDv6eY13HGQz87P-6G7sVQRzqm9BtgK00U";
const NONCE: &str = "QYfZfT6Ldu7o5EkwOuDPECq4h5aX5hN9LV_JJU3ZnRI";
const COOKIE: &str = "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQXHU2_KsVwiJzzrrz3JF5_E";
