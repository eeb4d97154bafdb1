//! Tokens of programs: where they count, whom they make, and that they go nowhere.

use crate::fixture::{Ask, Fixture, HOST, any_user, no_claims, public, route, settings};
use envoy_types::ext_authz::v3::pb::HttpResponse;

/// The request with its token in each of Pomerium's places.
fn places(token: &str) -> [Ask; 4] {
    [
        Ask::new().header("x-pomerium-authorization", token),
        Ask::new().header("authorization", format!("Pomerium {token}")),
        Ask::new().header("authorization", format!("Bearer Pomerium-{token}")),
        Ask::new().path(&format!("/path?a=1&pomerium_session={token}&b=2")),
    ]
}

async fn a_user() -> (Fixture, String, String) {
    let fixture = Fixture::of(&any_user());
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    let token = fixture.token(stored.session.id, HOST);
    (fixture, token, cookie)
}

#[tokio::test]
async fn a_token_is_its_session_in_each_place_and_goes_no_further() {
    let (fixture, token, _) = a_user().await;
    let header = ["authorization", "x-pomerium-authorization"];
    for ask in places(&token).into_iter().chain(places(&token).map(Ask::joined)) {
        let told = fixture.check(&ask).await;
        assert!(told.passes(), "{ask:?}");
        assert_eq!(told.header("x-email"), Some("user@example.com"));
        let Some(HttpResponse::OkResponse(ok)) = &told.0.http_response else {
            panic!("not an allow: {told:?}")
        };
        for (name, _) in ask.headers.iter().filter(|(name, _)| header.contains(&&**name)) {
            assert!(ok.headers_to_remove.contains(name), "{ask:?}");
        }
        let in_query = ask.path.contains("pomerium_session");
        let removed: &[&str] = if in_query { &["pomerium_session"] } else { &[] };
        assert_eq!(ok.query_parameters_to_remove, removed);
        assert!(!format!("{told:?}").contains(&token), "{told:?}");
    }
}

#[tokio::test]
async fn a_token_lives_as_long_as_its_session() {
    let (fixture, token, _) = a_user().await;
    fixture.clock.advance(14 * 3600 - 1);
    for ask in places(&token) {
        assert!(fixture.check(&ask).await.passes());
    }
    fixture.clock.advance(1);
    for ask in places(&token) {
        let told = fixture.check(&ask.header("accept", "text/html")).await;
        assert_eq!((told.status(), told.header("location")), (401, None));
    }

    let (stored, _) = fixture.session("other@example.com", no_claims()).await;
    let token = fixture.token(stored.session.id, HOST);
    let [ask, ..] = places(&token);
    assert!(fixture.check(&ask).await.passes());
    fixture.server.sessions().revoke(stored.session.id).await.unwrap();
    assert_eq!(fixture.check(&ask).await.status(), 401);
}

/// OI-14: whoever sends a token does not know what to do with a redirect.
#[tokio::test]
async fn a_token_that_counts_for_nothing_gets_no_redirect() {
    let (fixture, token, _) = a_user().await;
    let elsewhere = {
        let (stored, _) = fixture.session("user@example.com", no_claims()).await;
        fixture.token(stored.session.id, "other.example.com")
    };
    let altered = format!("{}A", &token[..token.len() - 1]);
    for text in ["x", "a.b.c", &elsewhere, &altered, &format!("{token}.")] {
        for ask in places(text) {
            let told = fixture
                .check(
                    &ask.header("accept", "text/html")
                        .header("sec-fetch-mode", "navigate"),
                )
                .await;
            assert_eq!((told.status(), told.header("set-cookie")), (401, None), "{text}");
            assert!(told.header("www-authenticate").is_some());
        }
    }
    // The case of what stands before it counts.
    for (name, value) in [
        ("authorization", format!("pomerium {token}")),
        ("authorization", format!("bearer Pomerium-{token}")),
        ("authorization", format!("Bearer pomerium-{token}")),
        ("authorization", format!("Pomerium  {token}")),
    ] {
        assert_eq!(
            fixture.check(&Ask::new().header(name, &value)).await.status(),
            401,
            "{value}"
        );
    }
    // On a public route nobody is somebody by it, and it stays outside all the same.
    let open = Fixture::of(&public());
    let told = open
        .check(&Ask::new().header("authorization", "Bearer Pomerium-x"))
        .await;
    assert_eq!(told.removed(), ["authorization"]);
    assert_eq!(told.header("x-email"), Some(""));
}

