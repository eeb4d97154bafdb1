//! How requests go upstream: which server, under which host and path, with which
//! headers, for how long.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::thread;
use std::time::{Duration, Instant};

use portcullis_harness::{Echo, SharedSite, Site, Upstream};

const GLOBALS: &str = "
default_upstream_timeout: 700ms
timeout_read: 1s
";

const ROUTES: &str = "
- {from: 'https://plain.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://preserve.example.test:{port}', to: '{upstream}', preserve_host_header: true, allow_public_unauthenticated_access: true}
- {from: 'https://literal.example.test:{port}', to: '{upstream}', host_rewrite: inner.test, allow_public_unauthenticated_access: true}
- from: https://rewrite.example.test:{port}
  prefix: /old
  to: '{upstream}'
  prefix_rewrite: /new
  allow_public_unauthenticated_access: true
- from: https://rewrite.example.test:{port}
  path: /exact
  to: '{upstream}/not/this'
  prefix_rewrite: /whole
  allow_public_unauthenticated_access: true
- from: https://rewrite.example.test:{port}
  regex: /item/[0-9]+
  to: '{upstream}'
  prefix_rewrite: /any-item
  allow_public_unauthenticated_access: true
- from: https://headers.example.test:{port}
  to: '{upstream}'
  set_request_headers: {X-Set: 'cost $$5 for ${pomerium.request.headers[\"X-In\"]}', X-Both: set}
  remove_request_headers: [X-Gone, X-Both, X-Forwarded-Host]
  allow_public_unauthenticated_access: true
- {from: 'https://short.example.test:{port}', to: '{upstream}', timeout: 300ms, allow_public_unauthenticated_access: true}
- {from: 'https://long.example.test:{port}', to: '{upstream}', timeout: 0s, allow_public_unauthenticated_access: true}
- {from: 'https://idle.example.test:{port}', to: '{upstream}', timeout: 10s, idle_timeout: 300ms, allow_public_unauthenticated_access: true}
";

static SITE: SharedSite = SharedSite::with(GLOBALS, ROUTES);

#[test]
fn requests_are_spread_by_weight() {
    let (light, heavy) = (Upstream::start(), Upstream::start());
    let routes = format!(
        "- {{from: 'https://app.example.test:{{port}}', to: ['{},1', '{},3'], allow_public_unauthenticated_access: true}}
- {{from: 'https://even.example.test:{{port}}', to: ['{0}', '{1}'], allow_public_unauthenticated_access: true}}",
        light.url(),
        heavy.url(),
    );
    let site = Site::start(&routes);
    let shares = |host: &str| {
        for _ in 0..80 {
            let page = site.client().get(&site.url(host, &format!("/?mark={host}")));
            assert_eq!(page.status, 200);
        }
        [&light, &heavy].map(|upstream| {
            let recorded = upstream.recorded();
            recorded
                .iter()
                .filter(|request| request.target().contains(host))
                .inspect(|request| {
                    let own = format!("127.0.0.1:{}", upstream.port());
                    assert_eq!(
                        request.header("host"),
                        Some(own.as_str()),
                        "the server's own host"
                    );
                })
                .count()
        })
    };
    // Every worker of Envoy begins its round anew.
    let [light, heavy] = shares("app");
    assert_eq!(light + heavy, 80);
    assert!((10..=32).contains(&light), "{light} of 80 for one in four");
    let [one, other] = shares("even");
    assert!((28..=52).contains(&one), "{one} and {other} of 80 for halves");
}

#[test]
fn the_upstream_gets_the_host_that_was_asked_for() {
    let site = SITE.get();
    let upstream = format!("127.0.0.1:{}", site.upstream.port());
    let outside = |host: &str| format!("{host}.example.test:{}", site.port());
    for (host, seen, forwarded) in [
        ("plain", upstream, Some(outside("plain"))),
        ("preserve", outside("preserve"), None),
        ("literal", "inner.test".to_owned(), Some(outside("literal"))),
    ] {
        let mark = format!("/?mark=host-{host}");
        assert_eq!(site.client().get(&site.url(host, &mark)).status, 200);
        let request = site.upstream.one(&mark);
        assert_eq!(request.header("host"), Some(seen.as_str()), "{host}");
        assert_eq!(request.header("x-forwarded-host"), forwarded.as_deref(), "{host}");
    }
}

