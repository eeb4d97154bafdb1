use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_policy::{Http, Input, Outcome, compile, evaluate, parse};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::record::tests::session;
use crate::signing_keys::tests::{rsa_pkcs8, to_pem};

/// The only way to a permit: policy says so.
fn allowed() -> Allowed {
    let text = "allow: {and: [{accept: true}]}";
    let limits = portcullis_document::Limits::default();
    let node = portcullis_document::parse_yaml(text, &limits).unwrap().unwrap();
    let program = compile(&parse(&node).unwrap()).unwrap();
    let http = Http {
        method: "GET",
        host: "a.example.com",
        path: "/",
        source_ip: None,
        origin: None,
        access_control_request_method: None,
    };
    match evaluate(&program, &Input::http(http, None, at(0))).outcome {
        Outcome::Allow(allowed) => allowed,
        other => panic!("not allowed: {other:?}"),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn claims(names: &[&str]) -> AssertionClaims {
    let session = session();
    AssertionClaims::new(
        Some(&session),
        "a.example.com",
        at(0),
        Uuid::from_u128(5),
        names.iter().copied(),
    )
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&bytes(token, index)).unwrap()
}

fn bytes(token: &str, index: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(token.split('.').nth(index).unwrap())
        .unwrap()
}

fn member(keys: &SigningKeys, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(keys.jwks()["keys"][0][name].as_str().unwrap())
        .unwrap()
}

#[test]
fn an_assertion_says_what_pomeriums_does() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    let names = [
        "email",
        "address.country",
        "level",
        "email_verified",
        "nothing",
        "missing",
        "level",
        "name",
    ];
    let token = sign(&allowed(), &keys, &claims(&names)).unwrap();
    assert_eq!(
        part(&token, 0),
        json!({ "typ": "JWT", "alg": "ES256", "kid": keys.kid() })
    );
    assert_eq!(
        part(&token, 1),
        json!({
            "iss": "a.example.com",
            "aud": "a.example.com",
            "iat": 1_790_000_000,
            "exp": 1_790_000_300,
            "jti": "00000000-0000-0000-0000-000000000005",
            "sub": "user-1",
            "user": "user-1",
            "email": "admin@example.com",
            "groups": ["admins", "staff"],
            "sid": "0195a000-a000-7000-8000-00000000a01a",
            "name": "Ada Admin",
            "address.country": "CH",
            "level": "3",
            "email_verified": "true",
            "nothing": "",
        })
    );
}

#[test]
fn an_anonymous_assertion_has_the_same_shape() {
    let claims = AssertionClaims::new(
        None,
        "a.example.com",
        at(0),
        Uuid::from_u128(5),
        ["email", "level"],
    );
    assert_eq!(
        serde_json::to_value(&claims).unwrap(),
        json!({
            "iss": "a.example.com", "aud": "a.example.com", "iat": 1_790_000_000, "exp": 1_790_000_300,
            "jti": "00000000-0000-0000-0000-000000000005", "sub": "", "user": "", "email": "", "groups": [],
            "sid": "", "name": "",
        })
    );
    assert_eq!(claim_header_value(&claims, "email"), "");
    assert_eq!(claim_header_value(&claims, "groups"), "");
    assert_eq!(claim_header_value(&claims, "level"), "");
}

#[test]
fn the_name_falls_back_to_the_sessions() {
    let session = crate::record::Session {
        claims: Default::default(),
        ..session()
    };
    let claims = AssertionClaims::new(Some(&session), "h", at(0), Uuid::nil(), []);
    assert_eq!((claims.name.as_str(), claims.groups.len()), ("Ada Admin", 0));
}

/// Checked by the cryptographic library alone, by what the JWKS publishes: not
/// by the library that signed.
#[test]
fn es256_and_rs256_signatures_verify_by_the_published_keys() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    let token = sign(&allowed(), &keys, &claims(&[])).unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    let point = [vec![4], member(&keys, "x"), member(&keys, "y")].concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    public.verify(message.as_bytes(), &bytes(&token, 2)).unwrap();

    let keys = SigningKeys::from_pem(&to_pem("PRIVATE KEY", &rsa_pkcs8(KeySize::Rsa2048))).unwrap();
    let token = sign(&allowed(), &keys, &claims(&[])).unwrap();
    assert_eq!(
        part(&token, 0),
        json!({ "typ": "JWT", "alg": "RS256", "kid": keys.kid() })
    );
    let (message, _) = token.rsplit_once('.').unwrap();
    let public = RsaPublicKeyComponents {
        n: member(&keys, "n"),
        e: member(&keys, "e"),
    };
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &bytes(&token, 2))
        .unwrap();
    assert_eq!(verify(&keys, &token, at(0)), Ok(()));
}

