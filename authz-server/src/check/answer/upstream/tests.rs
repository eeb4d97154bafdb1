//! What a route sets, and what no template can say.

use crate::fixture::{Ask, Fixture, START, Told, any_user, no_claims, public, route, settings};
use portcullis_bundle::{Route, Template};
use portcullis_model::HeaderName;
use portcullis_policy::Legacy;
use serde_json::json;

const ASSERTION: &str = "x-pomerium-jwt-assertion";

fn with_headers(legacy: &Legacy, headers: &[(&str, &str)]) -> Route {
    Route {
        set_request_headers: headers
            .iter()
            .map(|(name, value)| (HeaderName::parse(name).unwrap(), Template::parse(value)))
            .collect(),
        ..route(legacy)
    }
}

fn serving(route: Route) -> Fixture {
    let fixture = Fixture::empty();
    fixture.publish(settings(), [route]);
    fixture
}

/// What one header is for a signed-in user who sends `ask` besides.
async fn sent(template: &str, ask: Ask) -> Option<String> {
    let fixture = serving(with_headers(&any_user(), &[("x-set", template)]));
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let told = fixture.check(&ask.session(&cookie)).await;
    assert!(told.passes(), "{told:?}");
    assert!(!told.removed().contains(&"x-set"));
    told.header("x-set").map(ToOwned::to_owned)
}

#[tokio::test]
async fn templates_are_rendered_from_session_and_request() {
    let ask = Ask::new()
        .header("X-Real-Ip", "192.0.2.1")
        .header("x-twice", "1")
        .header("X-Twice", "2");
    for (template, wanted) in [
        ("plain $$5", "plain $5"),
        ("Bearer ${pomerium.access_token}", "Bearer the-access-token"),
        ("$pomerium.id_token", "the-id-token"),
        ("a${pomerium.client_cert_fingerprint}b", "ab"),
        ("$pomerium.client_cert_san_dns$pomerium.client_cert_san_email", ""),
        ("${pomerium.request.headers[\"x-REAL-ip\"]}", "192.0.2.1"),
        ("${pomerium.request.headers[\"x-twice\"]}", "1,2"),
        ("${pomerium.request.headers[\"x-none\"]}", ""),
        ("${pomerium.user}", ""),
        ("  blank  ", "blank"),
    ] {
        let found = sent(template, ask.clone()).await;
        assert_eq!(found.as_deref(), Some(wanted), "{template}");
        let joined = sent(template, ask.clone().joined()).await;
        if !template.contains("twice") {
            assert_eq!(joined.as_deref(), Some(wanted), "{template}");
        }
    }
}

#[tokio::test]
async fn the_assertion_can_be_set_under_another_name() {
    for pass in [true, false] {
        let mut route = with_headers(&any_user(), &[("x-token", "Bearer $pomerium.jwt")]);
        route.pass_identity_headers = pass;
        let fixture = serving(route);
        let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
        let told = fixture.check(&Ask::new().session(&cookie)).await;
        let token = told.header("x-token").unwrap().strip_prefix("Bearer ").unwrap();
        assert_eq!(token.split('.').count(), 3, "{token}");
        assert_eq!(told.header(ASSERTION), pass.then_some(token));
        assert_eq!(told.removed().contains(&ASSERTION), !pass);
    }
}

#[tokio::test]
async fn nobody_signed_in_renders_as_nothing() {
    let fixture = serving(with_headers(
        &public(),
        &[
            ("authorization", "Bearer $pomerium.access_token"),
            ("x-id", "$pomerium.id_token"),
        ],
    ));
    let told = fixture
        .check(&Ask::new().header("authorization", "Basic own"))
        .await;
    assert_eq!(told.header("authorization"), Some("Bearer"), "not the client's");
    assert_eq!(told.header("x-id"), Some(""));
}

