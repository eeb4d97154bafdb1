//! Who gets a redirect, who a 401, and in which form.

use crate::fixture::{Ask, Fixture, HOST, any_user, public, route, settings};
use portcullis_bundle::Authenticate;
use portcullis_session::{Purpose, browser, signed_url};
use url::Url;

#[tokio::test]
async fn each_line_of_the_login_answer_table() {
    let fixture = Fixture::of(&any_user());
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    let browser = || {
        Ask::new()
            .header("accept", html)
            .header("sec-fetch-mode", "navigate")
    };
    for (ask, status) in [
        (browser().header("content-type", "application/grpc"), 401),
        (browser().header("content-type", "application/grpc+proto"), 401),
        (
            browser().header("content-type", "application/grpc-web-text; charset=utf-8"),
            401,
        ),
        (
            browser().header("content-type", "Application/GRPC-Web+proto"),
            401,
        ),
        (browser().header("content-type", "application/grpcx"), 302),
        (browser().header("upgrade", "websocket"), 401),
        (browser().header("upgrade", "h2c, WebSocket"), 401),
        (browser().header("upgrade", "h2c"), 302),
        (browser().header("authorization", "Pomerium abc"), 401),
        (browser().header("authorization", "Bearer Pomerium-abc"), 401),
        (browser().header("authorization", "bearer pomerium-abc"), 401),
        (browser().header("authorization", "Bearer abc"), 302),
        (browser().header("x-pomerium-authorization", "abc"), 401),
        (browser().path("/?a=b&pomerium_session=abc"), 401),
        (browser().path("/?%70omerium_session=abc"), 401),
        (browser().path("/pomerium_session?x=pomerium_session"), 302),
        (browser().header("x-requested-with", "xmlhttprequest"), 401),
        (browser().header("x-requested-with", "com.example.app"), 302),
        (
            Ask::new().header("accept", html).header("sec-fetch-mode", "cors"),
            401,
        ),
        (
            Ask::new()
                .header("accept", html)
                .header("sec-fetch-mode", "no-cors"),
            401,
        ),
        (Ask::new().header("accept", "application/json"), 401),
        (Ask::new().header("accept", "image/png, text/plain"), 401),
        (
            Ask::new().header("accept", "application/json, text/html;q=0"),
            401,
        ),
        (Ask::new().header("accept", "application/json, */*;q=0.1"), 302),
        (
            Ask::new()
                .header("accept", "application/json")
                .header("accept", "text/html"),
            302,
        ),
        (
            browser().header("user-agent", "kubectl/v1.30 (linux/amd64) kubernetes/abc"),
            401,
        ),
        (browser().header("user-agent", "curl/8.5"), 302),
        (browser().method("POST"), 401),
        (browser().method("OPTIONS"), 401),
        (browser().method("get"), 401),
        (browser().method("HEAD"), 302),
        (Ask::new().method("CONNECT").path(""), 401),
        // Plain curl, and a client without any Accept.
        (Ask::new().header("accept", "*/*"), 302),
        (Ask::new(), 302),
    ] {
        let told = fixture.check(&ask).await;
        assert_eq!(told.status(), status, "{ask:?}");
        if status == 401 {
            assert!(
                told.header("www-authenticate")
                    .unwrap()
                    .starts_with("Bearer realm="),
                "{ask:?}"
            );
            assert_eq!(told.header("set-cookie"), None, "{ask:?}");
            assert_eq!(told.header("location"), None, "{ask:?}");
        } else {
            assert!(
                told.header("location")
                    .unwrap()
                    .starts_with("https://authenticate.example.com:8443/")
            );
            assert_eq!(told.header("www-authenticate"), None);
        }
    }
}

