//! Routes that lead to no upstream, behind an Envoy that knows nothing of them.

use super::routes::{found, nothing_said, outcome};
use crate::check::answer::Verdict;
use crate::fixture::{Ask, Fixture, HOST, any_user, no_claims, public, settings};
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{Content, OwnAnswer, PathRedirect, Redirect, Route, SchemeRedirect};
use portcullis_model::HeaderName;
use portcullis_policy::Legacy;
use std::sync::Arc;

const AT: &str = "verify.example.com:8443";

fn responds(status: u16, body: &str) -> Content {
    Content::Respond {
        status,
        body: body.to_owned(),
    }
}

fn nowhere() -> Redirect {
    Redirect {
        scheme: None,
        host: None,
        port: None,
        path: None,
        status: 302,
        strip_query: false,
    }
}

fn answering(content: Content, path: PathPattern, legacy: &Legacy) -> Route {
    with_headers(content, path, legacy, &[])
}

fn with_headers(content: Content, path: PathPattern, legacy: &Legacy, headers: &[(&str, &str)]) -> Route {
    let header = |(name, value): &(&str, &str)| (HeaderName::parse(name).unwrap(), (*value).to_owned());
    Route {
        answer: Some(Arc::new(OwnAnswer {
            content,
            headers: headers.iter().map(header).collect(),
        })),
        ..found(1, "own", HOST, path, 0, legacy)
    }
}

fn prefix(text: &str) -> PathPattern {
    PathPattern::Prefix(text.to_owned())
}

fn fixture(routes: impl IntoIterator<Item = Route>) -> Fixture {
    let fixture = Fixture::empty();
    fixture.publish(settings(), routes);
    fixture
}

/// `GET` of this, found by host and path and by the route's name.
fn asks(path: &str) -> [Ask; 2] {
    let ask = nothing_said(AT, path);
    [ask.clone(), ask.context(&[("route", "own")])]
}

#[tokio::test]
async fn a_fixed_answer_lets_nothing_through() {
    let closed = answering(responds(404, "gone"), prefix("/internal"), &public());
    let rest = found(2, "rest", HOST, PathPattern::Any, 1, &public());
    let fixture = fixture([closed, rest]);
    for ask in asks("/internal/x") {
        for ask in [ask.clone(), ask.method("HEAD")] {
            let told = fixture.check(&ask).await;
            assert!(!told.passes());
            assert_eq!((told.status(), told.body()), (404, "gone"));
            assert_eq!(told.header("content-type"), Some("text/plain"));
            assert_eq!((told.header("location"), told.header("set-cookie")), (None, None));
        }
    }
    assert!(fixture.check(&nothing_said(AT, "/else")).await.passes());
    let metrics = fixture.server.metrics();
    assert_eq!(metrics.checks(Verdict::Answered), 4);
    assert_eq!(metrics.checks(Verdict::Allowed), 1);
}

#[tokio::test]
async fn the_policy_decides_first() {
    let own = |legacy: &Legacy| fixture([answering(responds(200, "secret"), PathPattern::Any, legacy)]);
    let ask = nothing_said(AT, "/");
    assert_eq!(outcome(&own(&Legacy::default()), &ask).await, "policy_denied");
    let fixture = own(&any_user());
    let told = fixture.check(&ask).await;
    assert_eq!((told.status(), told.body()), (302, ""));
    assert!(told.header("location").unwrap().contains("/.pomerium/sign_in"));
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let told = fixture.check(&ask.session(&cookie)).await;
    assert_eq!((told.status(), told.body()), (200, "secret"));
    assert!(!format!("{told:?}").contains("user@example.com"), "{told:?}");
}

#[tokio::test]
async fn our_own_envoy_answers_itself() {
    let route = || Route {
        id: crate::fixture::ROUTE,
        ..answering(responds(404, ""), PathPattern::Any, &public())
    };
    assert!(fixture([route()]).check(&Ask::new()).await.passes());
    // Where the Envoy is another's its context proves nothing.
    let fixture = Fixture::in_band();
    fixture.publish(settings(), [route()]);
    assert_eq!(fixture.check(&Ask::new()).await.status(), 404);
}