#[tokio::test]
async fn what_is_set_twice_is_joined_in_order() {
    let fixture = serving(with_headers(
        &public(),
        &[
            ("x-email", "static"),
            ("x-a", "1"),
            ("x-a", "2"),
            (ASSERTION, "${pomerium.jwt}"),
        ],
    ));
    let told = fixture.check(&Ask::new()).await;
    assert_eq!(told.header("x-email"), Some(",static"), "behind the empty claim");
    assert_eq!(told.header("x-a"), Some("1,2"));
    let (one, two) = told.header(ASSERTION).unwrap().split_once(',').unwrap();
    assert_eq!(one, two);
}

#[tokio::test]
async fn a_name_of_ours_takes_no_word_of_a_client() {
    let spoof = "${pomerium.request.headers[\"x-spoof\"]}";
    for name in [
        "x-pomerium-claim-email",
        "x-pomerium-jwt-assertion-for",
        "x_pomerium_claim_email",
        "x-email",
        "x_email",
        "x-portcullis-any",
    ] {
        for pass in [true, false] {
            let mut route = with_headers(&public(), &[(name, &format!("a{spoof}")), ("x-set", spoof)]);
            route.pass_identity_headers = pass;
            let fixture = serving(route);
            let ask = Ask::new()
                .header("x-spoof", "boss@example.com")
                .header(name, "boss@example.com");
            let told = fixture.check(&ask).await;
            assert_eq!(told.header(name).unwrap_or_default(), "", "{name}");
            assert!(
                told.header(name).is_some() || told.removed().contains(&name),
                "{name} passes"
            );
            assert_eq!(told.header("x-set"), Some("boss@example.com"));
        }
    }
    // The operator's own word stands, whatever else is passed.
    let mut route = with_headers(
        &public(),
        &[("x-pomerium-tier", "gold"), ("x-email", "ops@example.com")],
    );
    route.pass_identity_headers = false;
    let told = serving(route)
        .check(&Ask::new().header("x-pomerium-tier", "none"))
        .await;
    assert_eq!(told.header("x-pomerium-tier"), Some("gold"));
    assert_eq!(told.header("x-email"), Some("ops@example.com"));
    assert!(
        !told
            .removed()
            .iter()
            .any(|name| ["x-pomerium-tier", "x-email"].contains(name))
    );
}

#[tokio::test]
async fn templates_see_none_of_our_credentials() {
    let reference = |name: &str| format!("${{pomerium.request.headers[\"{name}\"]}}");
    for (name, value, wanted) in [
        ("cookie", "a=1; _pomerium_csrf=x", "a=1"),
        ("authorization", "Pomerium secret", ""),
        ("authorization", "Bearer pomerium-secret", ""),
        ("authorization", "Basic own", "Basic own"),
        ("x-pomerium-authorization", "secret", ""),
        ("x-portcullis-in-jwt-assertion", "secret", ""),
        ("x-email", "boss@example.com", ""),
        (":path", "/?pomerium_session=secret", ""),
    ] {
        let fixture = serving(with_headers(&public(), &[("x-set", &reference(name))]));
        let told = fixture.check(&Ask::new().header(name, value)).await;
        assert_eq!(told.header("x-set"), Some(wanted), "{name}: {value}");
    }
}

async fn with_cookie(template: &str) -> Told {
    let fixture = serving(with_headers(&any_user(), &[("cookie", template)]));
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let told = fixture
        .check(&Ask::new().header("cookie", format!("a=1; _pomerium={cookie}")))
        .await;
    assert!(told.passes());
    if let Some(sent) = told.header("cookie") {
        assert!(!sent.contains(&cookie) && !told.removed().contains(&"cookie"));
    }
    told
}

