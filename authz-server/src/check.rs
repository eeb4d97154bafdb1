//! One Check: `intake → route → identify → decide → answer → audit`.
//!
//! Fail closed: whatever goes wrong, panics included, ends in a denial with a
//! stable code.

pub mod answer;
pub mod audit;
pub mod decide;
mod decision_ids;
pub mod identify;
pub mod intake;
pub mod message;
pub mod route;

#[cfg(test)]
mod tests;

use crate::feed::Active;
use crate::sessions::StoredSession;
use crate::state::AuthzServer;
use answer::{Answer, Situation, Verdict};
use core::panic::AssertUnwindSafe;
use futures::FutureExt as _;
use jiff::Timestamp;
use message::{Malformed, Message};
use portcullis_bundle::Route;
use portcullis_model::DecisionId;
use portcullis_policy::Evaluation;
use std::sync::Arc;
use std::time::Instant;

pub use answer::Reply;
pub(crate) use decision_ids::DecisionIds;

/// What a decision was made from; for the audit line.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) active: Option<Arc<Active>>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) session: Option<Arc<StoredSession>>,
    pub(crate) evaluation: Option<Evaluation>,
}

/// Answers one Check, whose bytes are a `CheckRequest`. Never panics: the answer to
/// a fault is a denial.
///
/// # Errors
///
/// [`Malformed`] where the bytes are no check.
pub async fn check(server: &AuthzServer, bytes: &[u8]) -> Result<Reply, Malformed> {
    let message = Message::read(bytes)?;
    let started = Instant::now();
    let now = server.clock().now();
    let id = server.decision_ids().next(now, server.random());
    let mut facts = Facts::default();
    let work = AssertUnwindSafe(run(server, &message, &mut facts, id, now));
    let Answer { reply, verdict } = match work.catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => {
            tracing::error!(decision_id = %id, "a check panicked and was denied");
            answer::fault(id)
        }
    };
    server.metrics().checked(verdict);
    server.audit().record(audit::Record::new(
        &message,
        facts,
        id,
        verdict,
        now,
        started.elapsed(),
    ));
    Ok(reply)
}

async fn run(
    server: &AuthzServer,
    message: &Message<'_>,
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
    let request = match intake::read(message) {
        Ok(request) => request,
        Err(_) => {
            let html = intake::reads_html(message);
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
    if let Some(stored) = &identity.session {
        server.refresher().notice(stored, now);
    }

    let evaluation = decide::decide(program, &request, identity.session.as_deref(), now);
    let answer = answer::answer(server, &situation, found, &identity, &evaluation, now);
    facts.evaluation = Some(evaluation);
    answer
}
