use super::*;

const NOW: i64 = 1_574_117_851;

fn key() -> Secrets {
    [7; 32].into()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn sign_in() -> Url {
    let mut url = Url::parse("https://authenticate.example.com/.pomerium/sign_in").unwrap();
    url.query_pairs_mut()
        .append_pair("pomerium_redirect_uri", "https://a.example.com/x?y=1&z=~*'() ä")
        .append_pair("pomerium_idp_id", "p1")
        .append_pair("a", "2")
        .append_pair("a", "1");
    sign(&key(), &url, at(NOW))
}

/// The value that Pomerium's own test expects for `https://pomerium.io` and the
/// key `test-key`.
#[test]
fn the_mac_is_pomeriums() {
    let address = "https://pomerium.io?pomerium_expiry=1574118151&pomerium_issued=1574117851";
    let tag = mac(b"test-key", address, 1_574_117_851, 1_574_118_151);
    assert_eq!(
        URL_SAFE.encode(tag),
        "XtvM-Y-oPvoGGV2Q5G0vrQ_CgNeYhVyTG5dHIqLsBOU="
    );
}

#[test]
fn the_query_is_gos() {
    let signed = sign_in();
    let (bare, signature) = signed.as_str().rsplit_once("&pomerium_signature=").unwrap();
    assert_eq!(
        bare,
        "https://authenticate.example.com/.pomerium/sign_in?a=2&a=1&pomerium_expiry=1574118151\
         &pomerium_idp_id=p1&pomerium_issued=1574117851\
         &pomerium_redirect_uri=https%3A%2F%2Fa.example.com%2Fx%3Fy%3D1%26z%3D~%2A%27%28%29+%C3%A4",
    );
    assert!(signature.ends_with("%3D"), "padding, escaped");
    assert_eq!(signature.len(), 43 + 3);
}

#[test]
fn a_signed_address_verifies_within_its_time() {
    let signed = sign_in();
    for (second, expected) in [
        (0, Ok(())),
        (360, Ok(())),
        (361, Err(SignedUrlError::Expired)),
        (-60, Ok(())),
        (-61, Err(SignedUrlError::NotYetValid)),
        (10_000_000, Err(SignedUrlError::Expired)),
    ] {
        assert_eq!(verify(&key(), &signed, at(NOW + second)), expected, "{second}");
    }
    assert_eq!(
        verify(&[8; 32].into(), &signed, at(NOW)),
        Err(SignedUrlError::Signature)
    );
    let again = Url::parse(signed.as_str()).unwrap();
    assert_eq!(verify(&key(), &again, at(NOW)), Ok(()));
    let resigned = sign(&key(), &signed, at(NOW + 1000));
    assert_eq!(
        verify(&key(), &resigned, at(NOW + 1000)),
        Ok(()),
        "times and signature are replaced"
    );
}

#[test]
fn any_change_is_seen() {
    let signed = sign_in();
    let text = signed.as_str();
    let change = |text: String| verify(&key(), &Url::parse(&text).unwrap(), at(NOW));
    let changes = [
        text.replace("idp_id=p1", "idp_id=p2"),
        text.replace("&pomerium_idp_id=p1", ""),
        text.replace("a=2&a=1", "a=1&a=2"),
        text.replace("a=2&a=1&", ""),
        text.replace("?a=2", "?a=2&b=3"),
        format!("{text}&zzz=1"),
        format!("{text}&pomerium_idp_id=p1"),
        format!("{text}#fragment"),
        // Moved about, or encoded otherwise: the same to Pomerium, not to us.
        text.replace("?a=2&a=1&", "?")
            .replace("&pomerium_idp_id=p1", "&pomerium_idp_id=p1&a=2&a=1"),
        text.replace("=p1", "=%70%31"),
        text.replace("+", "%20"),
        text.replace("&pomerium_idp", "&&pomerium_idp"),
        text.replace("authenticate.example.com", "evil.example.com"),
        text.replace("example.com/", "example.com:8443/"),
        text.replace("https://auth", "http://auth"),
        text.replace("https://auth", "https://user@auth"),
        text.replace("/.pomerium/sign_in", "/.pomerium/sign_out"),
        text.replace("/.pomerium/sign_in", "/.pomerium/sign_in/"),
        text.replace("expiry=1574118151", "expiry=1574118152"),
        text.replace("issued=1574117851", "issued=1574117850"),
    ];
    for changed in changes {
        assert_ne!(changed, text);
        assert_eq!(
            change(changed.clone()),
            Err(SignedUrlError::Signature),
            "{changed}"
        );
    }
    let start = text.find("signature=").unwrap() + "signature=".len();
    for index in start..text.len() - 3 {
        let mut bytes = text.to_owned().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            change(String::from_utf8(bytes).unwrap()),
            Err(SignedUrlError::Signature),
            "{index}"
        );
    }
}

#[test]
fn missing_repeated_or_odd_parts_are_refused() {
    let signed = sign_in();
    let text = signed.as_str();
    let change = |text: String| verify(&key(), &Url::parse(&text).unwrap(), at(NOW));
    let (bare, _) = text.rsplit_once("&pomerium_signature=").unwrap();
    for changed in [
        bare.to_owned(),
        format!("{text}&pomerium_signature="),
        "https://a/".to_owned(),
    ] {
        assert_eq!(
            change(changed.clone()),
            Err(SignedUrlError::Unsigned),
            "{changed}"
        );
    }
    assert_eq!(
        change(format!("{bare}&pomerium_signature=")),
        Err(SignedUrlError::Signature)
    );
    for (from, to) in [
        ("pomerium_expiry=1574118151&", ""),
        ("&pomerium_issued=1574117851", ""),
        ("expiry=1574118151", "expiry="),
        ("expiry=1574118151", "expiry=+1574118151"),
        ("expiry=1574118151", "expiry=01574118151"),
        ("expiry=1574118151", "expiry=-1"),
        ("expiry=1574118151", "expiry=1e12"),
        ("expiry=1574118151", "expiry=99999999999999999999"),
        (
            "expiry=1574118151",
            "expiry=1574118151&pomerium_expiry=9574118151",
        ),
    ] {
        assert_eq!(
            change(text.replace(from, to)),
            Err(SignedUrlError::Times),
            "{from} {to}"
        );
    }
}

#[test]
fn the_first_secret_signs_and_all_of_them_verify() {
    let list = |secrets: &[u8]| Secrets::new(secrets.iter().map(|secret| [*secret; 32])).unwrap();
    let url = Url::parse("https://a.example.com/x").unwrap();
    let old = sign(&key(), &url, at(NOW));
    assert_eq!(sign(&list(&[7, 8]), &url, at(NOW)), old);
    let new = sign(&list(&[8, 7]), &url, at(NOW));
    for (secrets, expected) in [
        (list(&[7]), [true, false]),
        (list(&[7, 8]), [true, true]),
        (list(&[8, 7]), [true, true]),
        (list(&[8]), [false, true]),
        (list(&[9, 6]), [false, false]),
    ] {
        let found = [&old, &new].map(|url| verify(&secrets, url, at(NOW)).is_ok());
        assert_eq!(found, expected, "{:?}", secrets.first());
    }
}
