//! Every refusal that `docs/pages.md` lists, on sheets. Component tests hold that list to
//! the code.
//!
//! Those that can be provoked from outside are answers of the running product through a
//! real Envoy, and must say what the list says. Those that cannot ([`UNSEEN`], with the
//! reason) are such an answer with the words of the list in place of its own: they have
//! the same template.

use std::collections::BTreeMap;

use portcullis_harness::provider::{LONG_EMAIL, PASSWORD};
use portcullis_harness::repository;
use portcullis_harness::wait::until;
use portcullis_harness::{Browser, Client, Response, Site};
use url::Url;

use super::sheets::{Shown, show};
use super::site::{USER, routes};

/// Whose refusal it is, and its code.
type Id = (&'static str, String);

const CHECKS: &str = "checks";
const PAGES: &str = "pages";

const UNSEEN: &[(&str, &str, &str)] = &[
    (
        CHECKS,
        "ambiguous_request",
        "only behind an Envoy that is not ours",
    ),
    (
        CHECKS,
        "body_not_delivered",
        "only behind an Envoy that is not ours",
    ),
    (CHECKS, "not_in_band", "only behind an Envoy that is not ours"),
    (
        CHECKS,
        "bad_request",
        "our Envoy refuses first what it would be said of",
    ),
    (
        CHECKS,
        "client_certificate_invalid",
        "this site asks for no certificate: `attributes` does",
    ),
    (
        CHECKS,
        "client_certificate_required",
        "this site asks for no certificate: `attributes` does",
    ),
    (CHECKS, "device_required", "no device can be signed in yet"),
    (CHECKS, "device_unauthorized", "no device can be signed in yet"),
    (
        CHECKS,
        "identity_provider_not_configured",
        "a configuration without one is not taken",
    ),
    (CHECKS, "internal", "it takes a fault of ours"),
    (CHECKS, "not_ready", "a gateway listens when it is ready"),
    (
        CHECKS,
        "route_unknown",
        "for milliseconds alone, between two updates",
    ),
    (CHECKS, "session_store_unavailable", "it takes a store that fails"),
    (PAGES, "bad_host", "Envoy refuses it first"),
    (PAGES, "unknown_host", "Envoy has no route to our pages there"),
    (PAGES, "deadline", "it takes a store that hangs"),
    (PAGES, "idp_invalid", "it takes a provider that lies"),
    (
        PAGES,
        "idp_unavailable",
        "shown as a page of its own: it takes a provider that is down",
    ),
    (PAGES, "internal", "it takes a fault of ours"),
    (PAGES, "login_expired", "it takes more than five minutes"),
    (PAGES, "not_ready", "a gateway listens when it is ready"),
    (
        PAGES,
        "redirect_loop",
        "shown as a page of its own: it takes a browser that loses cookies",
    ),
    (
        PAGES,
        "redirect_not_allowed",
        "it takes our own signature on a foreign address",
    ),
    (
        PAGES,
        "session_stillborn",
        "it takes a provider whose tokens have expired",
    ),
    (
        PAGES,
        "session_too_large",
        "it takes a provider that tells megabytes",
    ),
    (PAGES, "sessions_unavailable", "it takes a store that fails"),
];

/// A row of the list.
struct Row {
    status: u16,
    title: String,
    message: String,
    next_step: String,
}

fn listed() -> BTreeMap<Id, Row> {
    let document = std::fs::read_to_string(repository::root().join("docs/pages.md")).unwrap();
    let mut rows = BTreeMap::new();
    for table in [CHECKS, PAGES] {
        let (_, rest) = document
            .split_once(&format!("<!-- begin refusals of {table} -->"))
            .unwrap();
        let (text, _) = rest.split_once("<!-- end").unwrap();
        for line in text.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let row = Row {
                status: cells[1].parse().unwrap(),
                title: cells[2].to_owned(),
                message: cells[3].to_owned(),
                next_step: cells[4].to_owned(),
            };
            assert!(rows.insert((table, cells[0].replace('`', "")), row).is_none());
        }
    }
    rows
}

