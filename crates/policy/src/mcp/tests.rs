use proptest::prelude::*;
use serde_json::json;

use super::*;

const LIMIT: usize = 4096;

fn post(bytes: &[u8]) -> Call {
    let body = Body {
        method: "POST",
        content_type: Some("application/json"),
        bytes,
        truncated: false,
    };
    Call::read(&body, LIMIT)
}

fn call(id: Option<serde_json::Value>, tool: &str) -> Call {
    Call::Message {
        id,
        method: "tools/call".to_owned(),
        tool: Some(tool.to_owned()),
    }
}

#[test]
fn messages() {
    for (text, wanted) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"name":1}}}"#,
            call(Some(json!(1)), "search"),
        ),
        (
            r#"{"params":{"_meta":{},"name":"ad\u006din"},"\u006dethod":"tools/call","id":"a"}"#,
            call(Some(json!("a")), "admin"),
        ),
        (r#"{"method":"tools/call","params":{"name":""}}"#, call(None, "")),
        (
            r#" {"id":null,"method":"initialize","params":[{"name":1}]} "#,
            Call::Message {
                id: Some(json!(null)),
                method: "initialize".to_owned(),
                tool: None,
            },
        ),
        (
            r#"{"method":"prompts/get","params":{"name":5,"Name":6}}"#,
            Call::Message {
                id: None,
                method: "prompts/get".to_owned(),
                tool: None,
            },
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"method":"tools/call"}}"#,
            Call::Absent,
        ),
    ] {
        assert_eq!(post(text.as_bytes()), wanted, "{text}");
    }
}