#[tokio::test]
async fn a_refusal_speaks_the_client_s_language() {
    let fixture = Fixture::of(&any_user());
    let kubernetes = fixture
        .check(
            &Ask::new()
                .header("accept", "application/json")
                .header("user-agent", "kubectl kubernetes/1"),
        )
        .await;
    assert_eq!(kubernetes.json()["kind"], "Status");
    assert_eq!(kubernetes.json()["reason"], "Unauthorized");
    assert_eq!(kubernetes.json()["code"], 401);

    let json = fixture
        .check(
            &Ask::new()
                .header("accept", "application/json")
                .header("x-requested-with", "XMLHttpRequest"),
        )
        .await;
    let body = json.json();
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(body["code"], "login_required");
    assert_eq!(body["request_id"], "req-1");
    let id: uuid::Uuid = body["decision_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);

    let page = fixture
        .check(&Ask::new().method("POST").header("accept", "text/html"))
        .await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(page.body().contains("login_required") && page.body().contains("req-1"));
    assert!(page.body().contains("send the request again"));

    let grpc = fixture
        .check(
            &Ask::new()
                .method("POST")
                .header("content-type", "application/grpc"),
        )
        .await;
    assert!(grpc.body().is_ascii() && !grpc.body().contains('<'));
    assert_eq!(grpc.header("grpc-status"), None, "Envoy makes it from the 401");

    let web = fixture
        .check(
            &Ask::new()
                .method("POST")
                .header("content-type", "application/grpc-web"),
        )
        .await;
    assert_eq!(web.header("grpc-status"), Some("16"));
}

#[tokio::test]
async fn the_redirect_is_signed_and_returns_to_the_canonical_host() {
    let fixture = Fixture::of(&any_user());
    let told = fixture
        .check(&Ask::new().host("VERIFY.example.com:8443").path("/a/b?c=d&e=%20f"))
        .await;
    let url = Url::parse(told.header("location").unwrap()).unwrap();
    assert_eq!(url.path(), "/.pomerium/sign_in");
    signed_url::verify(&[1; 32].into(), &url, crate::clock::Clock::now(&*fixture.clock)).unwrap();
    assert!(signed_url::verify(&[9; 32].into(), &url, crate::clock::Clock::now(&*fixture.clock)).is_err());
    let parameter = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(
        parameter("pomerium_redirect_uri"),
        "https://verify.example.com:8443/a/b?c=d&e=%20f"
    );
    let active = fixture.server.feed().active().unwrap();
    assert_eq!(
        parameter("pomerium_idp_id"),
        active.settings().provider.as_ref().unwrap().id
    );

    // The cookie is the one whose fingerprint the URL carries, on the route host.
    let cookie = told.header("set-cookie").unwrap();
    let value = cookie
        .strip_prefix("_pomerium_binding=")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; Secure") && cookie.contains("SameSite=Lax"));
    let print = parameter("portcullis_binding");
    assert!(browser::matches(
        &active.keys,
        Purpose::Binding,
        HOST,
        value,
        &print
    ));

    // A browser that holds a good one keeps it; a forged one is replaced.
    for (held, kept) in [(value, true), ("AAAA", false)] {
        let ask = Ask::new().header("cookie", format!("x=1; _pomerium_binding={held}"));
        let again = fixture.check(&ask).await;
        assert_eq!(again.header("set-cookie").is_none(), kept, "{held}");
        let location = again.header("location").unwrap().to_owned();
        assert_eq!(location.contains(&print), kept, "{held}");
    }
    // Before it goes it is set anew, so that it outlives this login too.
    fixture.clock.advance(31 * 60);
    let ask = Ask::new().header("cookie", format!("_pomerium_binding={value}"));
    let again = fixture.check(&ask).await;
    assert!(again.header("set-cookie").unwrap().contains(value));
}

#[tokio::test]
async fn a_long_address_loses_its_query_then_its_path() {
    let fixture = Fixture::of(&any_user());
    let long = "x".repeat(5000);
    for (path, wanted) in [
        (format!("/a?{long}"), "https://verify.example.com:8443/a"),
        (format!("/{long}"), "https://verify.example.com:8443/"),
        (
            format!("/a?{}", "\"".repeat(2000)),
            "https://verify.example.com:8443/a",
        ),
        (
            "/@evil.example/:80".to_owned(),
            "https://verify.example.com:8443/@evil.example/:80",
        ),
    ] {
        let told = fixture.check(&Ask::new().path(&path)).await;
        let url = Url::parse(told.header("location").unwrap()).unwrap();
        let to = url
            .query_pairs()
            .find(|(key, _)| key == "pomerium_redirect_uri")
            .unwrap()
            .1
            .into_owned();
        assert_eq!(to, wanted);
    }
}

#[tokio::test]
async fn without_an_authenticate_service_the_page_says_what_to_configure() {
    let hosted = Authenticate::Hosted {
        url: "https://authenticate.pomerium.app".to_owned(),
    };
    for (authenticate, code) in [
        (hosted, "hosted_authenticate"),
        (Authenticate::None, "authenticate_not_configured"),
    ] {
        let fixture = Fixture::empty();
        let mut changed = settings();
        changed.authenticate = authenticate;
        fixture.publish(changed, [route(&any_user())]);
        let told = fixture.check(&Ask::new()).await;
        assert_eq!(told.status(), 503);
        assert!(told.body().contains(code) && told.body().contains("authenticate_service_url"));
        // Not for those who would get a 401 in any case.
        assert_eq!(fixture.check(&Ask::new().method("POST")).await.status(), 401);
    }
    let fixture = Fixture::empty();
    let mut changed = settings();
    changed.provider = None;
    fixture.publish(changed, [route(&any_user())]);
    let told = fixture.check(&Ask::new()).await;
    assert!(told.body().contains("identity_provider_not_configured"));
}

#[tokio::test]
async fn crawlers_are_kept_out_only_where_the_host_refuses() {
    let refusing = Fixture::of(&any_user());
    let told = refusing.check(&Ask::new().path("/robots.txt?x")).await;
    assert_eq!((told.status(), told.body()), (200, super::super::answer::ROBOTS));
    assert_eq!(told.header("set-cookie"), None);
    let open = Fixture::of(&public());
    assert!(open.check(&Ask::new().path("/robots.txt")).await.passes());
    // Not when it is our own fault.
    let unknown = Ask::new()
        .path("/robots.txt")
        .context(&[("internal", "false"), ("route_id", "00")]);
    assert_eq!(refusing.check(&unknown).await.status(), 503);
}