#[tokio::test]
async fn a_cookie_comes_first_and_a_useless_one_ends_the_search() {
    let (fixture, token, cookie) = a_user().await;
    let (_, other) = fixture.session("cookie@example.com", no_claims()).await;
    for ask in places(&token) {
        let told = fixture.check(&ask.clone().session(&other)).await;
        assert_eq!(told.header("x-email"), Some("cookie@example.com"));
        for useless in ["", "x", &cookie[1..]] {
            assert_eq!(fixture.check(&ask.clone().session(useless)).await.status(), 401);
        }
        // Neither does it help against two that differ.
        let two = ask.session(&cookie).session(&other);
        assert_eq!(fixture.check(&two).await.status(), 401);
    }
}

#[tokio::test]
async fn of_two_tokens_none_is_chosen() {
    let (fixture, token, cookie) = a_user().await;
    let (stored, _) = fixture.session("other@example.com", no_claims()).await;
    let other = fixture.token(stored.session.id, HOST);
    let bearer = |token: &str| format!("Bearer Pomerium-{token}");
    for ask in [
        Ask::new()
            .header("x-pomerium-authorization", &token)
            .header("authorization", bearer(&other)),
        Ask::new()
            .header("authorization", bearer(&token))
            .path(&format!("/?pomerium_session={other}")),
        Ask::new().path(&format!("/?pomerium_session={token}&pomerium_session={other}")),
        Ask::new()
            .header("authorization", bearer(&token))
            .header("authorization", bearer(&token)),
        Ask::new()
            .header("authorization", "Basic YTpi")
            .header("authorization", bearer(&token)),
        Ask::new()
            .header("x-pomerium-authorization", &token)
            .header("x-pomerium-authorization", "x"),
    ] {
        let told = fixture.check(&ask).await;
        assert_eq!(told.status(), 400, "{ask:?}");
        assert!(told.body().contains("bad_request"));
        assert_eq!(
            fixture.check(&ask.clone().joined()).await.status(),
            400,
            "{ask:?}"
        );
        // A cookie has been found before anybody looks at them.
        assert!(fixture.check(&ask.session(&cookie)).await.passes());
    }
    // The same one twice leaves no doubt.
    let twice = Ask::new()
        .header("x-pomerium-authorization", &token)
        .path(&format!("/?pomerium_session={token}"));
    assert!(fixture.check(&twice).await.passes());
}

/// CK-16: each thing that we seal or sign is good for its own purpose alone.
#[tokio::test]
async fn a_cookie_or_an_assertion_is_no_token_and_a_token_is_no_cookie() {
    let (fixture, token, cookie) = a_user().await;
    for ask in places(&cookie) {
        assert_eq!(fixture.check(&ask).await.status(), 401);
    }
    let told = fixture.check(&Ask::new().session(&cookie)).await;
    let assertion = told.header("x-pomerium-jwt-assertion").unwrap().to_owned();
    for ask in places(&assertion) {
        assert_eq!(fixture.check(&ask).await.status(), 401);
    }
    assert_eq!(fixture.check(&Ask::new().session(&token)).await.status(), 302);
    let sealed = token.rsplit_once('.').unwrap().1;
    assert_eq!(fixture.check(&Ask::new().session(sealed)).await.status(), 302);
}

