//! Stage 4: asks the route's policy.

use super::intake::Request;
use crate::sessions::StoredSession;
use jiff::Timestamp;
use portcullis_policy::{Evaluation, Http, Input, Program, Subject, evaluate};

/// What `program` says to `request` by whoever `session` belongs to.
#[must_use]
pub fn decide(
    program: &Program,
    request: &Request<'_>,
    session: Option<&StoredSession>,
    now: Timestamp,
) -> Evaluation {
    let input = Input {
        http: Http {
            method: request.method,
            host: request.host.as_str(),
            path: &request.path,
            source_ip: request.source_ip,
            origin: request.headers.origin,
            access_control_request_method: request.headers.access_control_request_method,
        },
        session: session.map(|stored| Subject {
            session_id: &stored.id_text,
            user_id: &stored.session.user_id,
            email: &stored.session.email,
            claims: &stored.session.claims,
        }),
        now,
    };
    evaluate(program, &input)
}
