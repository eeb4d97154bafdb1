//! `response`.

use super::part;
use crate::codes::RESPONSE_INVALID;
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Respond, value};

/// Envoy's bound for a body that stands in its configuration.
const MAX_BODY: usize = 4_096;

/// The fixed answer, if there is one and it can be given.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> Option<Respond> {
    let field = fields.get("response")?;
    let scalar = |name: &str| part(field.node, name).and_then(|node| node.as_scalar());
    let span = |name: &str| part(field.node, name).map_or(field.key_span, |node| node.span);
    let mut wrong = |name: &str, message: &str| {
        report.add(Problem::error(RESPONSE_INVALID, span(name), message));
        None
    };
    let body = scalar("body").and_then(value::text).unwrap_or_default();
    if body.len() > MAX_BODY {
        return wrong("body", "the body of `response` has more than 4096 bytes");
    }
    let status = scalar("status").and_then(value::integer);
    let status = match status.and_then(|status| u16::try_from(status).ok()) {
        Some(status) if (200..600).contains(&status) => status,
        // A value of the wrong shape has been reported.
        _ if status.is_none() && part(field.node, "status").is_some() => return None,
        _ => return wrong("status", "`response` needs a `status` from 200 to 599"),
    };
    // The body would be read as the next answer on the connection.
    if matches!(status, 204 | 205 | 304) && !body.is_empty() {
        return wrong("body", "an answer with this status has no body");
    }
    Some(Respond { status, body })
}
