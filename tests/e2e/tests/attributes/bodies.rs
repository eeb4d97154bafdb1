//! Bodies of MCP calls, where somebody else's Envoy hands them over.

use crate::names;
use portcullis_harness::roles::{Beside, DropIn};
use portcullis_harness::wait::until;
use url::Url;

const ROUTES: &str = "
- from: https://app.example.test:{port}
  name: tools
  to: '{upstream}'
  policy: [{allow: {and: [{accept: true}]}}, {deny: {or: [{mcp_tool: delete_everything}]}}]
";

fn call(tool: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
}

fn start(filter: &str) -> DropIn {
    let filter = format!("status_on_error: {{code: ServiceUnavailable}}\n{filter}");
    DropIn::start(&Beside {
        filter: &filter,
        ..Beside::of(ROUTES)
    })
}

/// The status that a body gets, and whether the upstream saw it.
fn post(site: &DropIn, mark: &str, fields: &[(&str, &str)], body: &str) -> (u16, bool) {
    let url = Url::parse(&site.url("app", &format!("/{mark}"))).unwrap();
    let all = [&[("Content-Type", "application/json")], fields].concat();
    let answer = site.client().send("POST", &url, &all, body.as_bytes());
    (answer.status, site.upstream.saw(mark))
}

/// Raw bytes behind a head of a POST.
fn raw(site: &DropIn, mark: &str, head: &str, body: &str) -> (u16, bool) {
    let text = format!(
        "POST /{mark} HTTP/1.1\r\nHost: app.example.test:{}\r\nContent-Type: application/json\r\n{head}\r\n{body}",
        site.port()
    );
    let answer = site.client().raw(&site.url("app", "/"), text.as_bytes());
    (answer.status, site.upstream.saw(mark))
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

#[test]
fn a_body_that_is_handed_over_whole_is_decided_on() {
    for (number, form) in ["pack_as_bytes: true", "pack_as_bytes: false"].iter().enumerate() {
        for headers in ["true", "false"] {
            let site = start(&format!(
                "with_request_body: {{max_request_bytes: 8192, {form}}}\nencode_raw_headers: {headers}\n"
            ));
            let mark = |what: &str| format!("{what}-{number}-{headers}");
            assert_eq!(post(&site, &mark("search"), &[], &call("search")), (200, true));
            assert_eq!(
                post(&site, &mark("delete"), &[], &call("delete_everything")),
                (403, false)
            );
            let escaped = call(r"delete\u005feverything");
            assert_eq!(post(&site, &mark("escaped"), &[], &escaped), (403, false));
            let batch = format!("[{}]", call("search"));
            assert_eq!(post(&site, &mark("batch"), &[], &batch), (403, false));
            let larger = format!("{}{}", call("search"), " ".repeat(9_000));
            assert_eq!(post(&site, &mark("larger"), &[], &larger), (413, false));
            let twice = call("search").replacen('{', r#"{"method":"ping","#, 1);
            assert_eq!(post(&site, &mark("twice"), &[], &twice), (403, false));
            // Its length is not known beforehand.
            let unknown = raw(
                &site,
                &mark("chunked"),
                "Transfer-Encoding: chunked\r\n",
                &chunked(&call("search")),
            );
            assert_eq!(unknown, (403, false));
        }
    }
}

#[test]
fn a_part_of_a_body_is_no_body_whoever_says_so() {
    let site = start(
        "with_request_body: {max_request_bytes: 128, allow_partial_message: true, pack_as_bytes: true}\n",
    );
    assert_eq!(post(&site, "small", &[], &call("search")), (200, true));
    // The part is a call in itself.
    let filled = format!("{:128}", call("search"));
    let more = format!("{filled}{}", call("delete_everything"));
    let whole = [("x-envoy-auth-partial-body", "false")];
    assert_eq!(post(&site, "part", &[], &more), (403, false));
    assert_eq!(post(&site, "forged", &whole, &more), (403, false));
    assert_eq!(
        post(
            &site,
            "forged-small",
            &[("x-envoy-auth-partial-body", "true")],
            &call("search")
        ),
        (200, true)
    );
    // Envoy takes what fills the room exactly for the whole, and asks before the rest is
    // there.
    let first = format!("{:x}\r\n{filled}\r\n", filled.len());
    assert_eq!(
        raw(&site, "filled", "Transfer-Encoding: chunked\r\n", &first),
        (403, false)
    );
    until("the setting is named", || {
        names(&site, "/part", "with_request_body.max_request_bytes")
    });
}

#[test]
fn an_envoy_that_hands_over_no_body_is_told_what_to_set() {
    let site = start("");
    let forged = [("x-envoy-auth-partial-body", "false")];
    assert_eq!(post(&site, "untold", &forged, &call("search")), (403, false));
    assert_eq!(site.client().get(&site.url("app", "/listening")).status, 200);
    until("the setting is named", || {
        names(&site, "/untold", "with_request_body")
    });
}
