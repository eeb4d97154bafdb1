//! Bodies that may hold an MCP message.

use portcullis_policy::{Call, McpBody};
use serde_json::Value;

/// Reads `data` as a body. Nothing panics, and where a message is found, a plain
/// JSON reader finds the same in it.
pub fn mcp_body(data: &[u8]) {
    let body = McpBody {
        method: "POST",
        content_type: Some("application/json"),
        bytes: data,
        truncated: false,
    };
    let call = Call::read(&body, 1 << 16);
    let cut = McpBody {
        truncated: true,
        ..body
    };
    assert_eq!(Call::read(&cut, 1 << 16), Call::Unreadable);
    // Deeper than the plain reader goes, there is nothing to compare with.
    let Ok(plain) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    match call {
        Call::Message { id, method, tool } => {
            assert_eq!(plain.get("method").and_then(Value::as_str), Some(method.as_str()));
            assert_eq!(plain.get("id"), id.as_ref());
            let name = plain.get("params").and_then(|params| params.get("name"));
            assert!(
                method != "tools/call" || (tool.is_some() && name.and_then(Value::as_str) == tool.as_deref())
            );
        }
        Call::Absent => assert!(plain.is_object() && plain.get("method").is_none()),
        Call::Unreadable => {}
    }
}
