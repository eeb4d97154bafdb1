//! What attackers try: requests that two readers could take for two things.

use crate::fixture::{Ask, Fixture, any_user, no_claims, public};
use envoy_types::ext_authz::v3::pb::HttpResponse;

#[tokio::test]
async fn a_path_that_servers_read_differently_is_refused() {
    let fixture = Fixture::of(&public());
    for path in [
        "/pub%2Fadmin",
        "/pub%2fadmin",
        "/pub%5Cadmin",
        "/pub/..%5cadmin",
        "/pub\\admin",
        "/pub/../admin",
        "/pub/./admin",
        "/..",
        "/.",
        "/pub/%2e%2e/admin",
        "/pub/.%2E/admin",
        "/pub/..;/admin",
        "/pub/..;a=1/admin",
        "/.;/x",
        "/pub/..%3b/admin",
        "/pub/%2e%2e%3Bx/admin",
        "//admin",
        "/pub//admin",
        "///",
        "/a b",
        "/a\tb",
        "/a\u{7f}",
        "/é",
    ] {
        let told = fixture.check(&Ask::new().path(path)).await;
        assert!(!told.passes(), "{path} passes");
        assert_eq!(
            (told.status(), &told.json()["code"]),
            (400, &"bad_request".into())
        );
    }
    for path in [
        "/",
        "/a/",
        "/...",
        "/..a/.b",
        "/a..",
        "/a;b/c;d=1",
        "/;/x",
        "/%252e%252e%252fadmin",
        "/%C3%A9",
        "/a%20b",
        "/*%7B%7D[]()",
        "/x?a=../..&b=%2f//\\",
    ] {
        assert!(fixture.check(&Ask::new().path(path)).await.passes(), "{path}");
    }
}

#[tokio::test]
async fn a_credential_of_ours_stays_outside_however_it_is_spaced() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    for (value, removed) in [
        ("Pomerium x", true),
        ("Pomerium  x", true),
        ("pOmErIuM\tx", true),
        ("Pomerium", true),
        ("Bearer Pomerium-x", true),
        ("Bearer   Pomerium-x", true),
        ("bearer\tpomerium-x", true),
        ("Basic YTpi, Pomerium x", true),
        ("Bearer x", false),
        ("Bearer x-Pomerium-", false),
        ("Pomeriums x", false),
        ("Basic Pomerium-x", false),
    ] {
        let ask = Ask::new().header("authorization", value);
        let told = fixture.check(&ask.clone().session(&cookie)).await;
        assert_eq!(told.removed().contains(&"authorization"), removed, "{value}");
        // Nor is who sends it redirected, as far as a login is concerned; two are refused.
        let status = match (removed, value.contains(',')) {
            (true, false) => 401,
            (true, true) => 400,
            (false, _) => 302,
        };
        assert_eq!(fixture.check(&ask).await.status(), status, "{value}");
    }
}

#[tokio::test]
async fn the_session_parameter_is_taken_out_however_it_is_written() {
    let fixture = Fixture::of(&any_user());
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    for (query, wanted) in [
        ("a=1", vec![]),
        ("pomerium_session=x", vec!["pomerium_session"]),
        ("a=1&pomerium%5fsession=x", vec!["pomerium%5fsession"]),
        (
            "%70omerium_session&pomerium_session=x&pomerium_session=y",
            vec!["%70omerium_session", "pomerium_session"],
        ),
        ("pomerium%255fsession=x&Pomerium_session=y", vec![]),
    ] {
        let ask = Ask::new().path(&format!("/?{query}")).session(&cookie);
        let told = fixture.check(&ask).await;
        let Some(HttpResponse::OkResponse(ok)) = &told.0.http_response else {
            panic!("not an allow: {told:?}")
        };
        assert_eq!(ok.query_parameters_to_remove, wanted, "{query}");
    }
}

/// Envoy answers with an empty 500 when our headers no longer fit beside the
/// client's.
#[tokio::test]
async fn headers_that_leave_no_room_for_ours_are_refused_in_words() {
    let fixture = Fixture::of(&public());
    let many = |count: usize| {
        let lines = 0..count;
        lines.fold(Ask::new(), |ask, line| ask.header(&format!("x-h{line}"), "v"))
    };
    let large = |bytes: usize| Ask::new().header("x-big", "a".repeat(bytes));
    for ask in [many(998), many(3_000), large(128 * 1024 - 100), large(300 * 1024)] {
        let told = fixture.check(&ask.header("accept", "application/json")).await;
        assert!(!told.passes());
        assert_eq!(
            (told.status(), &told.json()["code"]),
            (431, &"headers_too_large".into())
        );
    }
    for ask in [many(900), large(120 * 1024)] {
        assert!(fixture.check(&ask).await.passes());
    }
    // Who is refused anyway hears why.
    let fixture = Fixture::of(&any_user());
    assert_eq!(fixture.check(&many(998)).await.status(), 302);
}

#[tokio::test]
async fn a_browser_reads_of_a_bad_request_on_a_page() {
    let fixture = Fixture::of(&public());
    let bad = Ask::new().path("/%zz");
    let told = fixture
        .check(
            &bad.clone()
                .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        )
        .await;
    assert_eq!(told.status(), 400);
    assert_eq!(told.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(told.body().contains("bad_request"));
    for accept in [&b"application/json"[..], b"\xff", b""] {
        let told = fixture.check(&bad.clone().header("accept", accept)).await;
        assert_eq!(told.json()["code"], "bad_request");
    }
    let told = fixture.check(&bad.header("accept", "text/html").joined()).await;
    assert_eq!(told.header("content-type"), Some("text/html; charset=utf-8"));
}
