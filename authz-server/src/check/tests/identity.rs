//! Which cookie makes whom, and for how long.

use crate::fixture::{Ask, Fixture, HOST, any_user, no_claims, route, settings};
use portcullis_bundle::Provider;
use portcullis_model::SessionId;

#[tokio::test]
async fn a_cookie_is_a_session_on_its_host_only_and_while_it_lives() {
    let fixture = Fixture::of(&any_user());
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
    assert_eq!(fixture.check(&Ask::new()).await.status(), 302);

    let elsewhere = fixture.cookie(stored.session.id, "other.example.com");
    assert_eq!(fixture.check(&Ask::new().session(&elsewhere)).await.status(), 302);
    let nobody = fixture.cookie(SessionId(uuid::Uuid::nil()), HOST);
    assert_eq!(fixture.check(&Ask::new().session(&nobody)).await.status(), 302);

    // To the second: expiry is judged at the decision.
    fixture.clock.advance(14 * 3600 - 1);
    assert!(fixture.check(&Ask::new().session(&cookie)).await.passes());
    fixture.clock.advance(1);
    assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 302);
}

#[tokio::test]
async fn no_altered_cookie_is_a_session() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    for at in 0..cookie.len() {
        let mut bytes = cookie.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        assert_eq!(
            fixture.check(&Ask::new().session(&altered)).await.status(),
            302,
            "byte {at}"
        );
        assert_eq!(
            fixture.check(&Ask::new().session(&cookie[..at])).await.status(),
            302,
            "cut at {at}"
        );
    }
    for other in [
        format!("{cookie}{cookie}"),
        format!("{cookie}="),
        format!("\"{cookie}\""),
    ] {
        assert_eq!(
            fixture.check(&Ask::new().session(&other)).await.status(),
            302,
            "{other}"
        );
    }
}

#[tokio::test]
async fn two_cookies_of_our_name_make_nobody() {
    let fixture = Fixture::of(&any_user());
    let (_, mine) = fixture.session("user@example.com", no_claims()).await;
    let (_, tossed) = fixture.session("attacker@example.com", no_claims()).await;
    for (first, second) in [(&mine, &tossed), (&tossed, &mine)] {
        let one_line = Ask::new().header("cookie", format!("_pomerium={first}; _pomerium={second}"));
        let two_lines = Ask::new()
            .header("cookie", format!("_pomerium={first}"))
            .header("cookie", format!("a=1; _pomerium={second}"));
        for ask in [
            one_line.clone(),
            one_line.joined(),
            two_lines.clone(),
            two_lines.joined(),
        ] {
            assert_eq!(fixture.check(&ask).await.status(), 302, "{ask:?}");
        }
    }
}

#[tokio::test]
async fn both_forms_of_headers_give_one_decision() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    for (line, passes) in [
        (format!("_pomerium={cookie}"), true),
        (format!("a=1; _pomerium={cookie}; b=2"), true),
        (format!("a=1,2; _pomerium={cookie}"), true),
        // Only `;` parts cookies: this one is called `a`.
        (format!("a=1,_pomerium={cookie}"), false),
        (format!("a=1, _pomerium={cookie}"), false),
        (format!("_Pomerium={cookie}"), false),
    ] {
        let raw = Ask::new().header("cookie", &line);
        for ask in [raw.clone(), raw.joined()] {
            assert_eq!(fixture.check(&ask).await.passes(), passes, "{ask:?}");
        }
    }
    // Lines that the plain map has joined leave a doubt, and doubt is nobody.
    let two = Ask::new()
        .header("cookie", "a=1")
        .header("cookie", format!("_pomerium={cookie}"));
    assert!(fixture.check(&two).await.passes());
    assert_eq!(fixture.check(&two.joined()).await.status(), 302);
}

#[tokio::test]
async fn a_session_of_another_provider_is_none() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = Ask::new().session(&cookie);
    let mut other = settings();
    let provider = Provider::new(
        "oidc".into(),
        "https://idp2.example.com".into(),
        "client".into(),
        None,
        vec![],
    );
    other.provider = Some(provider);
    fixture.publish(other, [route(&any_user())]);
    assert_eq!(fixture.check(&ask).await.status(), 302);
    fixture.publish(settings(), [route(&any_user())]);
    assert!(fixture.check(&ask).await.passes());
}

#[tokio::test]
async fn other_keys_open_nothing() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let mut other = settings();
    other.keys.cookie_secret = [9; 32].into();
    fixture.publish(other, [route(&any_user())]);
    assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 302);
}

#[tokio::test]
async fn a_revocation_counts_at_once() {
    let fixture = Fixture::of(&any_user());
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = Ask::new().session(&cookie);
    assert!(fixture.check(&ask).await.passes());
    fixture.server.sessions().revoke(stored.session.id).await.unwrap();
    assert_eq!(fixture.check(&ask).await.status(), 302);
}
