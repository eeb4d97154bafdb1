//! What reaches the upstream of an allowed request, and what does not.

use crate::fixture::{Ask, Fixture, HOST, any_user, no_claims, public, route, settings};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const ASSERTION: &str = "x-pomerium-jwt-assertion";

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn identity_headers_are_overwritten_from_the_session() {
    let fixture = Fixture::of(&any_user());
    let (stored, cookie) = fixture
        .session(
            "user@example.com",
            json!({"groups": ["admins", "dev"], "name": "U"}),
        )
        .await;
    let ask = Ask::new()
        .session(&cookie)
        .header("x-email", "boss@example.com")
        .header("x-department", "all");
    let told = fixture.check(&ask).await;
    assert_eq!(told.header("x-email"), Some("user@example.com"));
    assert_eq!(told.header("x-pomerium-claim-groups"), Some("admins,dev"));
    // A claim that the user lacks is empty, not the client's.
    assert_eq!(told.header("x-department"), Some(""));
    let claims = claims(told.header(ASSERTION).unwrap());
    assert_eq!(claims["aud"], HOST);
    assert_eq!(claims["iss"], HOST);
    assert_eq!(claims["email"], "user@example.com");
    assert_eq!(claims["sid"], stored.id_text);
    let names = ["x-email", "x-department", "x-pomerium-claim-groups", ASSERTION];
    assert!(
        told.removed().iter().all(|removed| !names.contains(removed)),
        "{:?}",
        told.removed()
    );
}

#[tokio::test]
async fn an_anonymous_request_has_an_assertion_of_nobody() {
    let fixture = Fixture::of(&public());
    let told = fixture
        .check(&Ask::new().header("x-email", "boss@example.com"))
        .await;
    let claims = claims(told.header(ASSERTION).unwrap());
    assert_eq!(
        (&claims["sub"], &claims["email"], &claims["groups"]),
        (&json!(""), &json!(""), &json!([]))
    );
    assert_eq!(told.header("x-email"), Some(""));
}

#[tokio::test]
async fn without_identity_headers_the_client_s_own_are_removed() {
    let fixture = Fixture::empty();
    let mut quiet = route(&public());
    quiet.pass_identity_headers = false;
    fixture.publish(settings(), [quiet]);
    let told = fixture.check(&Ask::new()).await;
    for name in [
        ASSERTION,
        "x-pomerium-jwt-assertion-for",
        "x-email",
        "x-department",
        "x-pomerium-claim-groups",
    ] {
        assert!(told.removed().contains(&name), "{name} stays");
        assert_eq!(told.header(name), None);
    }
}

#[tokio::test]
async fn names_that_only_we_may_use_are_removed() {
    let fixture = Fixture::of(&public());
    let spoofs = [
        "x-pomerium-claim-other",
        "x-pomerium-authorization",
        "X-Pomerium-Anything",
        "x_pomerium_jwt_assertion",
        "x-pomerium_jwt-assertion",
        "x_email",
        "x-portcullis-in-jwt-assertion",
        "x-portcullis-in-jwt-assertion-for",
        "x_portcullis_scope",
    ];
    let mut ask = Ask::new().header("x-pomerium", "fine").header("x-emails", "fine");
    for name in spoofs {
        ask = ask.header(name, "spoof");
    }
    for ask in [ask.clone(), ask.joined()] {
        let told = fixture.check(&ask).await;
        for name in spoofs {
            assert!(told.removed().contains(&name), "{name} stays");
        }
        assert!(!told.removed().contains(&"x-pomerium") && !told.removed().contains(&"x-emails"));
        // Envoy removes last: what is overwritten must not be removed.
        for name in [ASSERTION, "x-email"] {
            assert!(told.header(name).is_some() && !told.removed().contains(&name));
        }
    }
}

#[tokio::test]
async fn our_cookies_and_credentials_never_go_upstream() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ours = format!("_pomerium={cookie}");
    for (lines, rest) in [
        (vec![ours.clone()], None),
        (
            vec![format!(
                "{ours}; _pomerium_csrf=x; _pomerium_authenticate=y;_pomerium_binding=z"
            )],
            None,
        ),
        (vec![format!("a=1; {ours}; b=2")], Some("a=1; b=2")),
        (
            vec!["a=1".to_owned(), ours.clone(), "b=2".to_owned()],
            Some("a=1; b=2"),
        ),
        (vec![format!("_pomerium2=1; {ours} ")], Some("_pomerium2=1")),
        (vec![format!("a=1 ;{ours}")], Some("a=1")),
    ] {
        let ask = lines
            .iter()
            .fold(Ask::new(), |ask, line| ask.header("cookie", line));
        let told = fixture.check(&ask).await;
        assert!(told.passes(), "{lines:?}");
        assert_eq!(told.header("cookie"), rest, "{lines:?}");
        assert_eq!(told.removed().contains(&"cookie"), rest.is_none(), "{lines:?}");
    }
    // Cookies of others alone are left as they are.
    let open = Fixture::of(&public());
    let told = open.check(&Ask::new().header("cookie", "a=1")).await;
    assert!(told.header("cookie").is_none() && !told.removed().contains(&"cookie"));

    for (value, removed) in [
        ("Pomerium x", true),
        ("Bearer Pomerium-x", true),
        ("Bearer x", false),
        ("Basic x", false),
    ] {
        let told = fixture
            .check(&Ask::new().session(&cookie).header("authorization", value))
            .await;
        assert_eq!(told.removed().contains(&"authorization"), removed, "{value}");
    }
    let told = fixture
        .check(&Ask::new().session(&cookie).path("/?a=1&pomerium_session=x"))
        .await;
    let Some(envoy_types::ext_authz::v3::pb::HttpResponse::OkResponse(ok)) = told.0.http_response else {
        panic!()
    };
    assert_eq!(ok.query_parameters_to_remove, ["pomerium_session"]);
}