#[test]
fn paths_are_rewritten() {
    let site = SITE.get();
    for (path, seen) in [
        ("/old/a/b?mark=prefix", "/new/a/b?mark=prefix"),
        ("/old?mark=bare", "/new?mark=bare"),
        ("/x/../old/c?mark=dots", "/new/c?mark=dots"),
        ("/exact?mark=path", "/whole?mark=path"),
        ("/item/42?mark=regex", "/any-item?mark=regex"),
    ] {
        let page = site.client().get(&site.url("rewrite", path));
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let mark = path.split_once('?').unwrap().1;
        assert_eq!(site.upstream.one(mark).target(), seen);
    }
    // What no route matches goes nowhere, under no name.
    for path in ["/new/a", "/item/x", "/item/42/more", "/exact/more", "/any-item"] {
        assert_eq!(
            site.client().get(&site.url("rewrite", path)).status,
            404,
            "{path}"
        );
    }
}

#[test]
fn request_headers_are_set_and_removed() {
    let site = SITE.get();
    let url = site.url("headers", "/?mark=headers");
    let fields = [
        ("X-In", "me"),
        ("X-Set", "mine"),
        ("X-Gone", "a"),
        ("X-Kept", "b"),
    ];
    assert_eq!(site.client().get_with(&url, &fields).status, 200);
    let request = site.upstream.one("mark=headers");
    assert_eq!(request.header("x-set"), Some("cost $5 for me"));
    assert_eq!(request.header("x-kept"), Some("b"));
    for gone in ["x-gone", "x-forwarded-host"] {
        assert_eq!(request.header(gone), None, "{gone}");
    }
    assert_eq!(
        request.header("x-both"),
        None,
        "removal comes last, as in Pomerium"
    );
}

#[test]
fn a_slow_answer_is_cut_off_in_time() {
    let site = SITE.get();
    let timed = |host: &str, wait: u32| {
        let begun = Instant::now();
        let page = site.client().get(&site.url(host, &format!("/?wait={wait}")));
        (page.status, begun.elapsed())
    };
    for host in ["short", "plain", "idle"] {
        let (status, took) = timed(host, 4_000);
        assert_eq!(status, 504, "{host}");
        assert!(took < Duration::from_secs(3), "{host}: {took:?}");
    }
    assert_eq!(timed("long", 1_500).0, 200, "no end is no end");
    assert_eq!(timed("short", 0).0, 200);
}

#[test]
fn websockets_are_opened_where_they_are_allowed_and_live_long() {
    let echo = Echo::start();
    let routes = format!(
        "- {{from: 'https://ws.example.test:{{port}}', to: '{0}', allow_websockets: true, allow_public_unauthenticated_access: true}}
- {{from: 'https://w-*.example.test:{{port}}', to: '{0}', allow_websockets: true, allow_public_unauthenticated_access: true}}
- {{from: 'https://login.example.test:{{port}}', to: '{0}', allow_websockets: true, allow_any_authenticated_user: true}}
- {{from: 'https://no.example.test:{{port}}', to: '{0}', allow_public_unauthenticated_access: true}}
- {{from: 'https://n-*.example.test:{{port}}', to: '{0}', allow_public_unauthenticated_access: true}}",
        echo.url()
    );
    let site = Site::start_with(GLOBALS, &routes);
    let mut open: Vec<_> = ["ws", "w-any"]
        .iter()
        .map(|host| {
            site.client()
                .websocket(&site.url(host, "/chat"))
                .unwrap_or_else(|answer| panic!("{host}: {} {}", answer.status, answer.text()))
        })
        .collect();
    for socket in &mut open {
        assert_eq!(socket.echo("hello").unwrap(), "hello");
    }
    for (host, status) in [("no", 400..500), ("n-any", 400..500), ("login", 401..402)] {
        let answer = site.client().websocket(&site.url(host, "/chat"));
        let refused = answer.err().unwrap_or_else(|| panic!("{host}: opened"));
        assert!(status.contains(&refused.status), "{host}: {}", refused.status);
        assert!(!refused.text().is_empty(), "{host}: refused in words");
    }
    // Longer than any timeout of the site.
    thread::sleep(Duration::from_millis(1_600));
    for socket in &mut open {
        assert_eq!(socket.echo("still here").unwrap(), "still here");
    }
    assert_eq!(site.client().get(&site.url("ws", "/plain")).status, 200);
}