#[test]
fn what_could_hide_a_call_is_unreadable() {
    let long = format!(r#"{{"method":"ping","x":"{}"}}"#, "x".repeat(LIMIT));
    for text in [
        "",
        "x",
        "null",
        "5",
        r#""tools/call""#,
        // A batch.
        r#"[{"method":"tools/call","params":{"name":"x"}}]"#,
        "[]",
        // Which of the two counts?
        r#"{"method":"ping","method":"tools/call","params":{"name":"x"}}"#,
        r#"{"method":"tools/call","params":{"name":"x"},"\u006dethod":"ping"}"#,
        r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
        r#"{"method":"tools/call","id":1,"id":2,"params":{"name":"a"}}"#,
        // Some readers do not look at case.
        r#"{"method":"ping","Method":"tools/call","params":{"name":"x"}}"#,
        r#"{"METHOD":"tools/call","params":{"name":"x"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"method":"tools/call","param\u017f":{"name":"b"},"params":{"name":"a"}}"#,
        // No call that a server could answer, but a call.
        r#"{"method":"tools/call"}"#,
        r#"{"method":"tools/call","params":{}}"#,
        r#"{"method":"tools/call","params":null}"#,
        r#"{"method":"tools/call","params":["x"]}"#,
        r#"{"method":"tools/call","params":{"name":["x"]}}"#,
        r#"{"method":"tools/call","params":"x"}"#,
        r#"{"method":["tools/call"],"params":{"name":"x"}}"#,
        r#"{"method":null}"#,
        r#"{"method":"ping","id":{}}"#,
        // Not JSON to the end.
        r#"{"method":"ping"} {"method":"tools/call","params":{"name":"x"}}"#,
        r#"{"method":"ping""#,
        r#"{"method":"ping",}"#,
        "\u{feff}{\"method\":\"ping\"}",
        &long,
    ] {
        assert_eq!(post(text.as_bytes()), Call::Unreadable, "{text}");
    }
    // Bytes that are no text, also where nobody looks.
    for bytes in [
        &b"{\"method\":\"p\xffng\"}"[..],
        b"{\"method\":\"ping\",\"x\":\"\xff\"}",
        b"{\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"arguments\":{\"x\":\"\xc3\"}}}",
        b"{\"method\":\"ping\",\"params\":[\"\xed\xa0\x80\"]}",
    ] {
        assert_eq!(post(bytes), Call::Unreadable, "{}", bytes.escape_ascii());
    }
}

#[test]
fn depth_costs_no_stack() {
    let nested = |params: &str| {
        let text = format!(
            r#"{{"method":"ping",{params}{}{}}}"#,
            "[".repeat(50_000),
            "]".repeat(50_000)
        );
        let body = Body {
            method: "POST",
            content_type: Some("application/json"),
            bytes: text.as_bytes(),
            truncated: false,
        };
        Call::read(&body, text.len())
    };
    let ping = Call::Message {
        id: None,
        method: "ping".to_owned(),
        tool: None,
    };
    assert_eq!(nested(r#""x":"#), ping);
    assert_eq!(nested(r#""params":"#), ping);
    assert_eq!(nested(r#""id":"#), Call::Unreadable);
}

#[test]
fn the_request_around_the_body() {
    let read = |method, content_type, bytes: &str, truncated| {
        let body = Body {
            method,
            content_type,
            bytes: bytes.as_bytes(),
            truncated,
        };
        Call::read(&body, LIMIT)
    };
    let json = Some("application/json");
    let text = r#"{"method":"tools/call","params":{"name":"x"}}"#;
    for method in BODILESS {
        assert_eq!(read(method, None, "", false), Call::Absent, "{method}");
        assert_eq!(read(method, None, "", true), Call::Unreadable, "{method}");
        assert_eq!(read(method, json, text, false), call(None, "x"), "{method}");
        assert_eq!(read(method, None, text, false), Call::Unreadable, "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "get", ""] {
        assert_eq!(read(method, json, "", false), Call::Unreadable, "{method}");
        assert_eq!(read(method, json, text, true), Call::Unreadable, "{method}");
    }
    for content_type in [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/json;charset=\"utf-8\"",
        "application/json;",
    ] {
        assert_eq!(
            read("POST", Some(content_type), text, false),
            call(None, "x"),
            "{content_type}"
        );
    }
    for content_type in [
        "",
        "text/plain",
        "application/json-rpc",
        "application/vnd.mcp+json",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json; boundary=x",
        "application/json; charset",
    ] {
        assert_eq!(
            read("POST", Some(content_type), text, false),
            Call::Unreadable,
            "{content_type}"
        );
    }
    let body = Body {
        method: "POST",
        content_type: json,
        bytes: text.as_bytes(),
        truncated: false,
    };
    assert_eq!(Call::read(&body, text.len()), call(None, "x"));
    assert_eq!(Call::read(&body, text.len() - 1), Call::Unreadable);
}

#[test]
fn as_a_policy_sees_it() {
    assert!(matches!(
        call(None, "x").as_input(),
        Mcp::Message {
            method: "tools/call",
            tool: Some("x")
        }
    ));
    assert!(matches!(Call::Absent.as_input(), Mcp::Absent));
    assert!(matches!(Call::Unreadable.as_input(), Mcp::Unreadable));
}

proptest! {
    /// No body is a message to us and another one to `serde_json`.
    #[test]
    fn agrees_with_a_plain_reader(
        keys in prop::collection::vec(
            prop::sample::select(vec!["method", "Method", "params", "id", "x"]), 0..5),
        values in prop::collection::vec(
            prop::sample::select(vec![
                "1", "null", "\"tools/call\"", "\"ping\"", "{\"name\":\"a\"}", "{\"name\":\"a\",\"NAME\":1}", "[]",
            ]), 5),
    ) {
        let members: Vec<_> = keys.iter().zip(&values).map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let text = format!("{{{}}}", members.join(","));
        let plain: serde_json::Value = serde_json::from_str(&text).unwrap();
        match post(text.as_bytes()) {
            Call::Message { method, tool, .. } => {
                prop_assert_eq!(plain["method"].as_str(), Some(method.as_str()));
                prop_assert!(plain.get("Method").is_none());
                if method == "tools/call" {
                    prop_assert_eq!(plain["params"]["name"].as_str(), tool.as_deref());
                    prop_assert!(tool.is_some());
                }
            }
            Call::Absent => prop_assert!(plain.get("method").is_none() && plain.get("Method").is_none()),
            Call::Unreadable => {}
        }
    }

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        post(&bytes);
    }
}