#[tokio::test]
async fn a_redirect_leads_where_envoy_would_lead() {
    let text = |text: &str| Some(text.to_owned());
    let path = |text: &str| Some(PathRedirect::Path(text.to_owned()));
    let rewrite = |text: &str| Some(PathRedirect::Prefix(text.to_owned()));
    let named = |text: &str| Some(SchemeRedirect::Named(text.to_owned()));
    let https = Some(SchemeRedirect::Https(true));
    let to = nowhere;
    let any = || PathPattern::Any;
    let exact = || PathPattern::Path("/a/b".to_owned());
    let regex = || PathPattern::Regex("/a/.*".to_owned());
    let host = || Redirect {
        host: text("www.example.com"),
        ..to()
    };
    #[rustfmt::skip]
    let cases: Vec<(Redirect, PathPattern, &str, &str, &str, &str)> = vec![
        (host(), any(), AT, "https", "/a/b?c=d", "https://www.example.com/a/b?c=d"),
        (host(), any(), AT, "http", "/a", "http://www.example.com/a"),
        (Redirect { host: text("www.example.com:1"), ..to() }, any(), AT, "https", "/", "https://www.example.com:1/"),
        (Redirect { host: text(""), ..to() }, any(), "VERIFY.example.com.", "https", "/", "https://verify.example.com/"),
        (Redirect { port: Some(9000), ..to() }, any(), AT, "https", "/", "https://verify.example.com:9000/"),
        (Redirect { port: Some(0), ..to() }, any(), AT, "https", "/", "https://verify.example.com:8443/"),
        (Redirect { scheme: https.clone(), ..to() }, any(), "verify.example.com:80", "http", "/", "https://verify.example.com/"),
        (Redirect { scheme: https.clone(), ..to() }, any(), "verify.example.com:443", "https", "/", "https://verify.example.com:443/"),
        (Redirect { scheme: https, ..to() }, any(), "verify.example.com:8080", "http", "/", "https://verify.example.com:8080/"),
        (Redirect { scheme: Some(SchemeRedirect::Https(false)), ..to() }, any(), AT, "http", "/", "http://verify.example.com:8443/"),
        (Redirect { scheme: named("http"), ..to() }, any(), "verify.example.com:443", "https", "/", "http://verify.example.com/"),
        (Redirect { scheme: named(""), ..to() }, any(), AT, "https", "/", "https://verify.example.com:8443/"),
        (Redirect { path: path("/new"), ..to() }, any(), AT, "https", "/a?b", "https://verify.example.com:8443/new?b"),
        (Redirect { path: path("/new#x"), ..to() }, any(), AT, "https", "/a", "https://verify.example.com:8443/new#x"),
        (Redirect { path: path("/new?own"), strip_query: true, ..to() }, any(), AT, "https", "/a?b", "https://verify.example.com:8443/new?own"),
        (Redirect { path: path("/new"), strip_query: true, ..to() }, any(), AT, "https", "/a?b", "https://verify.example.com:8443/new"),
        (Redirect { path: path(""), ..to() }, any(), AT, "https", "/a?b", "https://verify.example.com:8443/a?b"),
        (Redirect { strip_query: true, ..host() }, any(), AT, "https", "/a?b?c", "https://www.example.com/a"),
        (Redirect { path: rewrite("/new"), ..to() }, any(), AT, "https", "/a?b", "https://verify.example.com:8443/newa?b"),
        (Redirect { path: rewrite("/new"), ..to() }, prefix("/a"), AT, "https", "/a/b?/a", "https://verify.example.com:8443/new/b?/a"),
        (Redirect { path: rewrite("/new"), ..to() }, exact(), AT, "https", "/a/b?c", "https://verify.example.com:8443/new?c"),
        (Redirect { path: rewrite("/new"), ..to() }, regex(), AT, "https", "/a/b?c", "https://verify.example.com:8443/new?c"),
        (Redirect { path: rewrite(""), ..to() }, prefix("/a"), AT, "https", "/a/b?c", "https://verify.example.com:8443/a/b?c"),
        // No token goes anywhere.
        (host(), any(), AT, "https", "/a?b=c&pomerium_session=secret&d", "https://www.example.com/a?b=c&d"),
        (host(), any(), AT, "https", "/a?pomerium%5Fsession=secret", "https://www.example.com/a"),
    ];
    for (redirect, path, authority, scheme, target, wanted) in cases {
        let fixture = fixture([answering(Content::Redirect(redirect), path, &public())]);
        for context in [&[][..], &[("route", "own")]] {
            let mut ask = nothing_said(authority, target).context(context);
            ask.scheme = scheme.to_owned();
            let told = fixture.check(&ask).await;
            assert_eq!((told.status(), told.body()), (302, ""), "{wanted}");
            assert_eq!(told.header("location"), Some(wanted), "{authority}{target}");
            assert_eq!(told.header("content-type"), None);
        }
    }
}

