use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaSigningAlgorithm};
use base64::engine::general_purpose::STANDARD;

use super::*;

pub(crate) fn to_pem(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Block {
        label: label.to_owned(),
        der: der.to_vec().into(),
    })
    .to_string()
}

fn ec_pkcs8(algorithm: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
    EcdsaKeyPair::generate(algorithm)
        .unwrap()
        .to_pkcs8v1()
        .unwrap()
        .as_ref()
        .to_vec()
}

pub(crate) fn rsa_pkcs8(size: KeySize) -> Vec<u8> {
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(size).unwrap().as_der().unwrap();
    der.as_ref().to_vec()
}

/// The PKCS#1 key inside: the last OCTET STRING of the wrapping, which begins
/// where the first SEQUENCE of this length does.
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    (1..pkcs8.len())
        .map(|at| &pkcs8[at..])
        .find(|rest| RsaKeyPair::from_der(rest).is_ok())
        .unwrap()
}

#[test]
fn the_derived_key_is_the_same_everywhere_and_frozen() {
    let keys = SigningKeys::derived(&[7; 32].into()).unwrap();
    assert_eq!(keys.jwks(), SigningKeys::derived(&[7; 32].into()).unwrap().jwks());
    assert_ne!(keys.kid(), SigningKeys::derived(&[8; 32].into()).unwrap().kid());
    // A change here makes every upstream with a cached key refuse us.
    assert_eq!(keys.kid(), FROZEN_KID);
}

const FROZEN_KID: &str = "9ceefe2bec089d7095b683666b32fc7235175f566329ffb3daf7575bb54d79d6";

#[test]
fn each_shared_secret_publishes_a_key_and_the_first_signs() {
    let list = |secrets: &[u8]| Secrets::new(secrets.iter().map(|secret| [*secret; 32])).unwrap();
    let kids = |secrets: &[u8]| -> Vec<String> {
        let keys = SigningKeys::derived(&list(secrets)).unwrap();
        let kids: Vec<String> = keys.kids().map(str::to_owned).collect();
        assert_eq!(keys.kid(), kids[0]);
        let published = keys.jwks()["keys"].as_array().unwrap().len();
        assert_eq!(published, kids.len());
        kids
    };
    let (old, new) = (kids(&[7]).remove(0), kids(&[8]).remove(0));
    assert_eq!(old, FROZEN_KID);
    assert_eq!(kids(&[7, 8]), [old.clone(), new.clone()]);
    assert_eq!(kids(&[8, 7]), [new, old]);
}

/// RFC 7638 section 3.1 gives this example (its digest in base64url there).
#[test]
fn the_thumbprint_is_rfc_7638s() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP\
             ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY3\
             68QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4\
             lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let kid = thumbprint(&format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#));
    let expected = URL_SAFE_NO_PAD
        .decode("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        .unwrap();
    assert_eq!(kid, hex::encode(expected));
}

#[test]
fn every_form_of_a_key_is_read() {
    let pkcs8 = ec_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let rsa = rsa_pkcs8(KeySize::Rsa2048);

    let ec = SigningKeys::from_pem(&to_pem("PRIVATE KEY", &pkcs8)).unwrap();
    let ec_sec1 = to_pem("EC PRIVATE KEY", sec1.as_ref());
    // `openssl ecparam -genkey` writes the curve in front.
    let parameters = to_pem("EC PARAMETERS", &[6, 8, 42, 134, 72, 206, 61, 3, 1, 7]);
    for text in [
        ec_sec1.clone(),
        format!("{parameters}{ec_sec1}"),
        STANDARD.encode(&ec_sec1),
    ] {
        assert_eq!(SigningKeys::from_pem(&text).unwrap().jwks(), ec.jwks());
    }
    let with_rsa = SigningKeys::from_pem(&to_pem("PRIVATE KEY", &rsa)).unwrap();
    let again = SigningKeys::from_pem(&to_pem("RSA PRIVATE KEY", pkcs1(&rsa))).unwrap();
    assert_eq!(with_rsa.jwks(), again.jwks());

    let key = &ec.jwks()["keys"][0];
    let members: Vec<&String> = key.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["use", "kty", "kid", "crv", "alg", "x", "y"],
        "and nothing private"
    );
    assert_eq!((&key["alg"], &key["kid"]), (&json!("ES256"), &json!(ec.kid())));
    assert_eq!(ec.kid().len(), 64);
    let key = &with_rsa.jwks()["keys"][0];
    let members: Vec<&String> = key.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["use", "kty", "kid", "alg", "n", "e"],
        "and nothing private"
    );
    assert_eq!((&key["alg"], &key["e"]), (&json!("RS256"), &json!("AQAB")));

    // Several: the first signs, all are published, each once.
    let text = format!(
        "{}{ec_sec1}{}",
        to_pem("PRIVATE KEY", &rsa),
        to_pem("PRIVATE KEY", &pkcs8)
    );
    let both = SigningKeys::from_pem(&text).unwrap();
    assert_eq!(both.kid(), with_rsa.kid());
    let kids: Vec<_> = both.jwks()["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].clone())
        .collect();
    assert_eq!(kids, [with_rsa.kid(), ec.kid()]);
    let shown = format!("{both:?}");
    assert_eq!(
        shown,
        format!("{:?}", [with_rsa.kid(), ec.kid()]),
        "ids, and no key"
    );
}

