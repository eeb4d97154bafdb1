//! The MCP call in the body, as far as Envoy shows it.

use crate::check::intake::Request;
use crate::check::message::Message;
use portcullis_policy::{Call, McpBody};

/// The largest body that is read.
const MAX_BODY: usize = 256 * 1024;
/// What Envoy says of a body that it shows, and no client can: `true` if there is more.
const PARTIAL: &str = "x-envoy-auth-partial-body";

/// The call, and what an ext_authz filter must be set to before more can be said of it.
pub(super) fn read(message: &Message<'_>, request: &Request<'_>) -> (Call, Option<&'static str>) {
    let bytes = message.body();
    if bytes.is_empty() {
        return if announces_none(request) {
            (Call::Absent, None)
        } else {
            (Call::Unreadable, Some("with_request_body"))
        };
    }
    let doubt = doubt(message, request);
    let body = McpBody {
        method: request.method,
        content_type: only(request, "content-type"),
        bytes,
        truncated: doubt.is_some(),
    };
    (Call::read(&body, MAX_BODY), doubt.flatten())
}

/// Whether a request that shows no body has none.
///
/// MCP's streamable HTTP transport takes calls by POST alone: by GET a client listens,
/// by DELETE it ends its session. Their headers are no proof that there is no body
/// (over HTTP/2 one may come unannounced), but where they announce one, the request
/// is not of that kind, and nobody can say what it is; nor where a filter hides headers.
fn announces_none(request: &Request<'_>) -> bool {
    let bodiless = matches!(request.method, "GET" | "HEAD" | "OPTIONS" | "DELETE");
    let lines = request.headers.all;
    let mut lengths = lines.of("content-length");
    let empty = lengths.all(|length| length.trim_ascii() == b"0");
    request.shows_all
        && bodiless
        && empty
        && lines.of("transfer-encoding").next().is_none()
        && lines.of(PARTIAL).next().is_none()
}

/// Why the bytes may not be the body that the upstream gets, with the setting that is
/// to blame if there is one; `None` if they are.
///
/// Envoy's own word is not enough: told to hand over what fits
/// (`allow_partial_message`), it takes a body for whole whose first part fills the room
/// exactly. So the length must have been said beforehand, and be that of the bytes.
fn doubt(message: &Message<'_>, request: &Request<'_>) -> Option<Option<&'static str>> {
    let lines = request.headers.all;
    if only(request, PARTIAL) != Some("false") {
        return Some(Some("with_request_body.max_request_bytes"));
    }
    // As text, Envoy writes `!` for each byte that is no UTF-8.
    if message.raw_body.is_empty() && message.text_body.contains('!') {
        return Some(Some("with_request_body.pack_as_bytes"));
    }
    let length = only(request, "content-length").and_then(|length| length.trim_ascii().parse::<usize>().ok());
    let whole = length == Some(message.body().len()) && lines.of("transfer-encoding").next().is_none();
    let mut encodings = lines.of("content-encoding");
    let plain = encodings.all(|encoding| encoding.eq_ignore_ascii_case(b"identity"));
    (!whole || !plain).then_some(None)
}

