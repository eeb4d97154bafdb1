//! Every path of ours, in one table: on which host it stands, which methods it takes,
//! what a request without anything gets, what may be kept, who may read it. What holds
//! for all of them is said once.

use axum::body::Body;
use http::{Method, Request};

use super::rig::{APP, AUTHENTICATE, Answer, Browser, Rig};
use crate::web::PATHS;

const UNKNOWN: &str = "https://unknown.example";
const EVIL: &str = "https://evil.example";
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE",
];

#[derive(Clone, Copy, PartialEq)]
enum On {
    /// Every host, ours or not.
    Everywhere,
    /// The hosts of routes and the authenticate host.
    Known,
    Authenticate,
}

/// Who may ask or read.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    /// Nobody from another origin.
    Own,
    /// Everybody reads it, without cookies.
    Read,
    /// Everybody posts to it: it is not the cookies that count there.
    Posted,
}

struct Row {
    path: &'static str,
    on: On,
    allow: &'static str,
    /// The status of a bare GET by nobody, and with a session, on a route host and on
    /// the authenticate host.
    get: [[u16; 2]; 2],
    /// The same of an empty POST by our own page.
    post: [[u16; 2]; 2],
    /// Whether it may be kept for a minute.
    kept: bool,
    open: Open,
}

/// Something that is not there.
const NO: [[u16; 2]; 2] = [[0; 2]; 2];

const fn row(path: &'static str, on: On, get: [[u16; 2]; 2]) -> Row {
    Row {
        path,
        on,
        allow: "GET, HEAD",
        get,
        post: NO,
        kept: false,
        open: Open::Own,
    }
}

const fn same(status: u16) -> [[u16; 2]; 2] {
    [[status; 2]; 2]
}

const fn public(path: &'static str, kept: bool, open: Open) -> Row {
    Row {
        allow: match open {
            Open::Read => "GET, HEAD, OPTIONS",
            Open::Own | Open::Posted => "GET, HEAD",
        },
        kept,
        open,
        ..row(path, On::Known, same(200))
    }
}

const ROWS: &[Row] = &[
    row("/ping", On::Everywhere, same(200)),
    row("/healthz", On::Everywhere, same(200)),
    row("/.pomerium", On::Known, [[302, 200]; 2]),
    row("/.pomerium/", On::Known, [[302, 200]; 2]),
    row("/.pomerium/user", On::Known, [[401, 200]; 2]),
    Row {
        allow: "GET, POST",
        post: [[303; 2]; 2],
        ..row("/.pomerium/sign_out", On::Known, [[302, 302], [302, 200]])
    },
    row("/.pomerium/callback", On::Known, same(400)),
    row("/.pomerium/callback/", On::Known, same(400)),
    row("/.pomerium/routes", On::Known, [[302, 200]; 2]),
    row("/.pomerium/api/v1/routes", On::Known, [[401, 200]; 2]),
    // Its flag is off.
    row("/.pomerium/jwt", On::Known, same(404)),
    row("/.pomerium/api/v1/login", On::Known, same(404)),
    row("/.pomerium/depends_on", On::Known, same(400)),
    Row {
        allow: "POST",
        post: [[401, 400]; 2],
        ..row("/.pomerium/sessions/end", On::Known, NO)
    },
    // The provider itself comes here, and its signature counts.
    Row {
        allow: "POST",
        post: same(400),
        open: Open::Posted,
        ..row("/.pomerium/backchannel_logout", On::Authenticate, NO)
    },
    public("/.pomerium/favicon.ico", true, Open::Own),
    public("/.pomerium/index.css", true, Open::Own),
    public("/.well-known/pomerium", false, Open::Read),
    public("/.well-known/pomerium/", false, Open::Read),
    public("/.well-known/pomerium/jwks.json", true, Open::Read),
    public("/.well-known/pomerium/hpke-public-key", true, Open::Read),
    row("/", On::Authenticate, same(302)),
    row("/robots.txt", On::Authenticate, same(200)),
    Row {
        allow: "GET, HEAD, POST",
        post: same(400),
        ..row("/.pomerium/sign_in", On::Authenticate, same(400))
    },
    // A form post comes from the provider's page; `state` and its cookie count.
    Row {
        allow: "GET, HEAD, POST",
        post: same(415),
        open: Open::Posted,
        ..row("/oauth2/callback", On::Authenticate, same(400))
    },
    row("/.pomerium/signed_out", On::Authenticate, same(200)),
];