/// A text of the list as it stands in a page.
fn html(text: &str) -> String {
    let escaped = text
        .replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(at, part)| match at % 2 {
            0 => part.to_owned(),
            _ => format!("<code>{part}</code>"),
        })
        .collect()
}

impl Row {
    /// What of it stands in its page.
    fn parts(&self, code: &str) -> [String; 5] {
        [
            format!("<p class=\"status\">{}</p>", self.status),
            format!("<h1>{}</h1>", html(&self.title)),
            format!("<p>{}</p>", html(&self.message)),
            format!("<p>{}</p>", html(&self.next_step)),
            format!("<dd id=\"code\">{code}</dd>"),
        ]
    }
}

/// The code of a page.
fn code(answer: &Response) -> String {
    let text = answer.text();
    let (_, rest) = text
        .split_once("id=\"code\">")
        .unwrap_or_else(|| panic!("{} answered {}: {text}", answer.url.path(), answer.status));
    rest.split_once('<').unwrap().0.to_owned()
}

/// Answers to whoever asks our pages what they cannot give.
fn of_pages(site: &Site, client: &mut Client) -> Vec<Response> {
    let own = |path: &str| site.url("authenticate", path);
    let app = |path: &str| site.url("app", path);
    let mut stranger = site.client().with("Accept", "text/html");
    let post = |client: &mut Client, url: String, fields: &[(&str, &str)]| {
        client.send("POST", &Url::parse(&url).unwrap(), fields, b"x")
    };
    // Begun here, so that the state is good.
    let form = stranger.login_form(&app("/"));
    let asked = form.history.iter().find(|url| url.path() == "/auth").unwrap();
    let state = asked
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let back = own(&format!("/oauth2/callback?state={state}"));
    let mut answers = vec![
        stranger.get(&format!("{back}&error=access_denied")),
        stranger.get(&format!("{back}&error=temporarily_unavailable")),
        stranger.get(&format!("{back}&code=never-given")),
        site.client().get(&back),
        stranger.get_with(&back, &[("Cookie", "_pomerium_csrf=other")]),
        stranger.get(&own("/oauth2/callback?state=x&code=y")),
        stranger.get(&app("/.pomerium/callback/?portcullis_callback=x")),
        stranger.get(&app("/.pomerium/callback/")),
        stranger.get(&own("/.pomerium/sign_in?pomerium_signature=x")),
        stranger.get(&own("/oauth2/callback?state=x&state=y")),
        stranger.get(&app("/.pomerium/user")),
        stranger.get(&app(&format!(
            "/.pomerium/callback/?portcullis_callback={}",
            "q".repeat(40_000)
        ))),
        post(
            &mut stranger,
            own("/oauth2/callback"),
            &[("Content-Type", "text/plain")],
        ),
        client.get(&app("/.pomerium/nothing")),
        client.get_with(&app("/.pomerium/sign_out"), &[("Sec-Fetch-Mode", "no-cors")]),
        post(client, app("/.pomerium/"), &[]),
        post(client, app("/.pomerium/sessions/end?portcullis_session=x"), &[]),
        post(
            client,
            app("/.pomerium/sign_out"),
            &[("Origin", "https://evil.example")],
        ),
        client.get(&site.url("admin", "/.pomerium/jwt")),
        stranger.get_with(
            &app("/.pomerium/user"),
            &[
                ("X-Pomerium-Authorization", "one"),
                ("Authorization", "Pomerium other"),
            ],
        ),
    ];
    // An address from the history, after the sign-out.
    let mut leaving = site.client().with("Accept", "text/html");
    let last = leaving.login(&app("/"), USER, PASSWORD);
    let callback = last
        .history
        .iter()
        .find(|url| url.path() == "/.pomerium/callback/")
        .unwrap();
    let callback = callback.to_string();
    leaving.sign_out(&app("/.pomerium/sign_out"));
    answers.push(leaving.get(&callback));
    answers
}