#[tokio::test]
async fn a_token_of_another_provider_or_secret_is_none() {
    let (fixture, token, _) = a_user().await;
    let [ask, ..] = places(&token);
    let mut other = settings();
    other.provider.as_mut().unwrap().id = "another".to_owned();
    fixture.publish(other, [route(&any_user())]);
    assert_eq!(fixture.check(&ask).await.status(), 401);
    let mut other = settings();
    other.keys.cookie_secret = [9; 32].into();
    fixture.publish(other, [route(&any_user())]);
    assert_eq!(fixture.check(&ask).await.status(), 401);
    fixture.publish(settings(), [route(&any_user())]);
    assert!(fixture.check(&ask).await.passes());
}

#[tokio::test]
async fn a_referer_that_shows_a_token_stays_outside() {
    let (fixture, token, cookie) = a_user().await;
    let ask = Ask::new().session(&cookie);
    let shows = format!("https://{HOST}/?pomerium_session={token}");
    for (referer, removed) in [(shows.as_str(), true), ("https://a.test/?session=x", false)] {
        let told = fixture.check(&ask.clone().header("referer", referer)).await;
        assert_eq!(told.removed().contains(&"referer"), removed, "{referer}");
    }
}

/// A link of another site makes nobody somebody else: its token counts for nothing and
/// still goes no further. Programs say nothing of where they come from.
#[tokio::test]
async fn a_token_in_the_query_does_not_count_where_another_site_has_put_it_there() {
    let (fixture, token, _) = a_user().await;
    let ask = Ask::new().path(&format!("/path?a=1&pomerium_session={token}"));
    let own = format!("https://{HOST}:8443");
    for headers in [
        &[][..],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", own.as_str())],
    ] {
        let asked = headers
            .iter()
            .fold(ask.clone(), |ask, (name, value)| ask.header(name, value));
        for asked in [asked.clone(), asked.clone().joined()] {
            assert!(fixture.check(&asked).await.passes(), "{headers:?}");
        }
    }
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://verify.example.com")],
    ] {
        let asked = headers
            .iter()
            .fold(ask.clone(), |ask, (name, value)| ask.header(name, value));
        for asked in [asked.clone(), asked.clone().joined()] {
            let told = fixture.check(&asked).await;
            assert_eq!(told.status(), 302, "a person may sign in: {headers:?}");
            let script = told.header("location").unwrap();
            assert!(script.starts_with("https://authenticate.example.com:8443/.pomerium/sign_in?"));
        }
        // A token in a header is not put there by a link.
        let told = fixture
            .check(&asked.header("x-pomerium-authorization", &token))
            .await;
        assert!(told.passes(), "{headers:?}");
    }
    // It goes upstream nowhere.
    let open = Fixture::of(&public());
    let told = open.check(&ask.header("sec-fetch-site", "cross-site")).await;
    let Some(HttpResponse::OkResponse(ok)) = &told.0.http_response else {
        panic!("not an allow: {told:?}")
    };
    assert_eq!(ok.query_parameters_to_remove, ["pomerium_session"]);
    assert_eq!(told.header("x-email"), Some(""));
}

/// Each spelling is a removal of its own, and a query has room for thousands.
#[tokio::test]
async fn a_token_named_in_many_ways_is_refused() {
    let (fixture, _, cookie) = a_user().await;
    let open = Fixture::of(&public());
    let name = |number: usize| {
        let spelled = "pomerium_session"
            .bytes()
            .enumerate()
            .map(|(at, byte)| match number >> at & 1 {
                0 => char::from(byte).to_string(),
                _ => format!("%{byte:02x}"),
            });
        spelled.collect::<String>()
    };
    for (count, passes) in [(1, true), (8, true), (9, false), (4000, false)] {
        // Each of them twice.
        let names: Vec<String> = (0..count).chain(0..count).map(name).collect();
        let ask = Ask::new().path(&format!("/?{}", names.join("&")));
        let told = open.check(&ask).await;
        assert_eq!(told.passes(), passes, "{count}");
        match &told.0.http_response {
            Some(HttpResponse::OkResponse(ok)) => assert_eq!(ok.query_parameters_to_remove, names[..count]),
            _ => assert_eq!(told.status(), 400),
        }
        let told = fixture.check(&ask.session(&cookie)).await;
        assert_eq!(told.passes(), passes, "{count} beside a cookie");
    }
}