impl Row {
    fn takes(&self, method: &str) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method)
    }

    /// The status of a bare request with this method, to this origin, with a session
    /// or without.
    fn status(&self, origin: &str, method: &str, session: bool) -> u16 {
        let stands = match self.on {
            On::Everywhere => true,
            On::Known => origin != UNKNOWN,
            On::Authenticate => origin == AUTHENTICATE,
        };
        // These have preflights, for those who come from where they stand.
        let across = ["/.pomerium", "/.pomerium/", "/.pomerium/sign_in"].contains(&self.path);
        if !self.takes(method) && (stands || method != "OPTIONS" || !across) {
            return 405;
        }
        let by_method = match method {
            "POST" => self.post,
            "OPTIONS" => same(204),
            _ => self.get,
        };
        let [route, authenticate] = by_method;
        let statuses = if origin == AUTHENTICATE {
            authenticate
        } else {
            route
        };
        if stands {
            statuses[usize::from(session)]
        } else {
            404
        }
    }
}

/// What every answer has.
fn holds(row: &Row, answer: &Answer, at: &str) {
    let header = |name| answer.header(name);
    let good = answer.status.is_success();
    let csp = header("content-security-policy");
    assert!(
        csp.starts_with("default-src 'none'")
            && csp.contains("frame-ancestors 'none'")
            && !csp.contains("unsafe"),
        "{at}: {csp}"
    );
    assert_eq!(header("x-content-type-options"), "nosniff", "{at}");
    assert_eq!(header("x-frame-options"), "DENY", "{at}");
    assert!(
        matches!(header("referrer-policy"), "no-referrer" | "same-origin"),
        "{at}: {}",
        header("referrer-policy")
    );
    let kept = row.kept && good && !header("etag").is_empty();
    let cache = if kept { "max-age=60" } else { "no-store" };
    assert_eq!(header("cache-control"), cache, "{at}");
    assert_eq!(row.kept && good && answer.status != 204, kept, "{at}");
    // BR-02: a page that everybody may read is read without cookies.
    let reader = if row.open == Open::Read && good { "*" } else { "" };
    assert_eq!(header("access-control-allow-origin"), reader, "{at}");
    assert_eq!(header("access-control-allow-credentials"), "", "{at}");
    if answer.status == 405 {
        assert_eq!(header("allow"), row.allow, "{at}");
    }
    if answer.status.is_client_error() {
        assert!(answer.set_cookies().is_empty(), "{at}");
    }
    if good && !answer.body.is_empty() {
        assert!(!header("content-type").is_empty(), "{at}");
    }
}

async fn signed_in(rig: &Rig) -> Browser<'_> {
    let mut browser = rig.browser();
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, 200);
    browser
}

#[test]
fn every_path_stands_in_the_table_once() {
    let mut served: Vec<&str> = PATHS.iter().map(|(path, _)| *path).collect();
    let mut swept: Vec<&str> = ROWS.iter().map(|row| row.path).collect();
    served.sort_unstable();
    swept.sort_unstable();
    assert_eq!(served, swept);
}

/// OI-26, BR-01, BR-02, BR-04, BR-05, BR-07.
#[tokio::test]
async fn a_bare_request_gets_what_the_table_says() {
    let rig = Rig::new().await;
    let somebody = signed_in(&rig).await;
    for row in ROWS {
        for origin in [APP, AUTHENTICATE, UNKNOWN] {
            for (method, session) in METHODS
                .iter()
                .flat_map(|method| [(*method, false), (*method, true)])
            {
                let mut browser = if session { somebody.clone() } else { rig.browser() };
                // What ends the session for everybody has tests of its own.
                if session && method == "POST" && row.path == "/.pomerium/sign_out" {
                    continue;
                }
                let at = format!("{method} {origin}{} with session: {session}", row.path);
                let sent = Method::from_bytes(method.as_bytes()).unwrap();
                let answer = browser.send(sent, &format!("{origin}{}", row.path), &[]).await;
                assert_eq!(
                    answer.status.as_u16(),
                    row.status(origin, method, session),
                    "{at}: {}",
                    answer.body
                );
                holds(row, &answer, &at);
            }
        }
    }
}