/// Answers of Envoy's checks.
fn of_checks(site: &Site, client: &mut Client) -> Vec<Response> {
    let mut stranger = site.client().with("Accept", "text/html");
    let app = Url::parse(&site.url("app", "/")).unwrap();
    let large = "a".repeat(130_000);
    vec![
        client.open(&site.url("admin", "/")),
        client.get(&site.url("broken", "/")),
        client.get(&site.url("nowhere", "/")),
        stranger.send("POST", &app, &[], b"x"),
        *client.websocket(&site.url("app", "/")).err().unwrap(),
        stranger.get_with(&site.url("open", "/"), &[("X-Large", &large)]),
    ]
}

/// What is answered once the configuration has been edited and is in force.
#[track_caller]
fn edited(site: &Site, from: &str, to: &str, url: &str, wanted: &str) -> Response {
    site.gateway.edit(from, to);
    let mut answer = None;
    until(wanted, || {
        let next = site.client().with("Accept", "text/html").get(url);
        let come = next.text().contains(&format!("id=\"code\">{wanted}<"));
        answer = Some(next);
        come
    });
    answer.unwrap()
}

#[test]
fn every_refusal_is_shown_and_says_what_the_document_says() {
    let globals = "runtime_flags: {pomerium_jwt_endpoint: true}";
    let site = Site::start_with(globals, &routes());
    let mut client = site.client().with("Accept", "text/html");
    client.login(&site.url("app", "/"), LONG_EMAIL, PASSWORD);

    let mut seen: Vec<(&str, Response)> = Vec::new();
    seen.extend(
        of_checks(&site, &mut client)
            .into_iter()
            .map(|answer| (CHECKS, answer)),
    );
    seen.extend(
        of_pages(&site, &mut client)
            .into_iter()
            .map(|answer| (PAGES, answer)),
    );
    let own = format!("authenticate_service_url: {}\n", site.origin("authenticate"));
    let hosted = "authenticate_service_url: https://authenticate.pomerium.app\n";
    let app = site.url("app", "/");
    seen.push((CHECKS, edited(&site, &own, hosted, &app, "hosted_authenticate")));
    seen.push((
        PAGES,
        edited(
            &site,
            "x",
            "x",
            &site.url("app", "/.pomerium/"),
            "login_not_configured",
        ),
    ));
    seen.push((
        CHECKS,
        edited(&site, hosted, "", &app, "authenticate_not_configured"),
    ));

    let rows = listed();
    let mut pages: BTreeMap<Id, String> = BTreeMap::new();
    for (table, answer) in seen {
        let code = code(&answer);
        let row = &rows[&(table, code.clone())];
        assert_eq!(answer.status, row.status, "{code}");
        for part in row.parts(&code) {
            assert!(answer.text().contains(&part), "no `{part}` in {}", answer.text());
        }
        assert_eq!(
            answer.header("retry-after").is_some(),
            row.status == 503,
            "{code}"
        );
        pages.insert((table, code), answer.text());
    }

    let pattern = rows[&(PAGES, "not_found".to_owned())].parts("not_found");
    let page = pages[&(PAGES, "not_found".to_owned())].clone();
    for (table, code, _) in UNSEEN {
        let id = (*table, (*code).to_owned());
        let words = rows[&id].parts(code);
        let mut page = page.clone();
        for (from, to) in pattern.iter().zip(&words) {
            assert!(page.contains(from), "no `{from}` in {page}");
            page = page.replace(from, to);
        }
        assert!(pages.insert(id, page).is_none(), "{code} can be provoked");
    }
    assert!(
        pages.keys().eq(rows.keys()),
        "{:?}\n{:?}",
        pages.keys(),
        rows.keys()
    );

    let mut browser = Browser::start(&site);
    let shown: Vec<Shown> = pages
        .into_iter()
        .map(|((_, label), html)| Shown { label, html })
        .collect();
    show(&mut browser, site.directory(), "refusals", &shown);
}