/// The value of a header that is there once.
fn only<'a>(request: &Request<'a>, name: &str) -> Option<&'a str> {
    let mut values = request.headers.all.of(name);
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| core::str::from_utf8(value).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::intake;
    use crate::fixture::Ask;
    use prost::Message as _;

    const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#;

    fn of(ask: &Ask) -> (Call, Option<&'static str>) {
        let bytes = ask.request().encode_to_vec();
        let message = Message::read(&bytes).unwrap();
        read(&message, &intake::read(&message).unwrap())
    }

    fn tool(ask: &Ask) -> Option<String> {
        match of(ask).0 {
            Call::Message { tool, .. } => tool,
            Call::Absent | Call::Unreadable => None,
        }
    }

    /// A call as Envoy shows it.
    fn post(body: &str) -> Ask {
        Ask::new()
            .method("POST")
            .header("content-type", "application/json")
            .header("content-length", body.len().to_string())
            .header(PARTIAL, "false")
            .body(body)
    }

    #[test]
    fn only_what_has_no_body_carries_no_call() {
        for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
            let ask = Ask::new().method(method);
            assert_eq!(of(&ask), (Call::Absent, None), "{method}");
            assert_eq!(
                of(&ask.clone().header("content-length", "0")).0,
                Call::Absent,
                "{method}"
            );
            for (name, value) in [
                ("content-length", "1"),
                ("content-length", "00"),
                ("content-length", "x"),
                ("Content-Length", "7"),
                ("transfer-encoding", "chunked"),
                (PARTIAL, "true"),
            ] {
                for ask in [
                    ask.clone().header(name, value),
                    ask.clone().header(name, value).joined(),
                ] {
                    assert_eq!(of(&ask).0, Call::Unreadable, "{method} with {name}: {value}");
                }
            }
            let twice = ask
                .clone()
                .header("content-length", "0")
                .header("content-length", "5");
            assert_eq!(of(&twice).0, Call::Unreadable);
            assert_eq!(of(&twice.joined()).0, Call::Unreadable);
        }
        for method in ["POST", "PUT", "PATCH", "get", "PROPFIND"] {
            let ask = Ask::new().method(method);
            assert_eq!(
                of(&ask),
                (Call::Unreadable, Some("with_request_body")),
                "{method}"
            );
            assert_eq!(
                of(&ask.header("content-length", "0")).0,
                Call::Unreadable,
                "{method}"
            );
        }
    }

    #[test]
    fn headers_that_are_hidden_announce_nothing() {
        let ask = Ask::new().context(&[]);
        assert_eq!(of(&ask), (Call::Absent, None));
        for hiding in [ask.clone().hiding(), ask.hiding().joined()] {
            assert_eq!(of(&hiding), (Call::Unreadable, Some("with_request_body")));
        }
    }

    #[test]
    fn a_whole_body_says_which_tool_is_called() {
        for ask in [
            post(CALL),
            post(CALL).joined(),
            post(CALL).text(CALL),
            post(CALL).text(CALL).joined(),
        ] {
            assert_eq!(of(&ask).1, None);
            assert_eq!(tool(&ask).as_deref(), Some("search"), "{ask:?}");
        }
        assert_eq!(tool(&post(CALL).method("GET")).as_deref(), Some("search"));
        assert_eq!(
            of(&post(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)).0,
            Call::Absent
        );
        let plain = post(CALL).header("content-encoding", "identity");
        assert_eq!(tool(&plain).as_deref(), Some("search"));
    }

    #[test]
    fn what_may_not_be_the_whole_body_is_unreadable() {
        let without = |name: &str| {
            let mut ask = post(CALL);
            ask.headers.retain(|(header, _)| header != name);
            ask
        };
        let with = |name: &str, value: &str| without(name).header(name, value);
        let larger = Some("with_request_body.max_request_bytes");
        for (ask, missing) in [
            (without(PARTIAL), larger),
            (with(PARTIAL, "true"), larger),
            (with(PARTIAL, "False"), larger),
            (post(CALL).header(PARTIAL, "false"), larger),
            (post(CALL).header(PARTIAL, "true"), larger),
            (without("content-length"), None),
            (with("content-length", "74"), None),
            (with("content-length", "-1"), None),
            (with("content-length", "99999999999999999999999"), None),
            (post(CALL).header("content-length", CALL.len().to_string()), None),
            (post(CALL).header("transfer-encoding", "chunked"), None),
            (post(CALL).header("content-encoding", "gzip"), None),
            (without("content-type"), None),
            (with("content-type", "text/plain"), None),
            (with("content-type", "application/json; charset=utf-16"), None),
            (post(CALL).header("content-type", "application/json"), None),
            (post(&format!("[{CALL}]")), None),
            (post(&CALL[..CALL.len() - 1]), None),
            (post(&CALL.replacen("{", r#"{"method":"ping","#, 1)), None),
            (post(&format!("{CALL}{}", " ".repeat(MAX_BODY))), None),
        ] {
            for ask in [ask.clone(), ask.joined()] {
                assert_eq!(of(&ask), (Call::Unreadable, missing), "{:?}", ask.headers);
            }
        }
        // A byte that Envoy could not show as text may stand behind it.
        let odd = CALL.replace("search", "search!");
        assert_eq!(tool(&post(&odd)).as_deref(), Some("search!"));
        let packed = Some("with_request_body.pack_as_bytes");
        assert_eq!(of(&post(&odd).text(&odd)), (Call::Unreadable, packed));
    }
}
