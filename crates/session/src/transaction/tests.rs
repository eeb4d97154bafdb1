use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;

const HOST: &str = "authenticate.example.com";
const ROUTE: &str = "a.example.com";

fn ring() -> KeyRing {
    KeyRing::new(&[1; 32].into(), &[2; 32].into())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn csrf(number: u8) -> String {
    browser::issue(&ring(), Purpose::Csrf, HOST, [number; 32])
}

fn state() -> State {
    State {
        return_to: "https://authenticate.example.com/.pomerium/sign_in?x=1".to_owned(),
        issued_at: at(0),
        provider_id: "p1".to_owned(),
        seed: [4; 16],
    }
}

fn callback() -> Callback {
    Callback {
        session_id: SessionId(Uuid::from_u128(7)),
        provider_id: "p1".to_owned(),
        redirect: "https://a.example.com/page?q=ä".to_owned(),
        issued_at: at(0),
    }
}

#[test]
fn a_state_is_read_back_by_the_same_browser_in_time() {
    let text = state().seal(&ring(), HOST, &csrf(1), [3; 12]).unwrap();
    let open = |host: &str, cookie: &str, second: i64| State::open(&ring(), host, &text, cookie, at(second));
    assert_eq!(open(HOST, &csrf(1), 0), Ok(state()));
    assert_eq!(open(HOST, &csrf(1), 300), Ok(state()));
    assert_eq!(open(HOST, &csrf(1), 301), Err(TransactionError::Expired));
    assert_eq!(open(HOST, &csrf(1), 1_000_000), Err(TransactionError::Expired));
    assert_eq!(open(HOST, &csrf(1), -60), Ok(state()));
    assert_eq!(open(HOST, &csrf(1), -61), Err(TransactionError::Invalid));
    assert_eq!(open(HOST, &csrf(2), 0), Err(TransactionError::OtherBrowser));
    assert_eq!(open(HOST, "", 0), Err(TransactionError::OtherBrowser));
    assert_eq!(open(ROUTE, &csrf(1), 0), Err(TransactionError::Invalid));
}

#[test]
fn a_callback_is_bound_to_host_browser_and_time() {
    let cookie = browser::issue(&ring(), Purpose::Binding, ROUTE, [1; 32]);
    let other = browser::issue(&ring(), Purpose::Binding, ROUTE, [2; 32]);
    let print = browser::fingerprint(&ring(), Purpose::Binding, ROUTE, &cookie);
    let text = callback().seal(&ring(), ROUTE, &print, [3; 12]).unwrap();
    let open =
        |host: &str, cookie: &str, second: i64| Callback::open(&ring(), host, &text, cookie, at(second));
    assert_eq!(open(ROUTE, &cookie, 0), Ok(callback()));
    assert_eq!(open(ROUTE, &cookie, 60), Ok(callback()));
    assert_eq!(open(ROUTE, &cookie, 61), Err(TransactionError::Expired));
    assert_eq!(open(ROUTE, &cookie, -61), Err(TransactionError::Invalid));
    assert_eq!(open(ROUTE, &other, 0), Err(TransactionError::OtherBrowser));
    assert_eq!(open(ROUTE, "", 0), Err(TransactionError::OtherBrowser));
    // The fingerprint is in the address; it is not the cookie.
    assert_eq!(open(ROUTE, &print, 0), Err(TransactionError::OtherBrowser));
    assert_eq!(open("b.example.com", &cookie, 0), Err(TransactionError::Invalid));
}

/// Tabs opened at once: each begins with a cookie of its own, the last one stays.
#[test]
fn a_cookie_of_the_same_moment_may_have_replaced_the_login_s_own() {
    let made = |purpose, host, second, number| {
        browser::issue(&ring(), purpose, host, browser::seed(at(second), [number; 28]))
    };
    let text = state()
        .seal(&ring(), HOST, &made(Purpose::Csrf, HOST, 0, 1), [3; 12])
        .unwrap();
    let open = |cookie: &str| State::open(&ring(), HOST, &text, cookie, at(10));
    let other = |second| made(Purpose::Csrf, HOST, second, 2);
    assert_eq!(open(&other(5)), Err(TransactionError::Overtaken));
    assert_eq!(open(&other(-60)), Err(TransactionError::Overtaken));
    assert_eq!(open(&other(-61)), Err(TransactionError::OtherBrowser));
    // Not ours at all, or of another kind.
    assert_eq!(
        open(&other(5).replace(['A', 'b'], "C")),
        Err(TransactionError::OtherBrowser)
    );
    assert_eq!(
        open(&made(Purpose::Binding, HOST, 5, 2)),
        Err(TransactionError::OtherBrowser)
    );

    let cookie = made(Purpose::Binding, ROUTE, 0, 1);
    let print = browser::fingerprint(&ring(), Purpose::Binding, ROUTE, &cookie);
    let text = callback().seal(&ring(), ROUTE, &print, [3; 12]).unwrap();
    let open = |cookie: &str| Callback::open(&ring(), ROUTE, &text, cookie, at(10));
    let other = |second| made(Purpose::Binding, ROUTE, second, 2);
    assert_eq!(open(&other(0)), Err(TransactionError::Overtaken));
    assert_eq!(open(&other(-360)), Err(TransactionError::Overtaken));
    assert_eq!(open(&other(-361)), Err(TransactionError::OtherBrowser));
}

#[test]
fn where_a_login_was_to_lead_is_known_to_us_alone_and_for_ever() {
    let text = state().seal(&ring(), HOST, &csrf(1), [3; 12]).unwrap();
    assert_eq!(
        State::peek_return_to(&ring(), HOST, &text),
        Some(state().return_to)
    );
    assert_eq!(State::peek_return_to(&ring(), ROUTE, &text), None);
    assert_eq!(State::peek_return_to(&ring(), HOST, &text[1..]), None);
    let text = callback().seal(&ring(), ROUTE, "print", [3; 12]).unwrap();
    assert_eq!(
        Callback::peek_redirect(&ring(), ROUTE, &text),
        Some(callback().redirect)
    );
    assert_eq!(Callback::peek_redirect(&ring(), HOST, &text), None);
    assert_eq!(State::peek_return_to(&ring(), ROUTE, &text), None);
}

#[test]
fn the_kinds_of_token_do_not_pass_for_each_other() {
    let cookie = browser::issue(&ring(), Purpose::Binding, HOST, [1; 32]);
    let print = browser::fingerprint(&ring(), Purpose::Binding, HOST, &cookie);
    let as_callback = callback().seal(&ring(), HOST, &print, [3; 12]).unwrap();
    let as_state = state().seal(&ring(), HOST, &csrf(1), [3; 12]).unwrap();
    assert_eq!(
        State::open(&ring(), HOST, &as_callback, &csrf(1), at(0)),
        Err(TransactionError::Invalid)
    );
    assert_eq!(
        Callback::open(&ring(), HOST, &as_state, &cookie, at(0)),
        Err(TransactionError::Invalid)
    );
    for garbage in ["", "a", "a.b.c", &"A".repeat(100), &"A".repeat(1_000_000)] {
        assert_eq!(
            State::open(&ring(), HOST, garbage, &csrf(1), at(0)),
            Err(TransactionError::Invalid)
        );
        assert_eq!(
            Callback::open(&ring(), HOST, garbage, &cookie, at(0)),
            Err(TransactionError::Invalid)
        );
    }
}

#[test]
fn each_login_has_a_verifier_and_a_nonce_of_its_own() {
    let mut seen = BTreeSet::new();
    for (seed, cookie) in [(1, 1), (2, 1), (1, 2)] {
        let text = State {
            seed: [seed; 16],
            ..state()
        }
        .seal(&ring(), HOST, &csrf(cookie), [3; 12])
        .unwrap();
        for derived in [
            pkce_verifier(&ring(), HOST, &text, &csrf(cookie)),
            nonce(&ring(), HOST, &text, &csrf(cookie)),
        ] {
            assert!((43..=128).contains(&derived.len()), "RFC 7636 section 4.1");
            assert!(
                derived
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
            );
            assert!(seen.insert(derived));
        }
        assert_eq!(
            pkce_verifier(&ring(), HOST, &text, &csrf(cookie)),
            pkce_verifier(&ring(), HOST, &text, &csrf(cookie))
        );
    }
    assert_ne!(
        pkce_verifier(&ring(), HOST, "s", "c"),
        pkce_verifier(&ring(), HOST, "s", "d")
    );
    assert_ne!(
        pkce_verifier(&ring(), HOST, "s", "c"),
        pkce_verifier(&ring(), HOST, "sc", "")
    );
    assert_ne!(
        pkce_verifier(&ring(), HOST, "s", "c"),
        pkce_verifier(&KeyRing::new(&[3; 32].into(), &[2; 32].into()), HOST, "s", "c")
    );
}

#[test]
fn an_address_to_return_to_is_bounded() {
    let long = State {
        return_to: "x".repeat(MAX_RETURN),
        ..state()
    };
    let text = long.seal(&ring(), HOST, &csrf(1), [3; 12]).unwrap();
    assert_eq!(State::open(&ring(), HOST, &text, &csrf(1), at(0)), Ok(long));
    let longer = State {
        return_to: "x".repeat(MAX_RETURN + 1),
        ..state()
    };
    assert_eq!(
        longer.seal(&ring(), HOST, &csrf(1), [3; 12]),
        Err(SealError::TooLarge)
    );
    let longer = Callback {
        redirect: "x".repeat(MAX_RETURN + 1),
        ..callback()
    };
    assert_eq!(longer.seal(&ring(), HOST, "", [3; 12]), Err(SealError::TooLarge));
}
