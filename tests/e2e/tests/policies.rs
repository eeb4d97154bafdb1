//! The policy language through Envoy: the clock, long lists, tools, and what a
//! refusal tells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Client, Site};
use url::Url;

const DAY: Duration = Duration::from_secs(24 * 3600);
const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];

/// The date, in UTC, of a day before or after today.
fn date(days: i64) -> String {
    let today = i64::try_from(since_1970().as_secs() / DAY.as_secs()).unwrap();
    // Days of the civil calendar, from 0000-03-01 on.
    let (era, of_era) = (
        (today + days + 719_468) / 146_097,
        (today + days + 719_468) % 146_097,
    );
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The weekday, in UTC, of a day before or after today.
fn weekday(days: u64) -> &'static str {
    let today = since_1970().as_secs() / DAY.as_secs();
    DAYS[((today + 7 + days) % 7) as usize]
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// A zone in which it is now between twelve and one o'clock.
fn zone_where_it_is_noon() -> String {
    let hour = i64::try_from(since_1970().as_secs() / 3600 % 24).unwrap();
    match 12 - hour {
        0 => "Etc/UTC".to_owned(),
        // The sign counts to the west.
        ahead @ 1.. => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    }
}

/// A public route on `host` for whom `criterion` holds.
fn allowing(host: &str, criterion: &str) -> String {
    format!(
        "- from: 'https://{host}.example.test:{{port}}'\n  to: '{{upstream}}'\n  policy: {{allow: {{and: [{criterion}]}}}}\n"
    )
}

#[test]
fn the_clock_decides() {
    let (yesterday, tomorrow, later) = (date(-1), date(2), date(3));
    let days = [weekday(6), weekday(0), weekday(1)].join(",");
    let zone = zone_where_it_is_noon();
    // The windows are wide enough for a run over an hour's or a day's end.
    let table = [
        (
            "date-open",
            format!("{{date: {{after: '{yesterday}', before: '{tomorrow}'}}}}"),
            200,
        ),
        (
            "date-since",
            format!("{{date: {{after: {yesterday}T00:00:00Z}}}}"),
            200,
        ),
        ("date-over", format!("{{date: {{before: '{yesterday}'}}}}"), 403),
        (
            "date-to-come",
            format!("{{date: {{after: '{tomorrow}', before: '{later}'}}}}"),
            403,
        ),
        ("day", format!("{{day_of_week: '{days}'}}"), 200),
        ("every-day", "{day_of_week: '*'}".to_owned(), 200),
        (
            "range",
            format!("{{day_of_week: {}-{}}}", weekday(6), weekday(1)),
            200,
        ),
        ("other-day", format!("{{day_of_week: {}}}", weekday(3)), 403),
        (
            "noon",
            format!("{{time_of_day: {{timezone: {zone}, after: '9:00', before: 5 PM}}}}"),
            200,
        ),
        (
            "night",
            format!("{{time_of_day: {{timezone: {zone}, after: 10 PM, before: '6:00'}}}}"),
            403,
        ),
        (
            "all-but-night",
            format!("{{time_of_day: {{timezone: {zone}, after: '6:00'}}}}"),
            200,
        ),
        (
            "morning",
            format!("{{time_of_day: {{timezone: {zone}, before: '6:00:00'}}}}"),
            403,
        ),
    ];
    let routes: String = table
        .iter()
        .map(|(host, criterion, _)| allowing(host, criterion))
        .collect();
    let site = Site::start(&routes);
    for (host, criterion, status) in &table {
        let mark = format!("/?mark={host}");
        let page = site.client().get(&site.url(host, &mark));
        assert_eq!(page.status, *status, "{criterion}: {}", page.text());
        assert_eq!(site.upstream.saw(&mark), *status == 200, "{criterion}");
    }
}

fn user(site: &Site, host: &str) -> Client {
    let mut client = site.client();
    let page = client.login(&site.url(host, "/"), "user@example.com", PASSWORD);
    assert!(matches!(page.status, 200 | 403), "no login: {}", page.text());
    client
}

#[test]
fn a_long_list_decides() {
    let list = |member: &str| {
        let mut list = String::new();
        for number in 0..20_000 {
            write!(list, "n{number}@example.com, ").unwrap();
        }
        list + member
    };
    let members =
        |host: &str, member: &str| allowing(host, &format!("{{email: {{in: [{}]}}}}", list(member)));
    let site = Site::start(&format!(
        "{}{}{}",
        members("inside", "user@example.com"),
        members("outside", "somebody@example.com"),
        allowing(
            "not",
            &format!("{{email: {{not_in: [{}]}}}}", list("user@example.com"))
        ),
    ));
    let mut client = user(&site, "inside");
    for (host, status) in [("inside", 200), ("outside", 403), ("not", 403)] {
        let page = client.open(&site.url(host, &format!("/?mark={host}")));
        assert_eq!(page.status, status, "{host}");
        assert_eq!(site.upstream.saw(&format!("mark={host}")), status == 200);
    }
    let metrics = site.gateway.metrics();
    assert!(metrics.contains("\nportcullis_policy_programs 3\n"), "{metrics}");
}

#[test]
fn a_tool_call_that_cannot_be_read_is_denied() {
    let site = Site::start(
        "- from: https://tools.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{accept: true}]}}, {deny: {or: [{mcp_tool: {in: [delete_everything]}}]}}]
- {from: 'https://plain.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
",
    );
    let call = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_everything"}}"#;
    let batch = [b"[".as_slice(), call, b"]"].concat();
    let large = [call.as_slice(), &[b' '; 20_000]].concat();
    let url = |host, mark: &str| Url::parse(&site.url(host, &format!("/mcp?mark={mark}"))).unwrap();
    let bodies = [
        call.as_slice(),
        &batch,
        &large,
        b"{",
        b"",
        br#"{"jsonrpc":"2.0","id":1,"method":5}"#,
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        for content_type in [
            "application/json",
            "text/plain",
            "application/JSON; charset=utf-16",
        ] {
            let mark = format!("call-{number}");
            let fields = [("Content-Type", content_type)];
            let page = site.client().send("POST", &url("tools", &mark), &fields, body);
            assert_eq!(page.status, 403, "{number} as {content_type}: {}", page.text());
            assert!(!site.upstream.saw(&mark), "{number} as {content_type}");
        }
    }
    let page = site
        .client()
        .send("GET", &url("tools", "get-with-body"), &[], call);
    assert_eq!(page.status, 403, "{}", page.text());
    assert!(!site.upstream.saw("get-with-body"));
    // More than is read, Envoy asks nobody about.
    let huge = [call.as_slice(), &[b' '; 70_000]].concat();
    let json = [("Content-Type", "application/json")];
    let page = site.client().send("POST", &url("tools", "huge"), &json, &huge);
    assert_eq!(page.status, 413, "{}", page.text());
    assert!(!site.upstream.saw("huge"));
    // What is no call of that tool passes, whole.
    let other = String::from_utf8_lossy(call).replace("delete_everything", "search");
    let padded = format!("{other}{}", " ".repeat(50_000));
    for (number, body) in [
        other.as_str(),
        &padded,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
    ]
    .iter()
    .enumerate()
    {
        let mark = format!("passes-{number}");
        let page = site
            .client()
            .send("POST", &url("tools", &mark), &json, body.as_bytes());
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(site.upstream.one(&mark).body, body.as_bytes());
    }
    // Without a body there is no call; and elsewhere nobody asks.
    assert_eq!(site.client().get(url("tools", "get").as_str()).status, 200);
    let page = site.client().send("POST", &url("plain", "post"), &[], call);
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(site.upstream.one("mark=post").body, call);
}

const SHOWING: &str = "
- from: https://details.example.test:{port}
  to: '{upstream}'
  show_error_details: true
  allowed_domains: [rival-company.test]
  policy: [{allow: {and: [{claim/secret_project: launch-team}]}}]
  sub_policies:
  - {name: one, allowed_users: [rival-person@example.com], explanation: 'Only the <launch team> may see this.', remediation: 'Ask #launch for a place.'}
- from: https://silent.example.test:{port}
  to: '{upstream}'
  allowed_domains: [rival-company.test]
  policy: [{allow: {and: [{claim/secret_project: launch-team}]}}]
  sub_policies: [{allowed_users: [rival-person@example.com], explanation: Only few.}]
";

#[test]
fn details_are_shown_where_the_route_says_so_and_nothing_else() {
    let site = Site::start(SHOWING);
    let mut client = user(&site, "details");
    for (host, details) in [("details", true), ("silent", false)] {
        let page = client.open(&site.url(host, "/"));
        assert_eq!(page.status, 403);
        let json = client.get_with(&site.url(host, "/"), &[("Accept", "application/json")]);
        assert_eq!(json.status, 403);
        assert_eq!(json.json()["code"], "policy_denied");
        assert_eq!(json.json().get("reasons").is_some(), details);
        for answer in [&page, &json] {
            let all = format!("{:?}\n{}", answer.head, answer.text());
            for secret in [
                "rival-company",
                "rival-person",
                "secret_project",
                "launch-team",
                "allow/",
            ] {
                assert!(!all.contains(secret), "{host} tells `{secret}`: {all}");
            }
        }
        assert_eq!(page.text().contains("id=\"reasons\""), details, "{}", page.text());
        assert_eq!(page.text().contains("Only"), details, "{}", page.text());
    }
}

/// Screenshots of the page are kept under `target/screenshots/`.
#[test]
fn a_person_reads_why() {
    let site = Site::start(SHOWING);
    let mut browser = Browser::start(&site);
    browser.open(&site.url("details", "/reports"));
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", "user@example.com");
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("403");
    let text = browser.text();
    for wanted in [
        "Why",
        "Only the <launch team> may see this.",
        "Ask #launch for a place.",
        "signed in as user@example.com",
        "policy_denied",
        "Decision",
    ] {
        assert!(text.contains(wanted), "`{wanted}` is missing in {text}");
    }
    browser.screenshot("8-refused-with-details");
}
