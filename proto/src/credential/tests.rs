use jiff::{SignedDuration, Timestamp};
use portcullis_model::Secrets;
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor as _;
use tonic::{Code, Request};

use super::{CLOCK_SKEW, CredentialError, Key, LIFETIME, Mint, Verify, bearer};

const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

fn key(secret: u8) -> Key {
    Key::derive(&[secret; 32].into())
}

fn after(seconds: i64) -> Timestamp {
    NOW.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

#[test]
fn a_token_is_good_for_its_minute_and_the_skew_of_two_clocks() {
    let token = key(1).mint(NOW);
    let same = key(1);
    for seconds in [0, LIFETIME, LIFETIME + CLOCK_SKEW, -CLOCK_SKEW] {
        assert_eq!(same.verify(&token, after(seconds)), Ok(()), "{seconds}");
    }
    let late = after(LIFETIME + CLOCK_SKEW + 1);
    assert_eq!(same.verify(&token, late), Err(CredentialError::Expired));
    let early = after(-CLOCK_SKEW - 1);
    assert_eq!(same.verify(&token, early), Err(CredentialError::Future));
}

#[test]
fn another_secret_or_a_changed_token_opens_nothing() {
    let token = key(1).mint(NOW);
    assert_eq!(key(2).verify(&token, NOW), Err(CredentialError::Forged));
    // Another time under the same MAC.
    let later = token.replace("1767225600", "1767225601");
    assert_ne!(later, token);
    assert_eq!(key(1).verify(&later, NOW), Err(CredentialError::Forged));
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(key(1).verify(&changed, NOW).is_err(), "{at}: {changed}");
        assert!(key(1).verify(&token[..at], NOW).is_err(), "cut at {at}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let long = format!("v1.1767225600.{}.AAAA", "A".repeat(500));
    for text in [
        "",
        ".",
        "...",
        "v1",
        "v1.1.2",
        "v2.1767225600.AAAA.AAAA",
        "v1.1.2.3.4",
        &long,
    ] {
        let refused = key(1).verify(text, NOW).unwrap_err();
        assert!(
            matches!(refused, CredentialError::Malformed | CredentialError::Forged),
            "{text}: {refused}"
        );
    }
}

#[test]
fn two_tokens_of_one_second_differ_and_the_key_is_of_the_secret_alone() {
    let (one, two) = (key(1).mint(NOW), key(1).mint(NOW));
    assert_ne!(one, two);
    assert_eq!(key(1).verify(&two, NOW), Ok(()));
}

#[test]
fn the_two_kinds_of_token_open_only_their_own_door() {
    let key = key(1);
    let xds = key.xds_token();
    assert!(key.is_xds_token(&xds));
    assert_eq!(xds, self::key(1).xds_token(), "it never changes");
    assert!(key.verify(&xds, NOW).is_err());
    assert!(!key.is_xds_token(&key.mint(NOW)));
    assert!(!key.is_xds_token(&self::key(2).xds_token()));
    assert!(!key.is_xds_token("") && !key.is_xds_token(&xds[1..]));
}

#[test]
fn the_first_secret_makes_tokens_and_all_of_them_open() {
    let list = |secrets: &[u8]| Secrets::new(secrets.iter().map(|secret| [*secret; 32])).unwrap();
    let (old, new) = (key(1), key(2));
    let both = Key::derive(&list(&[1, 2]));
    for key in [&old, &new] {
        assert_eq!(both.verify(&key.mint(NOW), NOW), Ok(()));
        assert!(both.is_xds_token(&key.xds_token()));
    }
    assert_eq!(both.xds_token(), old.xds_token());
    assert_eq!(old.verify(&both.mint(NOW), NOW), Ok(()));
    let forged = new.verify(&both.mint(NOW), NOW);
    assert_eq!(forged, Err(CredentialError::Forged));

    // A rotation goes on under those who hold the key.
    both.replace(&list(&[2, 1]));
    assert_eq!(both.xds_token(), new.xds_token());
    assert_eq!(new.verify(&both.mint(NOW), NOW), Ok(()));
    assert_eq!(both.verify(&old.mint(NOW), NOW), Ok(()));
    both.replace(&list(&[2]));
    assert_eq!(both.verify(&old.mint(NOW), NOW), Err(CredentialError::Forged));
    assert!(!both.is_xds_token(&old.xds_token()));
}

/// Made before there was more than one secret.
#[test]
fn tokens_of_one_secret_have_not_changed() {
    assert_eq!(key(1).xds_token(), XDS);
    assert_eq!(key(1).verify(CALL, NOW), Ok(()));
}

const XDS: &str = "xds1.K7usB4jxVq_8TkhqEqnm-Nqt-qfiwe9KRTiUEPymDCc";
const CALL: &str = "v1.1767225600.BwcHBwcHBwcHBwcHBwcHBw.AEMQsjB9HlhT65urMPY-Ajdc_zb35qulk3cAJBEF9yo";

#[test]
fn a_call_carries_one_bearer_token() {
    let mut metadata = MetadataMap::new();
    assert_eq!(bearer(&metadata), Err(CredentialError::Missing));
    metadata.insert("authorization", "Bearer abc".parse().unwrap());
    assert_eq!(bearer(&metadata), Ok("abc"));
    metadata.append("authorization", "Bearer def".parse().unwrap());
    assert_eq!(bearer(&metadata), Err(CredentialError::Malformed));
    // What a user shows is nothing here.
    metadata.insert("authorization", "Pomerium abc".parse().unwrap());
    assert_eq!(bearer(&metadata), Err(CredentialError::Malformed));
}

#[test]
fn what_is_minted_on_a_call_is_verified() {
    let key = std::sync::Arc::new(key(1));
    let mut verify = Verify::new(key.clone());
    let minted = Mint::new(Some(key)).call(Request::new(())).unwrap();
    verify.call(minted).unwrap();
    let bare = Mint::new(None).call(Request::new(())).unwrap();
    assert_eq!(verify.call(bare).unwrap_err().code(), Code::Unauthenticated);
    let other = Mint::new(Some(std::sync::Arc::new(self::key(9))));
    let other = { other }.call(Request::new(())).unwrap();
    let refused = verify.call(other).unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(!refused.message().contains("v1."), "{refused}");
}

#[test]
fn debug_shows_nothing() {
    let shown = format!("{:?}", key(1));
    assert_eq!(shown, "Key { .. }");
}