#[test]
fn more_than_eight_keys_are_refused() {
    let keys: Vec<String> = (0..9)
        .map(|_| to_pem("PRIVATE KEY", &ec_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING)))
        .collect();
    let read = |count: usize| SigningKeys::from_pem(&keys[..count].concat());
    assert_eq!(read(8).unwrap().keys().count(), 8);
    assert_eq!(read(9).unwrap_err(), KeyError::TooMany);
    // One that stands twice is one.
    let twice = keys[..8].concat() + &keys[0];
    assert_eq!(SigningKeys::from_pem(&twice).unwrap().keys().count(), 8);
}

#[test]
fn other_keys_are_refused() {
    let p384 = ec_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING);
    let ec = ec_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING);
    for (text, error) in [
        (to_pem("PRIVATE KEY", &p384), KeyError::Unsupported),
        (to_pem("PRIVATE KEY", &ec[..ec.len() - 1]), KeyError::Unsupported),
        (to_pem("PRIVATE KEY", b""), KeyError::Unsupported),
        (to_pem("RSA PRIVATE KEY", &ec), KeyError::Unsupported),
        (to_pem("PUBLIC KEY", &ec), KeyError::NoKey),
        (to_pem("CERTIFICATE", &ec), KeyError::NoKey),
        (to_pem("ENCRYPTED PRIVATE KEY", &ec), KeyError::NotPem),
        (String::new(), KeyError::NoKey),
        ("no key".to_owned(), KeyError::NotPem),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), KeyError::NotPem),
        // A good key does not make up for a bad one.
        (
            to_pem("PRIVATE KEY", &ec) + &to_pem("PRIVATE KEY", &p384),
            KeyError::Unsupported,
        ),
    ] {
        assert_eq!(SigningKeys::from_pem(&text).unwrap_err(), error, "{text}");
    }
}

/// What OpenSSL writes, and the thumbprint that was computed without this code.
#[test]
fn openssls_keys_are_read() {
    for text in [OPENSSL_SEC1, OPENSSL_PKCS8] {
        let keys = SigningKeys::from_pem(text).unwrap();
        assert_eq!(
            keys.kid(),
            "dc4915c5d7dcec63fee065abb98d56ae948fd2a0d4a140b92657f5555fb886e7"
        );
    }
    assert_eq!(
        SigningKeys::from_pem(OPENSSL_RSA_1024).unwrap_err(),
        KeyError::Weak
    );
}

const OPENSSL_SEC1: &str = "-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIDanH5f+3QslQp3D4D763yhAkdKuoPpDH0OQFvtCiy75oAoGCCqGSM49
AwEHoUQDQgAEbsm8GufRLRK8ipd0wLn9bE1jMv2jNeP97riwLbwLXt+167ArldVz
6od36BXQM2eRPurSLSWrdftlhv3tioNjZA==
-----END EC PRIVATE KEY-----
";

const OPENSSL_PKCS8: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNqcfl/7dCyVCncPg
PvrfKECR0q6g+kMfQ5AW+0KLLvmhRANCAARuybwa59EtEryKl3TAuf1sTWMy/aM1
4/3uuLAtvAte37XrsCuV1XPqh3foFdAzZ5E+6tItJat1+2WG/e2Kg2Nk
-----END PRIVATE KEY-----
";

const OPENSSL_RSA_1024: &str = "-----BEGIN RSA PRIVATE KEY-----
MIICXAIBAAKBgQC5airWy8DkTP8Dmp3/DpQZmAFA75O01imf//jZ8twM7Giol9pq
mQT7npMPpV7ZrVJQYEbERDzZ3U8S1dsuj4Dxw3rzyeThfvbeyu0xUkzmZphTRw8B
ZKxbesGcMkpZoaL1azjzONW7DdBDSLMRdSNQQFo81UyBp+X5g9o1Tma7VQIDAQAB
AoGANgrp3Z2Z5XFDyysf7h2zsRoLE4BBDy51B3u2buBIn0Ow5aMNOJDNUQHRX3gW
A2BvY5oMRlyVV/MXfyfyMMoHDPGonjSu9LQY4CkNbux3c9qOxhGyfNnfWdcNWqWN
KorHWlp3HL4jm0CTjelY38LmkwHH4oaXSTQQbeKz78GviIECQQDb2Zl9RMOKwfFT
RKVpi5uT13/08Sjo5Jwv9DllbANor45PE3v+NmIRUWHAd91OAEXb9b1RI+cdzc3m
l4OB/WklAkEA1+cLKHO2PLc+Hrrahm9SrTFx/bR5TK8QqYKARZ7kSBieHPUmUb/J
uCLN9BrPba3bZqHSAs67/7aGpolzFVpqcQJAJ0kgC2mBQ8daV1XZ9R1UZLvKiruZ
YtyPKGaM5xnBFjDgzjKeIpQXPB79x8Xjju+vjBnChcBTqVjAZWdHwa/F3QJBAMNq
Nek5QnsWCD3cNipz3Esyc9CEZz4HPneOzPc257xxu7rOEQ7xHm1x4yPMmG7Xa7wr
P2CXKgY7eQiHZAixu6ECQG/mPLY8qJBBGpH5T/X6HnBqhXhkOJOfsDuhGPCPAfR4
hUQaOtH2kefKLZ0nFsiLdCH5VYzhhhHsXc5K1PHjuwU=
-----END RSA PRIVATE KEY-----
";
