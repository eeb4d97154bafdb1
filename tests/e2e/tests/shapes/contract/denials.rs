//! XA-12: what a denial looks like to whoever hears it.

use portcullis_harness::frames::{self, Request};
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::shapes::World;
use portcullis_harness::{Client, Response};

use super::super::support::{USER, each, each_of};

const UPSTREAMS: &str = "hello from the upstream";

fn get(world: &World, method: &str, path: &str, fields: &str) -> Response {
    let host = world.authority("app");
    let answer = world.raw(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").as_bytes());
    assert!(!answer.text().contains(UPSTREAMS), "{path}");
    answer
}

#[test]
fn a_denial_is_whole_to_whoever_hears_it() {
    each("XA-12", |world, seen| {
        let before = world.upstream.begun();
        let cookie = format!("Cookie: {}\r\n", world.session_cookie("app", USER));
        let before = before.max(world.upstream.begun());
        for (path, fields) in [
            ("/x", "Accept: text/html\r\n"),
            ("/x", "Accept: application/json\r\n"),
            ("/admin/x", cookie.as_str()),
        ] {
            let whole = get(world, "GET", path, fields);
            let head = get(world, "HEAD", path, fields);
            let wanted = seen.answer(&format!("GET {path} {}", fields.len()), &whole);
            assert_eq!((head.status, head.body.len()), (whole.status, 0), "{path}");
            for name in ["content-type", "cache-control", "x-pomerium-intercepted-response"] {
                assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
            }
            seen.note(&format!("HEAD {path}"), &wanted);
        }
        // gRPC hears of it in headers, with 200.
        for (path, cookie, status) in [
            ("/x", None, "16"),
            ("/admin/x", Some(world.session_cookie("app", USER)), "7"),
        ] {
            let host = world.authority("app");
            let mut fields = vec![
                (":method", "POST"),
                (":scheme", "https"),
                (":authority", host.as_str()),
                (":path", path),
                ("content-type", "application/grpc+proto"),
                ("te", "trailers"),
            ];
            fields.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
            let request = Request {
                fields: frames::fields(&fields),
                body: vec![0; 5],
                ..Request::default()
            };
            let answer = world.frames(&request).unwrap();
            assert_eq!(
                (answer.status, answer.header("grpc-status")),
                (200, Some(status)),
                "{:?}",
                answer.head
            );
            assert!(
                answer
                    .header("grpc-message")
                    .is_some_and(|text| text.contains("decision")),
                "{:?}",
                answer.head
            );
            assert!(answer.body.is_empty());
            seen.note(&format!("gRPC, {path}"), &format!("200, grpc-status {status}"));
        }
        assert_eq!(world.upstream.begun(), before, "the upstream got something");
    });
}

/// Follows to the first answer that sets this cookie.
fn until_set(client: &mut Client, mut answer: Response, name: &str) -> Response {
    for _ in 0..10 {
        if answer
            .head
            .all("set-cookie")
            .any(|cookie| cookie.starts_with(name))
        {
            return answer;
        }
        let next = answer
            .location()
            .unwrap_or_else(|| panic!("{}: {}", answer.url, answer.text()));
        answer = client.get(next.as_str());
    }
    panic!("no {name} was set");
}

const LONG: &str = "
- name: long
  from: https://app.example.test:{port}
  prefix: /long
  to: '{upstream}'
  show_error_details: true
  policy: LONG
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

#[test]
fn several_cookies_stay_several_and_a_long_page_stays_whole() {
    // As much as a page tells of a policy, with what markup has.
    let sentence = "<b>&amp; ".repeat(220);
    let one = format!(
        "\n  - {{allowed_users: [nobody@example.com], explanation: '{sentence}', remediation: '{sentence}'}}"
    );
    let policies = format!("\n  sub_policies:{}", one.repeat(32));
    let routes = LONG.replace("\n  policy: LONG", &policies);
    each_of("XA-12", "", &routes, |world, seen| {
        let mut client = world.client();
        let form = client.login_form(&world.url("app", "/x"));
        let sent = client.fill_login(&form, USER, PASSWORD);
        let answer = until_set(&mut client, sent, "_pomerium=");
        let cookies: Vec<_> = answer.head.all("set-cookie").collect();
        assert!(cookies.len() > 1, "{cookies:?}");
        for cookie in &cookies {
            assert_eq!(cookie.matches("Path=").count(), 1, "joined: {cookie}");
            world.keep_secret(cookie.split(['=', ';']).nth(1).unwrap());
        }
        seen.note("the end of a login", "several cookies, each a line");

        let page = client.get_with(&world.url("app", "/long"), &[("Accept", "text/html")]);
        let length: usize = page.header("content-length").unwrap().parse().unwrap();
        assert_eq!((page.status, page.body.len()), (403, length));
        assert!(
            length > 100_000 && page.text().trim_end().ends_with("</html>"),
            "{length} bytes"
        );
        assert!(
            !page.text().contains("<b>"),
            "markup of a policy is markup of the page"
        );
        assert_eq!(seen.answer("a page of 100 KiB", &page), "403 `policy_denied`");
        assert!(!world.upstream.saw("/long"));
    });
}
