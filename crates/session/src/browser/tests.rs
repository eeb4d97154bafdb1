use super::*;

fn ring() -> KeyRing {
    KeyRing::new(&[1; 32].into(), &[2; 32].into())
}

#[test]
fn only_our_own_values_pass() {
    let value = issue(&ring(), Purpose::Csrf, "auth.example.com", [5; 32]);
    assert_eq!(value.len(), 64);
    assert_eq!(verify(&ring(), Purpose::Csrf, "auth.example.com", &value), Ok(()));
    assert_eq!(
        verify(&ring(), Purpose::Binding, "auth.example.com", &value),
        Err(OpenError)
    );
    assert_eq!(
        verify(&ring(), Purpose::Csrf, "b.example.com", &value),
        Err(OpenError)
    );
    let other = KeyRing::new(&[9; 32].into(), &[2; 32].into());
    assert_eq!(
        verify(&other, Purpose::Csrf, "auth.example.com", &value),
        Err(OpenError)
    );
    for at in 0..value.len() {
        let mut changed = value.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(
            verify(&ring(), Purpose::Csrf, "auth.example.com", &changed),
            Err(OpenError),
            "{at}"
        );
        assert_eq!(
            verify(&ring(), Purpose::Csrf, "auth.example.com", &value[..at]),
            Err(OpenError)
        );
    }
    for garbage in ["", "=", "x", &"A".repeat(64), &"ä".repeat(32)] {
        assert_eq!(
            verify(&ring(), Purpose::Csrf, "auth.example.com", garbage),
            Err(OpenError)
        );
    }
}

#[test]
fn fingerprints_tell_values_hosts_and_purposes_apart() {
    let print = fingerprint(&ring(), Purpose::Binding, "a.example.com", "value");
    assert_eq!(print.len(), FINGERPRINT_LEN);
    assert_eq!(print.len(), 43);
    assert!(matches(
        &ring(),
        Purpose::Binding,
        "a.example.com",
        "value",
        &print
    ));
    assert!(!matches(
        &ring(),
        Purpose::Binding,
        "a.example.com",
        "other",
        &print
    ));
    assert!(!matches(
        &ring(),
        Purpose::Binding,
        "b.example.com",
        "value",
        &print
    ));
    assert!(!matches(&ring(), Purpose::Csrf, "a.example.com", "value", &print));
    assert!(!matches(&ring(), Purpose::Binding, "a.example.com", "value", ""));
    assert!(!matches(
        &ring(),
        Purpose::Binding,
        "a.example.com",
        "value",
        &print[..42]
    ));
}
