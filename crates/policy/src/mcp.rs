//! The MCP message of a request, read from its body.
//!
//! What the reader says about a body must be what the MCP server behind it
//! finds there, or a denied tool could be called unseen. So the reader is
//! narrow: what it does not understand wholly it calls unreadable, and an
//! `mcp_tool` criterion then counts against the request. (Pomerium takes such a
//! body for no call, and its deny rules do not fire.)

mod message;
#[cfg(test)]
mod tests;

use crate::input::Mcp;

/// The method of a tool call.
const TOOL_CALL: &str = "tools/call";
/// The methods of requests that need no body: the event stream, the end of a
/// session, and what asks about the resource.
const BODILESS: [&str; 4] = ["GET", "HEAD", "DELETE", "OPTIONS"];

/// What the body of a request holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Call {
    /// No message, or one that calls nothing: an answer of the client.
    #[default]
    Absent,
    /// One JSON-RPC request or notification.
    Message {
        /// Its id, with which a refusal must answer: text, a number or null;
        /// `None` for a notification.
        id: Option<serde_json::Value>,
        /// Its method, such as `tools/call`.
        method: String,
        /// The name of the tool, for `tools/call`.
        tool: Option<String>,
    },
    /// A body that could hold a call and cannot be read, or is not all there.
    Unreadable,
}

/// A request's body, and what tells how to read it.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// The method of the HTTP request.
    pub method: &'a str,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// What is there of the body.
    pub bytes: &'a [u8],
    /// Whether more of it was left out.
    pub truncated: bool,
}

impl Call {
    /// Reads a body of at most `limit` bytes. Total, and linear in the body.
    ///
    /// Unreadable is: a body that is cut off or longer than `limit`, of another
    /// content type than `application/json`, no JSON object (a batch is a list),
    /// with one of the names that matter twice or in another case, with a method
    /// that is no string, or a tool call without the tool's name; also a request
    /// that must have a body and shows none, since the body may have been held
    /// back from the reader.
    #[must_use]
    pub fn read(body: &Body<'_>, limit: usize) -> Self {
        if body.bytes.is_empty() && !body.truncated && BODILESS.contains(&body.method) {
            return Self::Absent;
        }
        let whole = !body.truncated && !body.bytes.is_empty() && body.bytes.len() <= limit;
        if !whole || !body.content_type.is_some_and(is_json) {
            return Self::Unreadable;
        }
        message::read(body.bytes).unwrap_or(Self::Unreadable)
    }

    /// The same as a policy sees it.
    #[must_use]
    pub fn as_input(&self) -> Mcp<'_> {
        match self {
            Self::Absent => Mcp::Absent,
            Self::Message { method, tool, .. } => Mcp::Message {
                method,
                tool: tool.as_deref(),
            },
            Self::Unreadable => Mcp::Unreadable,
        }
    }
}

/// Whether the content is JSON in UTF-8. Of parameters only `charset` may be
/// there: no other changes the meaning of the body, but several headers that
/// were joined with commas look like one.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    media.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| {
            parameter.is_empty()
                || parameter.split_once('=').is_some_and(|(name, value)| {
                    name.eq_ignore_ascii_case("charset")
                        && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
                })
        })
}
