//! The login of a program: it asks for an address, somebody opens that in a browser,
//! and the token arrives where the program listens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, Response, SharedSite, Site};
use url::Url;

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', prefix: /old, prefix_rewrite: /new, to: '{upstream}', \
    allow_any_authenticated_user: true}
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://open.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

/// A program that listens for its token as `pomerium-cli` does.
struct Program {
    address: String,
    heard: JoinHandle<String>,
}

impl Program {
    fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut bytes = [0; 1024];
                let count = stream.read(&mut bytes).unwrap();
                assert!(count > 0, "the browser went away");
                head.extend_from_slice(&bytes[..count]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\ndone\n")
                .unwrap();
            String::from_utf8(head).unwrap()
        });
        Self { address, heard }
    }

    fn login_url(&self, site: &Site) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("pomerium_redirect_uri", &self.address)
            .finish();
        site.url("app", &format!("/.pomerium/api/v1/login?{query}"))
    }

    /// The token that the browser brought.
    fn token(self) -> String {
        let head = self.heard.join().unwrap();
        let target = head.split(' ').nth(1).unwrap();
        let url = Url::parse("http://localhost").unwrap().join(target).unwrap();
        let token = url
            .query_pairs()
            .find(|(name, _)| name == "pomerium_jwt")
            .unwrap()
            .1;
        assert!(!head.to_ascii_lowercase().contains("\r\nreferer:"), "{head}");
        token.into_owned()
    }
}

/// A whole login by `browser`: the token, and what the program was told first.
fn token(site: &Site, browser: &mut Client) -> (String, Response) {
    let program = Program::listen();
    let answer = site.client().get(&program.login_url(site));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let address = answer.text();
    assert!(
        address.starts_with(&site.url("authenticate", "/.pomerium/sign_in?")),
        "{address}"
    );
    let mut page = browser.open(&address);
    if site.provider.owns(&page.url) {
        let sent = browser.fill_login(&page, "user@example.com", PASSWORD);
        page = browser.follow(sent);
    }
    assert_eq!((page.status, page.text().as_str()), (200, "done\n"));
    (program.token(), answer)
}

/// The request to the path with the token in each of its places.
fn places(site: &Site, host: &str, path: &str, token: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
    let url = |mark: &str, more: &str| site.url(host, &format!("{path}?mark={mark}{more}"));
    let bearer = ("Authorization", format!("Bearer Pomerium-{token}"));
    vec![
        (
            url("own", ""),
            vec![("X-Pomerium-Authorization", token.to_owned())],
        ),
        (
            url("direct", ""),
            vec![("Authorization", format!("Pomerium {token}"))],
        ),
        (url("bearer", ""), vec![bearer]),
        (url("query", &format!("&pomerium_session={token}&z=1")), vec![]),
    ]
}