#[test]
fn only_our_own_assertions_within_their_time_are_passed_on() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    let token = sign(&allowed(), &keys, &claims(&[])).unwrap();
    for (second, expected) in [
        (0, Ok(())),
        (299, Ok(())),
        (300, Err(AssertionError::OutOfTime)),
        (-60, Ok(())),
        (-61, Err(AssertionError::OutOfTime)),
    ] {
        assert_eq!(verify(&keys, &token, at(second)), expected, "{second}");
    }
    let other = SigningKeys::derived(&[8; 32].into()).unwrap();
    assert_eq!(verify(&other, &token, at(0)), Err(AssertionError::Foreign));

    let parts: Vec<&str> = token.split('.').collect();
    let header = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with_header = |value: Value| format!("{}.{}.{}", header(value), parts[1], parts[2]);
    let kid = keys.kid();
    let public = serde_json::to_string(&keys.jwks()["keys"][0]).unwrap();
    let hs256 = {
        let head = jsonwebtoken::Header {
            kid: Some(kid.to_owned()),
            ..Default::default()
        };
        encode(
            &head,
            &claims(&[]),
            &jsonwebtoken::EncodingKey::from_secret(public.as_bytes()),
        )
        .unwrap()
    };
    let foreign_with_our_kid = {
        let head = jsonwebtoken::Header {
            kid: Some(kid.to_owned()),
            ..other.first.header.clone()
        };
        encode(&head, &claims(&[]), &other.first.signs).unwrap()
    };
    for forged in [
        String::new(),
        "a.b.c".to_owned(),
        parts[..2].join("."),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{token}A"),
        format!("{token}="),
        format!("{token}.{}", parts[2]),
        format!(" {token}"),
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])),
        with_header(json!({ "typ": "JWT", "alg": "none", "kid": kid })),
        with_header(json!({ "typ": "JWT", "kid": kid })),
        with_header(json!({ "typ": "JWT", "alg": "ES256" })),
        with_header(json!({ "typ": "JWT", "alg": "ES384", "kid": kid })),
        with_header(json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid })),
        hs256,
        foreign_with_our_kid,
        "A".repeat(1_000_000),
        ".".repeat(1_000_000),
    ] {
        let shown: String = forged.chars().take(60).collect();
        assert_eq!(
            verify(&keys, &forged, at(0)),
            Err(AssertionError::Foreign),
            "{shown}"
        );
    }
}

#[test]
fn too_large_an_assertion_is_not_made() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    let large = AssertionClaims {
        groups: vec!["g".repeat(100); 1000],
        ..claims(&[])
    };
    assert_eq!(sign(&allowed(), &keys, &large), Err(AssertionError::TooLarge));
}

#[test]
fn header_values_are_lists_or_texts() {
    let claims = claims(&["address.country", "level"]);
    for (claim, value) in [
        ("email", "admin@example.com"),
        ("groups", "admins,staff"),
        ("name", "Ada Admin"),
        ("user", "user-1"),
        ("sub", "user-1"),
        ("sid", "0195a000-a000-7000-8000-00000000a01a"),
        ("iss", "a.example.com"),
        ("aud", "a.example.com"),
        ("iat", "1790000000"),
        ("exp", "1790000300"),
        ("address.country", "CH"),
        ("level", "3"),
        ("missing", ""),
        ("", ""),
    ] {
        assert_eq!(claim_header_value(&claims, claim), value, "{claim}");
    }
}

#[test]
fn no_value_passes_for_another() {
    let with = |values: &[&str]| -> String {
        let groups: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let claims = AssertionClaims {
            extra: vec![("roles".to_owned(), groups.clone())],
            groups,
            ..claims(&[])
        };
        assert_eq!(
            claim_header_value(&claims, "roles"),
            claim_header_value(&claims, "groups")
        );
        claim_header_value(&claims, "groups")
    };
    assert_eq!(with(&["staff", "guests"]), "staff,guests");
    assert_eq!(with(&["staff", "guests,admin"]), "staff");
    assert_eq!(with(&["guests,admin"]), "");
    for hostile in [
        "ad\nmin",
        "ad\0min",
        "admin\r\nx-pomerium-role: root",
        " admin",
        "admin\t",
        "\u{85}admin",
        "",
    ] {
        assert_eq!(with(&["staff", hostile, "guests"]), "staff,guests", "{hostile:?}");
    }
    assert_eq!(
        with(&["Entwickler:innen", "Ингa"]),
        "Entwickler:innen,Ингa",
        "UTF-8 stays"
    );

    let text = |value: &str| {
        let claims = AssertionClaims {
            email: value.to_owned(),
            name: value.to_owned(),
            ..claims(&[])
        };
        assert_eq!(
            claim_header_value(&claims, "name"),
            claim_header_value(&claims, "email")
        );
        claim_header_value(&claims, "email")
    };
    assert_eq!(text("Admin, Ada"), "Admin, Ada");
    for hostile in ["a@b.c\r\nx: y", "a\0@b.c", " a@b.c", "a@b.c\u{7f}"] {
        assert_eq!(text(hostile), "", "{hostile:?}");
    }
    let free = |name: &str| {
        let extra = vec![(name.to_owned(), vec!["Admin, Ada".to_owned()])];
        claim_header_value(&AssertionClaims { extra, ..claims(&[]) }, name)
    };
    assert_eq!(free("nickname"), "Admin, Ada");
    assert_eq!(free("roles"), "");
}

#[test]
fn header_values_are_bounded() {
    let groups: Vec<String> = (0..10_000).map(|number| format!("group-{number}")).collect();
    let value = claim_header_value(
        &AssertionClaims {
            groups,
            ..claims(&[])
        },
        "groups",
    );
    assert!(value.len() <= MAX_HEADER_VALUE && value.len() > MAX_HEADER_VALUE - 20);
    assert!(
        value.split(',').all(|group| group.starts_with("group-")),
        "no group is cut"
    );
    let email = "a".repeat(MAX_HEADER_VALUE + 1);
    assert_eq!(
        claim_header_value(&AssertionClaims { email, ..claims(&[]) }, "email"),
        ""
    );
}
