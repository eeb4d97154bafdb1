//! What a client says of the host beside `Host`, and hosts that nobody knows: HO-08 and
//! HO-11.

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Response};
use url::Url;

use super::super::support::{Seen, USER, each};
use super::rows::Must::Refuse;
use super::rows::{authorities, goes_nowhere, mark, told};

/// All that anybody has ever taken for the host, scheme or port of a request.
const CLAIMS: [(&str, &str); 16] = [
    ("X-Forwarded-Host", "evil.test"),
    ("Forwarded", "host=evil.test;proto=http;for=evil.test"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Scheme", "http"),
    ("X-Forwarded-Port", "6666"),
    ("X-Forwarded-Server", "evil.test"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Uri", "https://evil.test/evil"),
    ("X-Host", "evil.test"),
    ("X-HTTP-Host-Override", "evil.test"),
    ("X-Original-Host", "evil.test"),
    ("X-Original-URL", "https://evil.test/evil"),
    ("X-Rewrite-URL", "/evil"),
    ("X-Url-Scheme", "http"),
    ("Front-End-Https", "off"),
    ("Origin-Host", "evil.test"),
];

fn claiming(client: Client) -> Client {
    CLAIMS
        .iter()
        .fold(client, |client, (name, value)| client.with(name, value))
}

/// Nothing of what the client claimed stands in the answer, and no URL of ours is plain.
#[track_caller]
fn is_not_swayed(world: &World, what: &str, answer: &Response) {
    let head: String = answer
        .head
        .fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let all = format!("{head}\n{}", answer.text());
    for claim in [
        "evil",
        "6666",
        "http://app",
        "http://open",
        "http://authenticate",
        "http%3A%2F%2Fa",
    ] {
        assert!(
            !all.contains(claim),
            "`{claim}` in the answer to `{what}` in the shape `{}`:\n{all}",
            world.shape.name()
        );
    }
}

#[test]
fn a_host_with_more_than_a_host_is_refused() {
    each("HO-08", |world, seen| {
        let open = world.authority("open");
        let port = world.port();
        let rows: Vec<_> = [
            format!("user@{open}"),
            format!("user:password@{open}"),
            format!("@{open}"),
            format!("open.example.test@evil.test:{port}"),
            format!("open.example.test\\@evil.test:{port}"),
            format!("open.example.test\\.evil.test:{port}"),
            format!("open.example.test%00.evil.test:{port}"),
            "open.example.test%0d%0aX-A:1".to_owned(),
            format!("open.example.test%2f:{port}"),
            format!("{open}#"),
            format!("{open}#@evil.test"),
            format!("{open}/"),
            format!("{open}/pub"),
            format!("{open}?"),
            format!("{open}?a=b"),
            format!("open.example.test/:{port}"),
            format!("open.example.test#:{port}"),
            format!("https://{open}"),
            format!("//{open}"),
            format!("\"{open}\""),
            format!("<{open}>"),
            format!("{{open}}.example.test:{port}"),
            format!("open.example.test|evil.test:{port}"),
            format!("open.example.test;evil.test:{port}"),
            format!("open.example.test&evil.test:{port}"),
            format!("open.example.test=evil.test:{port}"),
            format!("open.example.test'--:{port}"),
            format!("open.example.test$(x):{port}"),
            format!("open.example.test`x`:{port}"),
            format!("open.example.test\u{1}:{port}"),
            format!("open.example.test\0:{port}"),
            format!("open.example.test\u{7f}:{port}"),
            format!("~open.example.test:{port}"),
            format!("+open.example.test:{port}"),
        ]
        .into_iter()
        .map(|host| (host, Refuse(400)))
        .collect();
        authorities(world, seen, &rows);

        // A browser reads why, in words, and where to tell it.
        let request = format!("GET /worded HTTP/1.1\r\nHost: user@{open}\r\nAccept: text/html\r\n\r\n");
        let answer = world.raw(request.as_bytes());
        let code = match world.shape {
            Shape::Ours => "bad_request",
            Shape::Istio | Shape::Bare => "ambiguous_request",
        };
        assert_eq!(seen.answer("as a page", &answer), format!("400 `{code}`"));
        assert!(answer.text().contains("Check the address"), "{}", answer.text());
        for kept in ["user@", "open.example.test"] {
            assert!(!answer.text().contains(kept), "the page repeats `{kept}`");
        }
    });
}

#[test]
fn what_is_said_of_the_host_elsewhere_is_in_no_url() {
    each("HO-08", |world, seen| {
        let mut stranger = claiming(world.client());
        let mut user = claiming(world.signed_in("app", USER));
        let html = [("Accept", "text/html")];
        let programmatic = "/.pomerium/api/v1/login?pomerium_redirect_uri=http%3A%2F%2Flocalhost%3A1%2F";
        for (host, path) in [
            ("app", "/swayed?a=b"),
            ("app", "/.pomerium"),
            ("app", "/.pomerium/"),
            ("app", "/.pomerium/user"),
            ("app", "/.pomerium/routes"),
            ("app", "/.pomerium/api/v1/routes"),
            ("app", "/.pomerium/sign_in"),
            ("app", "/.pomerium/callback?x=y"),
            ("app", "/.pomerium/jwt"),
            ("app", "/.pomerium/nothing"),
            ("app", programmatic),
            ("app", "/.well-known/pomerium"),
            ("app", "/.well-known/pomerium/jwks.json"),
            ("app", "/robots.txt"),
            ("app", "/admin/swayed"),
            ("open", "/.well-known/pomerium"),
            ("open", "/.pomerium/"),
            ("admin", "/swayed"),
            ("authenticate", "/"),
            ("authenticate", "/.pomerium/"),
            ("authenticate", "/.pomerium/sign_in"),
            ("authenticate", "/oauth2/callback?state=x&code=y"),
            ("authenticate", "/.pomerium/signed_out"),
            ("authenticate", "/.well-known/pomerium"),
            ("nobody", "/"),
            ("nobody", "/.well-known/pomerium"),
        ] {
            for (who, client) in [("a stranger", &mut stranger), ("a user", &mut user)] {
                let url = world.url(host, path);
                for fields in [&html[..], &[("Accept", "application/json")]] {
                    let what = format!("{host}{path} by {who}");
                    let answer = client.get_with(&url, fields);
                    seen.answer(&what, &answer);
                    is_not_swayed(world, &what, &answer);
                }
            }
        }
        let document = stranger.get(&world.url("app", "/.well-known/pomerium")).json();
        assert_eq!(document["issuer"], world.url("app", "/"));
        assert_eq!(
            document["jwks_uri"],
            world.url("app", "/.well-known/pomerium/jwks.json")
        );

        // A whole login, and out again, with the same lies all the way.
        let mut client = claiming(world.client());
        let wanted = world.url("app", "/landed-unswayed?a=b");
        let page = client.login(&wanted, USER, PASSWORD);
        assert_eq!((page.status, page.url.as_str()), (200, wanted.as_str()));
        let issuer = Url::parse(world.provider().issuer()).unwrap();
        for url in &page.history {
            let ours = matches!(
                url.host_str(),
                Some("app.example.test" | "authenticate.example.test")
            );
            let known = (ours && url.scheme() == "https" && url.port() == Some(world.port()))
                || url.origin() == issuer.origin();
            assert!(known, "the login led to {url}");
        }
        for (name, value) in client.cookies("app.example.test") {
            world.keep_secret(&value);
            assert!(!name.contains("evil"));
        }
        let out = client.get_with(&world.url("app", "/.pomerium/sign_out"), &html);
        seen.answer("sign-out", &out);
        is_not_swayed(world, "sign-out", &out);

        // The application is told the truth first: what Envoy says of the host stands in
        // the request line's own header, and a line of the client's is a line of the
        // client's.
        let path = mark();
        let answer = stranger.get(&world.url("open", &path));
        assert_eq!(answer.status, 200);
        let recorded = world.upstream.one(&path);
        let host = told(world, &recorded);
        assert_eq!(
            host.rsplit(',').next().map(str::trim),
            Some(&*world.authority("open"))
        );
    });
}

#[test]
fn an_unknown_host_learns_nothing() {
    each("HO-11", |world, seen| {
        let issuer = world.provider().issuer().to_owned();
        let hints = [
            issuer.as_str(),
            "authenticate.example.test",
            "app.example.test",
            "client_id",
            "idp",
        ];
        let cookie = format!("Cookie: {}\r\n", world.session_cookie("app", USER));
        let port = world.port();
        let ask = |seen: &mut Seen, host: &str, method: &str, target: &str, extra: &str| {
            let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n");
            let answer = world.raw(request.as_bytes());
            let what = format!(
                "{method} {host}{target} {}",
                extra.split(':').next().unwrap_or_default()
            );
            let outcome = seen.answer(&what, &answer);
            let all = answer
                .head
                .fields
                .iter()
                .map(|(name, value)| format!("{name}: {value}\n"));
            let all = format!("{}\n{}", all.collect::<String>(), answer.text());
            for hint in hints {
                assert!(!all.contains(hint), "`{hint}` in the answer to `{what}`:\n{all}");
            }
            goes_nowhere(&what, world, &answer, "unknown-host");
            outcome
        };
        let hosts = [
            "nobody.example.test",
            &format!("nobody.example.test:{port}"),
            "example.test",
            "evil.test",
            &format!("app.example.test.evil.test:{port}"),
            &format!("authenticate.evil.test:{port}"),
            "localhost",
        ];
        for host in hosts {
            for target in [
                "/unknown-host",
                "/",
                "/unknown-host?pomerium_redirect_uri=https://app",
                "/admin/unknown-host",
            ] {
                for extra in [
                    "Accept: text/html\r\n",
                    "Accept: application/json\r\n",
                    &cookie,
                    "Sec-Fetch-Mode: navigate\r\nAccept: */*\r\n",
                ] {
                    let outcome = ask(seen, host, "GET", target, extra);
                    assert_eq!(outcome, "404 `no_route`", "{host}{target}");
                }
            }
        }
        let pages = [
            "/.pomerium",
            "/.pomerium/",
            "/.pomerium/user",
            "/.pomerium/sign_in",
            "/.pomerium/sign_out",
            "/.pomerium/signed_out",
            "/.pomerium/callback/",
            "/.pomerium/routes",
            "/.pomerium/api/v1/routes",
            "/.pomerium/api/v1/login?pomerium_redirect_uri=http://localhost:1/",
            "/.pomerium/jwt",
            "/.pomerium/nothing",
            "/.well-known/pomerium",
            "/.well-known/pomerium/jwks.json",
            "/.well-known/pomerium/hpke-public-key",
            "/oauth2/callback?state=x&code=y",
        ];
        for target in pages {
            for extra in ["Accept: text/html\r\n", "Accept: application/json\r\n", &cookie] {
                let outcome = ask(seen, "nobody.example.test", "GET", target, extra);
                assert!(outcome.starts_with("404 "), "{target}: {outcome}");
            }
        }
        for method in ["HEAD", "POST", "DELETE", "OPTIONS", "PROPFIND"] {
            let outcome = ask(
                seen,
                "nobody.example.test",
                method,
                "/unknown-host",
                "Content-Length: 0\r\n",
            );
            assert!(outcome.starts_with("404 "), "{method}: {outcome}");
        }
        // What says nothing of anybody is everywhere.
        for (target, text) in [
            ("/ping", "OK\n"),
            ("/healthz", "OK\n"),
            ("/robots.txt", "Disallow: /\n"),
        ] {
            let outcome = ask(seen, "nobody.example.test", "GET", target, "");
            assert_eq!(outcome, "200 page", "{target}");
            let answer = world.client().get(&world.url("nobody", target));
            assert!(answer.text().ends_with(text), "{target}: {}", answer.text());
        }
        let page = world
            .client()
            .get_with(&world.url("nobody", "/unknown-host"), &[("Accept", "text/html")]);
        assert!(
            page.text().contains("Check the address for a misspelling"),
            "{}",
            page.text()
        );
        assert_eq!(seen.answer("as a page", &page), "404 `no_route`");
        until("the log has it", || {
            let all = world.decisions();
            all.iter()
                .any(|decision| decision.host.starts_with("nobody.") && decision.outcome == "no_route")
        });
    });
}