fn ask(site: &Site, (url, fields): &(String, Vec<(&'static str, String)>)) -> Response {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    site.client().get_with(url, &fields)
}

#[test]
fn a_token_is_good_in_its_four_places_until_the_sign_out_and_stays_outside() {
    let site = Site::start(ROUTES);
    let mut browser = site.client();
    let (token, told) = token(&site, &mut browser);
    assert_eq!(told.head.get("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(told.head.get("cache-control"), Some("no-store"));
    assert_eq!(told.head.get("access-control-allow-origin"), None);
    // Clients take it apart to see when it ends.
    assert_eq!(token.split('.').count(), 3);

    for path in ["/plain", "/old/rewritten"] {
        for place in places(&site, "app", path, &token) {
            let answer = ask(&site, &place);
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, "hello from the upstream\n"),
                "{place:?}"
            );
        }
    }
    let seen = site.upstream.recorded();
    assert_eq!(seen.len(), 8);
    for request in &seen {
        let text = request.text();
        assert!(
            !text.contains(&token) && !text.contains("pomerium_session"),
            "{text}"
        );
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("x-pomerium-authorization"), None);
        assert_eq!(request.header("x-email"), Some("user@example.com"));
    }
    for path in ["/plain", "/new/rewritten"] {
        let target = format!("{path}?mark=query&z=1");
        assert!(seen.iter().any(|request| request.target() == target), "{target}");
    }

    // Our own answers take it too, and it is good for one host alone.
    let mut client = site.client();
    let bearer = format!("Bearer Pomerium-{token}");
    let fields = [("Authorization", bearer.as_str())];
    let user = client.get_with(&site.url("app", "/.pomerium/user"), &fields);
    assert_eq!(
        (user.status, user.json()["email"].as_str()),
        (200, Some("user@example.com"))
    );
    let routes = client.get_with(&site.url("app", "/.pomerium/api/v1/routes"), &fields);
    assert_eq!(
        (routes.status, routes.json()["routes"].as_array().unwrap().len()),
        (200, 4)
    );
    for place in places(&site, "other", "/elsewhere", &token) {
        let answer = ask(&site, &place);
        assert_eq!(
            (answer.status, answer.head.get("location")),
            (401, None),
            "{place:?}"
        );
    }

    browser.sign_out(&site.url("authenticate", "/.pomerium/sign_out"));
    let signed_out = Instant::now();
    while ask(&site, &places(&site, "app", "/after", &token)[0]).status != 401 {
        assert!(
            signed_out.elapsed() < Duration::from_secs(1),
            "the token outlived its session"
        );
    }
    let before = site.upstream.recorded().len();
    for place in places(&site, "app", "/after", &token) {
        let mut with_accept = place.clone();
        with_accept.1.push(("Accept", "text/html".to_owned()));
        for place in [place, with_accept] {
            let answer = ask(&site, &place);
            assert_eq!((answer.status, answer.head.get("location")), (401, None));
            assert!(answer.head.get("www-authenticate").is_some() && answer.head.get("set-cookie").is_none());
        }
    }
    assert_eq!(site.upstream.recorded().len(), before);
    let log = site.gateway.log();
    assert!(
        !log.contains(&token) && log.contains("/after"),
        "a token stands in the log"
    );
}

#[test]
fn two_tokens_are_refused_and_what_only_looks_like_one_stays_outside() {
    let site = SITE.get();
    let (token, _) = token(&site, &mut site.client());
    let bearer = format!("Bearer Pomerium-{token}");
    for fields in [
        [
            ("Authorization", bearer.as_str()),
            ("X-Pomerium-Authorization", "x"),
        ],
        [("Authorization", &bearer), ("Authorization", "Basic YTpi")],
    ] {
        let answer = site
            .client()
            .get_with(&site.url("app", "/?mark=two-tokens"), &fields);
        assert_eq!(answer.status, 400, "{fields:?}");
    }
    assert!(!site.upstream.saw("two-tokens"));

    let forged = [
        ("X-Pomerium-Authorization", "forged"),
        ("Authorization", "Pomerium forged"),
    ];
    for (number, field) in forged.into_iter().enumerate() {
        let mark = format!("forged-{number}");
        let answer = site
            .client()
            .get_with(&site.url("open", &format!("/?mark={mark}")), &[field]);
        assert_eq!(answer.status, 200);
        assert!(!site.upstream.one(&mark).text().contains(": forged"));
    }
    // What Envoy makes of the rest of a query with a token: sorted, each with `=`.
    let odd = format!("/odd?b=2&a=1&a=%2f&&c&d=x+y%20z&pomerium_session={token}&mark=odd-token");
    assert_eq!(site.client().get(&site.url("open", &odd)).status, 200);
    assert_eq!(
        site.upstream.one("odd-token").target(),
        "/odd?=&a=1&a=%2f&b=2&c=&d=x+y%20z&mark=odd-token"
    );
    // A query without a token passes as it was written.
    let odd = "/odd?b=2&a=1&a=%2f&&c&d=x+y%20z&mark=odd-query";
    assert_eq!(site.client().get(&site.url("open", odd)).status, 200);
    assert_eq!(site.upstream.one("odd-query").target(), odd);
}

#[test]
fn the_second_token_needs_no_second_login() {
    let site = SITE.get();
    let mut browser = site.client();
    let (first, _) = token(&site, &mut browser);
    let before = browser.cookies("authenticate.example.test");
    let (second, _) = token(&site, &mut browser);
    assert_ne!(first, second);
    assert_eq!(browser.cookies("authenticate.example.test"), before);
    assert!(
        browser.cookies("app.example.test").is_empty(),
        "no cookie of a route by this login"
    );
}

/// OI-03: another site's link makes nobody somebody else.
#[test]
fn a_link_with_a_token_is_no_login() {
    let site = SITE.get();
    let (token, _) = token(&site, &mut site.client());
    let ask = |host: &str, mark: &str, field: (&str, &str)| {
        let url = site.url(host, &format!("/?mark={mark}&pomerium_session={token}"));
        site.client()
            .get_with(&url, &[field, ("Sec-Fetch-Mode", "navigate")])
    };
    assert_eq!(ask("app", "by-hand", ("Sec-Fetch-Site", "none")).status, 200);
    for foreign in ["cross-site", "same-site"] {
        let answer = ask("app", "by-link", ("Sec-Fetch-Site", foreign));
        assert_eq!(answer.status, 302, "{}", answer.text());
        let mark = format!("open-{foreign}");
        assert_eq!(ask("open", &mark, ("Sec-Fetch-Site", foreign)).status, 200);
        let seen = site.upstream.one(&mark).text();
        assert!(
            !seen.contains(&token) && !seen.contains("user@example.com"),
            "{seen}"
        );
    }
    assert!(!site.upstream.saw("by-link"));
}

/// OI-11: whom another site leads to the login of a program is asked.
#[test]
fn another_site_gets_no_token_without_a_question() {
    let site = SITE.get();
    let mut browser = site.client();
    token(&site, &mut browser);
    let program = Program::listen();
    let address = site.client().get(&program.login_url(&site)).text();
    let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    let question = browser.get_with(&address, &link);
    let text = question.text();
    assert_eq!(question.status, 200, "{text}");
    let named = program.address.as_str();
    for shown in ["Let a program in?", named, "app.example.test", "user@example.com"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let forms = question.forms();
    let sent = browser.submit(&question, &forms[0], &[]);
    assert_eq!(sent.status, 303, "{}", sent.text());
    let page = browser.follow(sent);
    assert_eq!(page.text(), "done\n");
    program.token();
    let log = site.gateway.log();
    let line = log
        .lines()
        .rfind(|line| line.contains("gave a token of the session to a program"));
    let line = line.expect("a line in the log");
    assert!(
        line.contains("\"session\":") && line.contains("\"listener\":\"127.0.0.1\""),
        "{line}"
    );
}

/// OI-11.
#[test]
fn a_token_is_brought_to_this_machine_alone() {
    let site = SITE.get();
    let login = |query: &str| {
        let url = site.url("app", &format!("/.pomerium/api/v1/login{query}"));
        site.client().get(&url)
    };
    assert_eq!(login("").status, 404);
    for bad in [
        "https://evil.example/",
        "http://localhost@evil.example/",
        "http://localhost.evil.example/",
        "http://localhost%5C@evil.example/",
        "http://%6c%6f%63alhost%2eevil.example/",
        "//localhost/",
        "javascript://localhost/%250aalert(1)",
        "http://[::ffff:127.0.0.1]/",
        "http://127.1/",
    ] {
        let answer = login(&format!("?pomerium_redirect_uri={bad}"));
        assert_eq!(answer.status, 400, "{bad}");
    }
    let url = Url::parse(&site.url(
        "app",
        "/.pomerium/api/v1/login?pomerium_redirect_uri=http://localhost/",
    ));
    let answer = site.client().send("POST", &url.unwrap(), &[], b"");
    assert_eq!(
        (answer.status, answer.head.get("allow")),
        (405, Some("GET, HEAD"))
    );
}