/// BR-02: whoever asks, and whatever else the request says.
#[tokio::test]
async fn no_other_origin_reads_what_is_private() {
    let rig = Rig::new().await;
    let somebody = signed_in(&rig).await;
    for row in ROWS.iter().filter(|row| row.path != "/.pomerium/sign_out") {
        for (host, reader) in [
            (APP, EVIL),
            (AUTHENTICATE, EVIL),
            (AUTHENTICATE, APP),
            (AUTHENTICATE, "null"),
            (APP, "https://app.example.com.evil.example"),
        ] {
            for method in ["GET", "OPTIONS"] {
                let headers = [
                    ("origin", reader),
                    ("access-control-request-method", "GET"),
                    ("access-control-request-headers", "authorization"),
                ];
                let sent = Method::from_bytes(method.as_bytes()).unwrap();
                let url = format!("{host}{}", row.path);
                let answer = somebody.clone().send(sent, &url, &headers).await;
                holds(row, &answer, &format!("{method} {url} from {reader}"));
            }
        }
    }
}

/// BR-03: a page of another site, or of a sibling host, changes nothing.
#[tokio::test]
async fn nothing_is_changed_from_another_site() {
    let rig = Rig::new().await;
    let somebody = signed_in(&rig).await;
    let mut seen = 0;
    for row in ROWS
        .iter()
        .filter(|row| row.takes("POST") && row.open == Open::Own)
    {
        for origin in [APP, AUTHENTICATE] {
            if origin == APP && row.on == On::Authenticate {
                continue;
            }
            for headers in [
                &[("origin", EVIL)][..],
                &[("origin", "null")],
                &[("origin", "http://app.example.com")],
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
                &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")],
                &[("sec-fetch-site", "cross-site"), ("origin", origin)],
                &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
                &[("origin", origin), ("origin", EVIL)],
            ] {
                let url = format!("{origin}{}", row.path);
                let answer = somebody.clone().send(Method::POST, &url, headers).await;
                assert_eq!(answer.status, 403, "{url} {headers:?}: {}", answer.body);
                holds(row, &answer, &url);
                seen += 1;
            }
        }
    }
    assert!(seen >= 40, "{seen}");
    assert!(somebody.clone().is_signed_in(APP).await);
}

/// 3.6: a script gets no redirect that it would follow to a page nobody sees.
#[tokio::test]
async fn a_script_without_a_session_gets_401() {
    let rig = Rig::new().await;
    for path in ["/.pomerium/", "/.pomerium/routes", "/.pomerium/user"] {
        for origin in [APP, AUTHENTICATE] {
            for header in [
                ("x-requested-with", "xmlhttprequest"),
                ("sec-fetch-mode", "cors"),
                ("authorization", "Bearer Pomerium-x"),
                ("x-pomerium-authorization", "x"),
            ] {
                let url = format!("{origin}{path}");
                let answer = rig.browser().send(Method::GET, &url, &[header]).await;
                answer.refused(401, "login_required");
            }
        }
    }
    let sign_in = rig.browser().sign_in_url(APP).await;
    let script = [("x-requested-with", "XMLHttpRequest")];
    let answer = rig.browser().send(Method::GET, &sign_in, &script).await;
    answer.refused(401, "login_required");
}

#[tokio::test]
async fn what_may_be_kept_is_known_by_its_tag() {
    let rig = Rig::new().await;
    for row in ROWS.iter().filter(|row| row.kept) {
        let url = format!("{APP}{}", row.path);
        let request = |tag: &str| {
            let request = Request::builder().uri(&*url).header("if-none-match", tag);
            request.body(Body::empty()).unwrap()
        };
        let first = rig.send_raw(request("\"other\"")).await;
        let (tag, body) = (first.0["etag"].to_str().unwrap().to_owned(), first.1);
        assert!(!body.is_empty(), "{url}");
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = rig.send_raw(request(&known)).await;
            assert_eq!(
                (again.0["etag"].to_str().unwrap(), again.1.len()),
                (&*tag, 0),
                "{url}"
            );
        }
        let kind = first.0["content-type"].to_str().unwrap();
        let wanted = match row.path.rsplit_once('.') {
            Some((_, "ico")) => "image/x-icon",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "json")) => "application/json",
            _ => "application/octet-stream",
        };
        assert_eq!(kind, wanted, "{url}");
    }
    let url = format!("{APP}/.well-known/pomerium/hpke-public-key");
    let request = Request::builder().uri(&*url).body(Body::empty()).unwrap();
    let (_, key) = rig.send_raw(request).await;
    let wanted = portcullis_session::hpke::public_key(&super::rig::SHARED_SECRET).unwrap();
    assert_eq!(key, wanted);
}
