//! Stage 4: asks the route's policy.

use super::evidence::Evidence;
use super::intake::Request;
use crate::sessions::StoredSession;
use jiff::Timestamp;
use portcullis_policy::{Evaluation, Http, Input, Outcome, Program, Subject, evaluate};

/// What `program` says to `request` for this decoded `path` by whoever `session`
/// belongs to.
#[must_use]
pub fn decide(
    program: &Program,
    request: &Request<'_>,
    path: &str,
    session: Option<&StoredSession>,
    evidence: &Evidence,
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
        client_certificate: evidence.certificate(),
        ssh: None,
        mcp: evidence.call(),
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
