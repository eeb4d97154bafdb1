//! XA-11: bodies that a check does not hold, or not whole.

use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};

use super::super::support::{Seen, begin, judged, one_of};

const ROUTES: &str = "
- {name: tools, from: 'https://app.example.test:{port}', prefix: /tools, to: '{upstream}', policy: [{allow: {and: [{accept: true}]}}, {deny: {or: [{mcp_tool: delete_everything}]}}]}
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";

/// A call of the tool that nobody may call, behind so much that no filter here sends it.
const CALL: &str = r#"{"padding": "----------------------------------------------------------------", "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "delete_everything", "arguments": {}}}"#;

fn bodies(world: &World, seen: &mut Seen, filter: &str) {
    let host = world.authority("app");
    let announced = format!("Content-Length: {}\r\n\r\n{CALL}", CALL.len());
    let chunked = format!(
        "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{CALL}\r\n0\r\n\r\n",
        CALL.len()
    );
    let json = "Accept: application/json\r\nContent-Type: application/json\r\n";
    let form = "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    // More than any filter here sends whole.
    let long = format!("{}{CALL}", " ".repeat(70 << 10));
    let request = format!(
        "POST /tools/x HTTP/1.1\r\nHost: {host}\r\n{json}Content-Length: {}\r\n\r\n{long}",
        long.len()
    );
    let answer = world.raw(request.as_bytes());
    assert!(answer.status >= 400, "{filter}: {}", answer.status);
    seen.answer(&format!("70 KiB, the filter: {filter}"), &answer);
    // Our own Envoy sends our pages what is posted over HTTP.
    let pages = (world.shape != Shape::Ours).then_some(("/oauth2/callback", form));
    for (path, fields) in [("/tools/x", json)].into_iter().chain(pages) {
        for (how, body) in [("announced", &announced), ("chunked", &chunked)] {
            // What the filter says of the body, said by a client.
            for forged in ["", "x-envoy-auth-partial-body: false\r\n"] {
                let request = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{fields}{forged}{body}");
                let answer = world.raw(request.as_bytes());
                let what = format!("{path}, {how}, {forged:?}, the filter: {filter}");
                // Who takes the filter's own word in its mouth where there is no such filter
                // is answered as if nothing had been posted, and has posted nothing; or its
                // Envoy takes that out.
                let nothing = path == "/oauth2/callback" && how == "chunked" && filter.is_empty();
                if nothing && !forged.is_empty() && answer.status == 303 {
                    continue;
                }
                assert!(
                    answer.status >= 400,
                    "{what}: {} {}",
                    answer.status,
                    answer.text()
                );
                seen.answer(&what, &answer);
            }
        }
    }
    assert!(!world.upstream.saw("/tools") && !world.upstream.saw("callback"));
}

#[test]
fn behind_our_own_envoy_a_body_that_is_too_long_to_judge_denies() {
    one_of("XA-11", begin(Shape::Ours, "", ROUTES), |world, seen| {
        bodies(world, seen, "ours");
    });
}

#[test]
fn a_body_that_is_needed_and_is_not_there_whole_denies() {
    for shape in [Shape::Istio, Shape::Bare] {
        for asks in [
            "",
            "with_request_body: {max_request_bytes: 32}\n",
            "with_request_body: {max_request_bytes: 32, allow_partial_message: true}\n",
            "with_request_body: {max_request_bytes: 32, allow_partial_message: true, pack_as_bytes: true}\nencode_raw_headers: true\n",
        ] {
            let beside = if shape == Shape::Istio {
                Beside::istio(ROUTES)
            } else {
                Beside::of(ROUTES)
            };
            let filter = format!("{}{asks}", beside.filter);
            let beside = Beside {
                filter: &filter,
                ..beside
            };
            one_of(
                "XA-11",
                judged(World::start_beside(shape, &beside)),
                |world, seen| {
                    bodies(world, seen, asks);
                },
            );
        }
    }
}