#[tokio::test]
async fn a_claim_cannot_break_out_of_its_header() {
    let fixture = Fixture::of(&any_user());
    for evil in ["a\r\nset-cookie: evil=1", "a\nb", "a\0b", " a", "a\u{7f}"] {
        let (_, cookie) = fixture
            .session(
                evil,
                json!({"department": evil, "groups": [evil, "dev"], "name": evil}),
            )
            .await;
        let told = fixture.check(&Ask::new().session(&cookie)).await;
        assert_eq!(told.header("x-email"), Some(""), "{evil:?}");
        assert_eq!(told.header("x-department"), Some(""), "{evil:?}");
        assert_eq!(told.header("x-pomerium-claim-groups"), Some("dev"), "{evil:?}");
    }
}

#[tokio::test]
async fn a_claim_header_never_takes_the_place_of_framing() {
    let fixture = Fixture::empty();
    let mut careless = settings();
    for name in [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "cookie",
    ] {
        careless.jwt_claims_headers.push((
            portcullis_model::HeaderName::parse(name).unwrap(),
            "email".to_owned(),
        ));
    }
    fixture.publish(careless, [route(&public())]);
    let told = fixture.check(&Ask::new()).await;
    assert!(told.passes());
    for name in [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "cookie",
    ] {
        assert_eq!(told.header(name), None, "{name} is set");
    }
}

#[tokio::test]
async fn an_assertion_is_given_out_for_a_minute() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = Ask::new().session(&cookie);
    let token = async || fixture.check(&ask).await.header(ASSERTION).unwrap().to_owned();
    let first = token().await;
    fixture.clock.advance(59);
    assert_eq!(token().await, first);
    fixture.clock.advance(1);
    let second = token().await;
    assert_ne!(claims(&second)["jti"], claims(&first)["jti"]);
    // A clock that goes back makes a new one too.
    fixture.clock.advance(-10);
    assert_ne!(token().await, second);

    // Other users, other routes and other settings never share one.
    let (_, other) = fixture.session("other@example.com", no_claims()).await;
    let told = fixture.check(&Ask::new().session(&other)).await;
    assert_eq!(
        claims(told.header(ASSERTION).unwrap())["email"],
        "other@example.com"
    );
    let before = token().await;
    fixture.publish(settings(), [route(&any_user())]);
    assert_eq!(token().await, before, "the same keys and headers: kept");
    let mut changed = settings();
    changed.jwt_claims_headers.clear();
    fixture.publish(changed, [route(&any_user())]);
    let told = fixture.check(&ask).await;
    assert_eq!(told.header("x-email"), None);
    fixture.clock.advance(3600);
    fixture.server.sweep().await;
    assert_eq!(fixture.server.assertions().len(), 0);
}

#[tokio::test]
async fn only_an_assertion_of_ours_is_passed_on() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let good = fixture
        .check(&Ask::new().session(&cookie))
        .await
        .header(ASSERTION)
        .unwrap()
        .to_owned();
    let stranger = {
        let fixture = Fixture::empty();
        let mut other = settings();
        other.keys.shared_secret = [9; 32].into();
        fixture.publish(other, [route(&public())]);
        fixture
            .check(&Ask::new())
            .await
            .header(ASSERTION)
            .unwrap()
            .to_owned()
    };
    const IN: &str = "x-portcullis-in-jwt-assertion";
    const IN_FOR: &str = "x-portcullis-in-jwt-assertion-for";
    const FOR: &str = "x-pomerium-jwt-assertion-for";
    for (headers, passed) in [
        (vec![(IN, good.as_str())], true),
        (vec![(IN_FOR, good.as_str())], true),
        (vec![(IN_FOR, good.as_str()), (IN, "x")], true),
        (vec![(IN_FOR, ""), (IN, good.as_str())], true),
        (vec![(IN_FOR, "x"), (IN, good.as_str())], false),
        (vec![(IN, stranger.as_str())], false),
        (vec![(IN, "")], false),
        // Under the public names a client may say what it wants: it is removed.
        (vec![(FOR, good.as_str()), (ASSERTION, good.as_str())], false),
        (vec![], false),
    ] {
        let ask = headers
            .iter()
            .fold(Ask::new().session(&cookie), |ask, (name, value)| {
                ask.header(name, value)
            });
        let told = fixture.check(&ask).await;
        assert_eq!(told.header(FOR), passed.then_some(good.as_str()), "{headers:?}");
        for (name, _) in headers
            .iter()
            .filter(|(name, _)| *name != ASSERTION && (*name != FOR || !passed))
        {
            assert!(told.removed().contains(name), "{name} stays");
        }
    }
    fixture.clock.advance(301);
    let told = fixture
        .check(&Ask::new().session(&cookie).header(IN, &good))
        .await;
    assert_eq!(told.header(FOR), None, "it has expired");
}

#[tokio::test]
async fn a_websocket_is_refused_even_where_the_policy_allows() {
    let fixture = Fixture::of(&public());
    let told = fixture.check(&Ask::new().header("upgrade", "WebSocket")).await;
    assert!(!told.passes());
    assert_eq!(told.status(), 403);
    assert!(told.body().contains("upgrade_refused"));
    let page = Ask::new().context(&[("internal", "true"), ("route_id", "")]);
    assert!(fixture.check(&page).await.passes());
    assert!(!fixture.check(&page.header("upgrade", "websocket")).await.passes());
}
