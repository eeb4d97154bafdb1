//! Stage 4: asks the route's policy.

use super::intake::Request;
use super::message::Message;
use crate::sessions::StoredSession;
use jiff::Timestamp;
use portcullis_policy::{
    ClientCertificate, Evaluation, Http, Input, Mcp, Outcome, Program, Subject, evaluate,
};

/// What `program` says to `request` for this decoded `path` by whoever `session`
/// belongs to.
#[must_use]
pub fn decide(
    program: &Program,
    request: &Request<'_>,
    path: &str,
    session: Option<&StoredSession>,
    now: Timestamp,
) -> Evaluation {
    let input = Input {
        http: Http {
            method: request.method,
            host: request.host.as_str(),
            path,
            source_ip: request.source_ip,
            origin: request.headers.origin,
            access_control_request_method: request.headers.access_control_request_method,
        },
        session: session.map(subject),
        client_certificate: ClientCertificate::NONE,
        ssh: None,
        mcp: if program.asks_for_mcp() {
            mcp(request)
        } else {
            Mcp::Absent
        },
        records: None,
        now,
    };
    evaluate(program, &input)
}

/// Of two readings of one request the one that lets less through.
#[must_use]
pub fn stricter(one: Evaluation, other: Evaluation) -> Evaluation {
    if matches!(one.outcome, Outcome::Allow(_)) {
        other
    } else {
        one
    }
}

/// What an ext_authz filter of somebody else's must be set to before such a refusal can
/// be anything else.
#[must_use]
pub fn missing(
    program: &Program,
    evaluation: &Evaluation,
    message: &Message<'_>,
    request: &Request<'_>,
) -> Option<&'static str> {
    if !matches!(evaluation.outcome, Outcome::Deny(_)) {
        return None;
    }
    if program.asks_for_certificate() && message.certificate.is_empty() {
        Some("include_peer_certificate")
    } else if program.asks_for_mcp() && message.body().is_empty() && matches!(mcp(request), Mcp::Unreadable) {
        Some("with_request_body")
    } else {
        None
    }
}

/// Whoever a session belongs to, as a policy sees them.
pub(crate) fn subject(stored: &StoredSession) -> Subject<'_> {
    Subject {
        session_id: &stored.id_text,
        user_id: &stored.session.user_id,
        email: &stored.session.email,
        claims: &stored.session.claims,
        groups: None,
        devices: &[],
    }
}

/// What is known of a tool call in the body, of which Envoy sends us nothing: of a
/// request that could carry one nobody can say that it does not.
///
/// MCP's streamable HTTP transport takes calls by POST alone: by GET a client listens,
/// by DELETE it ends its session. Their headers are no proof that there is no body
/// (over HTTP/2 one may come unannounced), but where they announce one, the request
/// is not of that kind, and nobody can say what it is.
fn mcp<'a>(request: &Request<'_>) -> Mcp<'a> {
    let bodiless = matches!(request.method, "GET" | "HEAD" | "OPTIONS" | "DELETE");
    let lines = &request.headers.all;
    let mut lengths = lines.of("content-length");
    let empty = lengths.all(|length| length.trim_ascii() == b"0");
    if bodiless && empty && lines.of("transfer-encoding").next().is_none() {
        Mcp::Absent
    } else {
        Mcp::Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::intake;
    use crate::check::message::Message;
    use crate::fixture::Ask;
    use prost::Message as _;

    fn absent(ask: &Ask) -> bool {
        let bytes = ask.request().encode_to_vec();
        let message = Message::read(&bytes).unwrap();
        matches!(mcp(&intake::read(&message).unwrap()), Mcp::Absent)
    }

    #[test]
    fn only_what_has_no_body_carries_no_call() {
        for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
            let ask = Ask::new().method(method);
            assert!(absent(&ask), "{method}");
            assert!(absent(&ask.clone().header("content-length", "0")), "{method}");
            for (name, value) in [
                ("content-length", "1"),
                ("content-length", "00"),
                ("content-length", "x"),
                ("Content-Length", "7"),
                ("transfer-encoding", "chunked"),
            ] {
                for ask in [
                    ask.clone().header(name, value),
                    ask.clone().header(name, value).joined(),
                ] {
                    assert!(!absent(&ask), "{method} with {name}: {value}");
                }
            }
            let twice = ask
                .clone()
                .header("content-length", "0")
                .header("content-length", "5");
            assert!(!absent(&twice) && !absent(&twice.joined()), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "get", "PROPFIND"] {
            assert!(!absent(&Ask::new().method(method)), "{method}");
            assert!(
                !absent(&Ask::new().method(method).header("content-length", "0")),
                "{method}"
            );
        }
    }
}
