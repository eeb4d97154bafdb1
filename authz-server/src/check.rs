//! One Check: `intake → route → identify → decide → answer → audit`.
//!
//! Fail closed: whatever goes wrong, panics included, ends in a denial with a
//! stable code.

pub mod answer;
pub mod audit;
pub mod decide;
pub mod identify;
pub mod intake;
pub mod route;

#[cfg(test)]
mod tests;

use crate::clock::random_bytes;
use crate::feed::Active;
use crate::sessions::StoredSession;
use crate::state::AuthzServer;
use answer::{Answer, Situation, Verdict};
use core::panic::AssertUnwindSafe;
use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse};
use futures::FutureExt as _;
use jiff::Timestamp;
use portcullis_bundle::Route;
use portcullis_model::DecisionId;
use portcullis_policy::Evaluation;
use std::sync::Arc;
use std::time::Instant;

/// What a decision was made from; for the audit line.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) active: Option<Arc<Active>>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) session: Option<Arc<StoredSession>>,
    pub(crate) evaluation: Option<Evaluation>,
}

/// Answers one Check. Never fails and never panics: the answer to a fault is a
/// denial.
pub async fn check(server: &AuthzServer, mut request: CheckRequest) -> CheckResponse {
    let started = Instant::now();
    let now = server.clock().now();
    let id = decision_id(server, now);
    let mut facts = Facts::default();
    let work = AssertUnwindSafe(run(server, &request, &mut facts, id, now));
    let Answer { response, verdict } = match work.catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => {
            tracing::error!(decision_id = %id, "a check panicked and was denied");
            answer::fault(id)
        }
    };
    server.metrics().checked(verdict);
    server.audit().record(audit::Record::new(
        &mut request,
        facts,
        id,
        verdict,
        started.elapsed(),
    ));
    response
}

async fn run(
    server: &AuthzServer,
    request: &CheckRequest,
    facts: &mut Facts,
    decision: DecisionId,
    now: Timestamp,
) -> Answer {
    let bare = Situation {
        decision,
        request: None,
        html: false,
        active: None,
    };
    let request = match intake::read(request) {
        Ok(request) => request,
        Err(_) => {
            let html = intake::reads_html(request);
            return answer::refusal(&Situation { html, ..bare }, Verdict::BadRequest);
        }
    };
    let Some(active) = server.feed().active() else {
        return answer::refusal(
            &Situation {
                request: Some(&request),
                ..bare
            },
            Verdict::NotReady,
        );
    };
    let active = &**facts.active.insert(active);
    let situation = Situation {
        decision,
        request: Some(&request),
        active: Some(active),
        ..bare
    };

    let (found, program) = match route::find(&active.bundle, &request) {
        Ok(route::Target::Internal(_)) if answer::negotiate::is_websocket(&request) => {
            return answer::refusal(&situation, Verdict::UpgradeRefused);
        }
        Ok(route::Target::Internal(proof)) => return answer::internal(&proof),
        Ok(route::Target::Route(found, program)) => (found, program),
        Err((unroutable, found)) => {
            facts.route = found.map(Arc::clone);
            return answer::refusal(&situation, unroutable.into());
        }
    };
    facts.route = Some(Arc::clone(found));

    let identity = match identify::identify(server.sessions(), active, &request, now).await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, decision_id = %decision, "a session could not be looked up");
            return answer::refusal(&situation, Verdict::SessionStoreUnavailable);
        }
    };
    facts.session.clone_from(&identity.session);

    let evaluation = decide::decide(program, &request, identity.session.as_deref(), now);
    let answer = answer::answer(server, &situation, found, &identity, &evaluation.outcome, now);
    facts.evaluation = Some(evaluation);
    answer
}

/// A new id for this decision (UUIDv7). Where the random source fails the id has
/// only its time; it names a decision and protects nothing.
fn decision_id(server: &AuthzServer, now: Timestamp) -> DecisionId {
    let random = random_bytes::<10>(server.random()).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    DecisionId(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
}
