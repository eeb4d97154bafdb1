use super::{PublishError, callback_url};
use crate::fixture::{Ask, Fixture, any_user, public, route, settings};
use portcullis_bundle::{Authenticate, Bundle};
use std::sync::Arc;

#[tokio::test]
async fn what_has_not_changed_lives_on() {
    let fixture = Fixture::of(&any_user());
    let before = fixture.server.feed().active().unwrap();
    fixture.publish(settings(), [route(&public())]);
    let after = fixture.server.feed().active().unwrap();
    assert_ne!(before.bundle.version, after.bundle.version);
    assert!(Arc::ptr_eq(&before.keys, &after.keys) && Arc::ptr_eq(&before.signing, &after.signing));
    assert!(Arc::ptr_eq(
        before.provider.as_ref().unwrap(),
        after.provider.as_ref().unwrap()
    ));
    assert_eq!(before.identity_epoch, after.identity_epoch);

    let mut changed = settings();
    changed.keys.shared_secret = [3; 32].into();
    changed.authenticate = Authenticate::Own {
        host: "login.example.com".parse().unwrap(),
        port: 443,
    };
    fixture.publish(changed, [route(&public())]);
    let last = fixture.server.feed().active().unwrap();
    assert!(!Arc::ptr_eq(&last.keys, &after.keys) && !Arc::ptr_eq(&last.signing, &after.signing));
    assert!(!Arc::ptr_eq(
        last.provider.as_ref().unwrap(),
        after.provider.as_ref().unwrap()
    ));
    assert_ne!(
        (&last.jwks, last.identity_epoch),
        (&after.jwks, after.identity_epoch)
    );
}

#[tokio::test]
async fn a_new_client_secret_makes_a_new_provider_and_keeps_sessions() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture
        .session("user@example.com", crate::fixture::no_claims())
        .await;
    let before = fixture.server.feed().active().unwrap();
    let mut changed = settings();
    changed.provider.as_mut().unwrap().client_secret = Some("rotated".to_owned().into());
    fixture.publish(changed, [route(&any_user())]);
    let after = fixture.server.feed().active().unwrap();
    assert!(!Arc::ptr_eq(
        before.provider.as_ref().unwrap(),
        after.provider.as_ref().unwrap()
    ));
    assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
}

#[tokio::test]
async fn a_bundle_that_cannot_serve_leaves_the_one_before() {
    let fixture = Fixture::of(&public());
    let before = fixture.server.feed().current().unwrap();
    let mut bad_key = settings();
    bad_key.keys.signing_key_pem = Some("not a key".to_owned().into());
    let mut bad_kind = settings();
    bad_kind.provider.as_mut().unwrap().kind = "other".to_owned();
    bad_kind.provider.as_mut().unwrap().id = "other".to_owned();
    for (settings, signing) in [(bad_key, true), (bad_kind, false)] {
        let error = fixture
            .server
            .feed()
            .publish(Arc::new(Bundle::new(Arc::new(settings), [])))
            .unwrap_err();
        assert_eq!(matches!(error, PublishError::SigningKey(_)), signing, "{error}");
        assert!(!error.to_string().contains("not a key"));
        assert_eq!(fixture.server.feed().current().unwrap().version, before.version);
        assert!(fixture.check(&Ask::new()).await.passes());
    }
}

#[tokio::test]
async fn a_policy_edit_counts_from_the_next_check() {
    let fixture = Fixture::of(&any_user());
    assert_eq!(fixture.check(&Ask::new()).await.status(), 302);
    fixture.publish(settings(), [route(&public())]);
    assert!(fixture.check(&Ask::new()).await.passes());
    fixture.publish(settings(), []);
    assert_eq!(fixture.check(&Ask::new()).await.status(), 503);
}

#[test]
fn the_callback_is_pomerium_s() {
    let own = |port| Authenticate::Own {
        host: "login.example.com".parse().unwrap(),
        port,
    };
    assert_eq!(
        callback_url(&own(443)).unwrap().as_str(),
        "https://login.example.com/oauth2/callback"
    );
    assert_eq!(
        callback_url(&own(8443)).unwrap().as_str(),
        "https://login.example.com:8443/oauth2/callback"
    );
    assert_eq!(callback_url(&Authenticate::None), None);
}