#[tokio::test]
async fn the_headers_of_the_route_win() {
    let headers = [
        ("x-frame-options", "DENY"),
        ("content-type", "text/html"),
        ("location", "/elsewhere"),
    ];
    let of = |content: Content| fixture([with_headers(content, PathPattern::Any, &public(), &headers)]);
    let redirect = Content::Redirect(nowhere());
    for (content, status) in [(responds(200, "<p>"), 200), (redirect, 302)] {
        let told = of(content).check(&nothing_said(AT, "/")).await;
        assert_eq!(told.status(), status);
        for (name, value) in headers {
            assert_eq!(told.header(name), Some(value));
        }
    }
}

/// Into what a header cannot have nothing is put, whoever wrote it.
#[tokio::test]
async fn a_header_that_cannot_be_sent_is_not() {
    let odd = [("x-odd", "a\r\nset-cookie: b"), ("x-even", "a")];
    let route = with_headers(responds(200, ""), PathPattern::Any, &public(), &odd);
    let told = fixture([route]).check(&nothing_said(AT, "/")).await;
    assert_eq!((told.header("x-odd"), told.header("x-even")), (None, Some("a")));
    let redirect = || answering(Content::Redirect(nowhere()), PathPattern::Any, &public());
    let long = format!("/?{}", "a".repeat(61 * 1024));
    for target in ["/?a\r\nset-cookie: b", long.as_str()] {
        let told = outcome(&fixture([redirect()]), &nothing_said(AT, target)).await;
        assert_eq!(told, "headers_too_large");
    }
}

#[tokio::test]
async fn a_fixed_answer_that_says_where_something_is_says_here() {
    for (status, location) in [
        (200, None),
        (201, Some("https://verify.example.com:8443/a?b")),
        (302, Some("https://verify.example.com:8443/a?b")),
        (404, None),
    ] {
        let fixture = fixture([answering(responds(status, ""), PathPattern::Any, &public())]);
        let told = fixture.check(&nothing_said(AT, "/a?b")).await;
        assert_eq!(told.status(), i32::from(status));
        assert_eq!(told.header("location"), location, "{status}");
    }
}

#[tokio::test]
async fn no_answer_opens_a_tunnel() {
    for content in [responds(200, "page"), Content::Redirect(nowhere())] {
        let open = Route {
            allow_websockets: true,
            ..answering(content, PathPattern::Any, &public())
        };
        let fixture = fixture([open]);
        for ask in asks("/") {
            for (upgrade, wanted) in [("websocket", 403), ("h2c, foo", 403), ("WebSocket", 403)] {
                let told = fixture.check(&ask.clone().header("upgrade", upgrade)).await;
                assert_eq!(told.status(), wanted, "{upgrade}");
            }
            let told = fixture.check(&ask.header("upgrade", "h2c")).await;
            assert!(matches!(told.status(), 200 | 302));
        }
        let tunnel = nothing_said(AT, "").method("CONNECT");
        for tunnel in [tunnel.clone(), tunnel.context(&[("route", "own")])] {
            assert_eq!(outcome(&fixture, &tunnel).await, "no_route");
        }
    }
}

/// A route of a former configuration, which its id alone finds, says no more what it
/// matched.
#[tokio::test]
async fn what_cannot_be_rewritten_is_refused() {
    let redirect = Redirect {
        path: Some(PathRedirect::Prefix("/new".to_owned())),
        ..nowhere()
    };
    let former = Route {
        id: crate::fixture::ROUTE,
        found_by: None,
        ..answering(Content::Redirect(redirect), prefix("/a"), &public())
    };
    let fixture = Fixture::in_band();
    fixture.publish(settings(), [former]);
    assert_eq!(outcome(&fixture, &Ask::new().path("/a")).await, "route_unknown");
}
