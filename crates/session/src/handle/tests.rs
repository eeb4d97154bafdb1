use super::*;

fn ring() -> KeyRing {
    KeyRing::new(&[1; 32].into(), &[2; 32].into())
}

fn handle() -> Handle {
    Handle {
        session_id: SessionId(Uuid::from_u128(0x0195_a000_a000_7000_8000_0000_0000_a01a)),
        provider_id: "0123456789abcdef".to_owned(),
        issued_at: Timestamp::from_second(1_790_000_000).unwrap(),
    }
}

#[test]
fn a_cookie_is_read_back() {
    let value = seal(&handle(), &ring(), "_pomerium", "a.example.com", [3; 12]).unwrap();
    assert_eq!(open(&ring(), "_pomerium", "a.example.com", &value), Ok(handle()));
    assert!(!value.contains("0195"), "the id is not readable");
}

#[test]
fn a_cookie_is_bound_to_host_and_name() {
    let value = seal(&handle(), &ring(), "_pomerium", "a.example.com", [3; 12]).unwrap();
    for host in [
        "b.example.com",
        "example.com",
        "",
        "a.example.com.",
        "A.example.com",
        "a.example.com:443",
    ] {
        assert_eq!(open(&ring(), "_pomerium", host, &value), Err(OpenError), "{host}");
    }
    for name in ["_pomerium_authenticate", "_pomeriu", "", "_POMERIUM"] {
        assert_eq!(
            open(&ring(), name, "a.example.com", &value),
            Err(OpenError),
            "{name}"
        );
    }
    assert_eq!(
        open(&ring(), "_pomeriuma", ".example.com", &value),
        Err(OpenError)
    );
    let other = KeyRing::new(&[8; 32].into(), &[2; 32].into());
    assert_eq!(open(&other, "_pomerium", "a.example.com", &value), Err(OpenError));
}

#[test]
fn a_domains_cookie_is_the_domains_alone() {
    let of = |scope: Scope<'_>| seal(&handle(), &ring(), "_pomerium", scope, [3; 12]).unwrap();
    let scopes = [
        Scope::Domain("example.com"),
        Scope::Domain("a.example.com"),
        Scope::Domain(""),
        Scope::Host("example.com"),
        Scope::Host("a.example.com"),
        Scope::Host("domain"),
    ];
    for made in scopes {
        for read in scopes {
            let opened = open(&ring(), "_pomerium", read, &of(made));
            let wanted = if made == read {
                Ok(handle())
            } else {
                Err(OpenError)
            };
            assert_eq!(opened, wanted, "{made:?} as {read:?}");
        }
    }
}

#[test]
fn a_cookie_value_has_at_most_400_bytes() {
    let longest = Handle {
        provider_id: "p".repeat(MAX_PROVIDER_ID),
        ..handle()
    };
    let value = seal(&longest, &ring(), &"n".repeat(200), &*"h".repeat(253), [3; 12]).unwrap();
    assert!(value.len() <= 400, "{} bytes", value.len());
    let too_long = Handle {
        provider_id: "p".repeat(MAX_PROVIDER_ID + 1),
        ..handle()
    };
    assert_eq!(
        seal(&too_long, &ring(), "n", "h", [3; 12]),
        Err(SealError::TooLarge)
    );
}

#[test]
fn garbage_is_no_cookie() {
    for value in [
        "",
        "a",
        "====",
        "null",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        &"A".repeat(64),
        &"A".repeat(100_000),
    ] {
        assert_eq!(open(&ring(), "c", "h", value), Err(OpenError));
    }
    // Sealed by us, but not a handle.
    for plain in [&b""[..], b"\x01", b"\x01short", &[2; 60], &[0xff; 60]] {
        let value = ring()
            .seal(Purpose::Session, &["c", "h"], [3; 12], plain)
            .unwrap();
        assert_eq!(open(&ring(), "c", "h", &value), Err(OpenError));
    }
}
