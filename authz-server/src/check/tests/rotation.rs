//! Secrets and signing keys replaced while sessions live.

use portcullis_bundle::Settings;
use portcullis_model::Secrets;
use portcullis_session::assertion::{self, SigningKeys};

use crate::clock::Clock as _;
use crate::fixture::{Ask, Fixture, any_user, no_claims, route, settings};

const ASSERTION: &str = "x-pomerium-jwt-assertion";
const IN_FOR: &str = "x-portcullis-in-jwt-assertion-for";
const FOR: &str = "x-pomerium-jwt-assertion-for";

fn secrets(numbers: &[u8]) -> Secrets {
    Secrets::new(numbers.iter().map(|number| [*number; 32])).unwrap()
}

fn with(cookie: &[u8], shared: &[u8]) -> Settings {
    let mut settings = settings();
    settings.keys.cookie_secret = secrets(cookie);
    settings.keys.shared_secret = secrets(shared);
    settings
}

/// The two blocks were made for this test and are used nowhere else.
fn pem(keys: &[&str]) -> Settings {
    let mut settings = settings();
    settings.keys.signing_key_pem = Some(keys.concat().into());
    settings
}

#[tokio::test]
async fn a_session_lets_in_until_its_secret_is_dropped() {
    let fixture = Fixture::of(&any_user());
    let (stored, old) = fixture.session("user@example.com", no_claims()).await;
    for (cookie, old_passes) in [
        (&[2_u8][..], true),
        (&[2, 12], true),
        (&[12, 2], true),
        (&[12], false),
        (&[2], true),
    ] {
        fixture.publish(with(cookie, &[1]), [route(&any_user())]);
        let passes = fixture.check(&Ask::new().session(&old)).await.passes();
        assert_eq!(passes, old_passes, "{cookie:?}");
        // One that is sealed now always does.
        let new = fixture.cookie(stored.session.id, crate::fixture::HOST);
        assert!(fixture.check(&Ask::new().session(&new)).await.passes());
    }
}

#[tokio::test]
async fn assertions_are_signed_by_the_first_secrets_key_and_all_are_known() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let kid = |secret: u8| {
        SigningKeys::derived(&[secret; 32].into())
            .unwrap()
            .kid()
            .to_owned()
    };
    let (old_kid, new_kid) = (kid(1), kid(11));
    let mut former: Option<String> = None;
    for (shared, first, passed_on) in [
        (&[1_u8][..], &old_kid, true),
        (&[1, 11], &old_kid, true),
        (&[11, 1], &new_kid, true),
        (&[11], &new_kid, true),
        (&[21], &kid(21), false),
    ] {
        fixture.publish(with(&[2], shared), [route(&any_user())]);
        let ask = Ask::new().session(&cookie);
        let told = fixture.check(&ask).await;
        let token = told.header(ASSERTION).unwrap().to_owned();
        let active = fixture.server.feed().active().unwrap();
        assert_eq!(active.signing.kid(), first, "{shared:?}");
        let only = SigningKeys::derived(
            &shared[..1]
                .try_into()
                .map(|[secret]: [u8; 1]| [secret; 32])
                .unwrap()
                .into(),
        );
        assert_eq!(
            assertion::verify(&only.unwrap(), &token, fixture.clock.now()),
            Ok(()),
            "{shared:?}"
        );
        // What the step before signed is still passed on.
        if let Some(former) = former.replace(token) {
            let told = fixture.check(&ask.header(IN_FOR, &former)).await;
            assert_eq!(
                told.header(FOR),
                passed_on.then_some(former.as_str()),
                "{shared:?}"
            );
        }
    }
}

#[tokio::test]
async fn of_several_signing_keys_the_first_signs_and_all_are_published() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let mut former: Option<String> = None;
    for (keys, published) in [
        (&[ONE][..], &[ONE][..]),
        (&[ONE, TWO], &[ONE, TWO]),
        (&[TWO, ONE], &[TWO, ONE]),
        (&[TWO], &[TWO]),
    ] {
        fixture.publish(pem(keys), [route(&any_user())]);
        let ask = Ask::new().session(&cookie);
        let token = fixture.check(&ask).await.header(ASSERTION).unwrap().to_owned();
        let active = fixture.server.feed().active().unwrap();
        let jwks: serde_json::Value = serde_json::from_slice(&active.jwks).unwrap();
        let found: Vec<&str> = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap())
            .collect();
        let wanted: Vec<String> = published
            .iter()
            .map(|key| SigningKeys::from_pem(key).unwrap().kid().to_owned())
            .collect();
        assert_eq!(found, wanted);
        let first = SigningKeys::from_pem(keys[0]).unwrap();
        assert_eq!(assertion::verify(&first, &token, fixture.clock.now()), Ok(()));
        if let Some(former) = former.replace(token) {
            let told = fixture.check(&ask.header(IN_FOR, &former)).await;
            assert_eq!(told.header(FOR), Some(former.as_str()));
        }
    }
}

const ONE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6OVQTYcSa+WqW8gu
szhvDBriEQ/kDT9q++UPChvyQ+WhRANCAATbZEaL6cAbmyrFyHe5XpztsSaoqcqV
0BnAPYCF4u8PGltp0iTfJ+y+LnCGCAAAt8q/h3hsMA6+sYPNWj2Yg+52
-----END PRIVATE KEY-----
";

const TWO: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6gW9rUC/sA2Om50e
7uAaY89ADXnPwln9hsv09YXCU32hRANCAARuN0MTAqMUVvXHc6eHDnygHZW6REr+
jOAz19JKxuEnpUYgD+YgXLKfVEcjhiBheLUgNLs/na5/7mp9xKOUZKSB
-----END PRIVATE KEY-----
";