#[tokio::test]
async fn a_cookie_of_the_route_is_in_place_of_the_clients() {
    let reference = "${pomerium.request.headers[\"Cookie\"]}";
    assert_eq!(with_cookie("b=2").await.header("cookie"), Some("b=2"));
    let both = with_cookie(&format!("b=2; {reference}")).await;
    assert_eq!(both.header("cookie"), Some("b=2; a=1"));
    for nothing in ["", "$unknown", "_pomerium=x"] {
        let told = with_cookie(nothing).await;
        assert_eq!(told.header("cookie"), None, "{nothing}");
        assert!(told.removed().contains(&"cookie"));
    }
}

#[tokio::test]
async fn an_authorization_of_the_route_is_not_removed_with_ours() {
    let fixture = serving(with_headers(&any_user(), &[("authorization", "Basic c3RhdGlj")]));
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = Ask::new()
        .session(&cookie)
        .header("authorization", "Pomerium secret");
    let told = fixture.check(&ask).await;
    assert_eq!(told.header("authorization"), Some("Basic c3RhdGlj"));
    assert!(!told.removed().contains(&"authorization"));
}

#[tokio::test]
async fn what_cannot_stand_in_a_header_is_never_sent() {
    let long = "$$".repeat(61 * 1024);
    for evil in ["a\r\nx: y", "a\0b", "a\u{7f}", &long] {
        let fixture = serving(with_headers(&public(), &[("x-set", evil), ("x-email", evil)]));
        let told = fixture.check(&Ask::new().header("x-set", "own")).await;
        assert_eq!(
            told.header("x-set"),
            Some(""),
            "the client's own does not pass either"
        );
        assert_eq!(told.header("x-email"), Some(""));
    }
    let told = sent(
        "${pomerium.request.headers[\"x-raw\"]}",
        Ask::new().header("x-raw", b"\xff\x01"),
    )
    .await;
    assert_eq!(told.as_deref(), Some(""));
    // What frames the request is not the route's.
    let framing = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
    ];
    let headers: Vec<_> = framing.iter().map(|name| (*name, "1")).collect();
    let told = serving(with_headers(&public(), &headers))
        .check(&Ask::new())
        .await;
    for name in framing {
        assert_eq!(told.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    const DURATION: &str = "x-envoy-upstream-stream-duration-ms";
    let mut live = with_headers(&any_user(), &[(DURATION, "0")]);
    live.allow_websockets = true;
    let fixture = serving(live);
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    for ask in [Ask::new(), Ask::new().header("upgrade", "websocket")] {
        let told = fixture.check(&ask.clone().session(&cookie)).await;
        assert!(told.passes(), "{told:?}");
        let left = (
            told.header(DURATION).unwrap().parse::<i64>().unwrap(),
            fixture.clock.advance(1),
        )
            .0;
        assert!(
            (14 * 3_600_000 - 1_000..=14 * 3_600_000).contains(&left),
            "{left}"
        );
    }
    fixture.clock.advance(14 * 3600 - 3);
    let told = fixture.check(&Ask::new().session(&cookie)).await;
    assert_eq!(told.header(DURATION), Some("1000"), "{START}");
    let open = serving(with_headers(&public(), &[]));
    assert_eq!(
        open.check(&Ask::new()).await.header(DURATION),
        None,
        "nothing to end with"
    );
}

#[tokio::test]
async fn websockets_pass_where_the_route_and_the_policy_let_them() {
    let mut live = route(&any_user());
    live.allow_websockets = true;
    let fixture = serving(live);
    let ask = Ask::new()
        .header("upgrade", "WebSocket")
        .header("accept", "text/html");
    let told = fixture.check(&ask).await;
    assert_eq!(told.status(), 401, "no redirect for a websocket");
    let (_, cookie) = fixture.session("user@example.com", json!({})).await;
    assert!(fixture.check(&ask.clone().session(&cookie)).await.passes());

    let mut denied = route(&Legacy::default());
    denied.allow_websockets = true;
    fixture.publish(settings(), [denied]);
    let told = fixture.check(&ask.session(&cookie)).await;
    assert_eq!(told.status(), 403);
    assert!(told.body().contains("policy_denied"), "{}", told.body());
}
