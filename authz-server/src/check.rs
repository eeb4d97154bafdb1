//! One Check: `intake → route → identify → decide → answer → audit`.
//!
//! Fail closed: whatever goes wrong, panics included, ends in a denial with a
//! stable code.

pub mod answer;
pub mod audit;
pub mod decide;
mod decision_ids;
pub mod evidence;
pub mod identify;
pub mod intake;
pub mod message;
pub mod route;

#[cfg(test)]
mod tests;

use crate::client;
use crate::feed::Active;
use crate::in_band;
use crate::sessions::StoredSession;
use crate::state::AuthzServer;
use answer::{Answer, Situation, Verdict};
use core::net::IpAddr;
use core::panic::AssertUnwindSafe;
use evidence::Evidence;
use futures::FutureExt as _;
use identify::IdentifyError;
use intake::{Ambiguity, IntakeError};
use jiff::Timestamp;
use message::{Malformed, Message};
use portcullis_bundle::Route;
use portcullis_model::DecisionId;
use portcullis_policy::{Evaluation, Outcome};
use std::sync::Arc;
use std::time::Instant;

pub use answer::Reply;
pub(crate) use decision_ids::DecisionIds;
pub(crate) use evidence::Remembered;

/// What a decision was made from; for the audit line.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) active: Option<Arc<Active>>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) session: Option<Arc<StoredSession>>,
    pub(crate) evaluation: Option<Evaluation>,
    /// Whose request it is, where a proxy that is to be believed says so.
    pub(crate) client: Option<IpAddr>,
    /// How the route was found, or was to be.
    pub(crate) by: Option<route::By>,
    /// Why a request can be read in two ways.
    pub(crate) ambiguity: Option<Ambiguity>,
    /// Whether what Envoy says of the route names none, or none of this request.
    pub(crate) misnamed: bool,
    /// Whether the filter keeps headers of the request from us.
    pub(crate) hidden: bool,
    /// The setting of the filter without which the policy cannot decide otherwise.
    pub(crate) missing: Option<&'static str>,
    /// The status of the page, or of the route's own answer, that is the answer.
    pub(crate) page: Option<u16>,
}

/// Answers one Check, whose bytes are a `CheckRequest`. Never panics: the answer to
/// a fault is a denial.
///
/// # Errors
///
/// [`Malformed`] where the bytes are no check.
pub async fn check(server: &Arc<AuthzServer>, bytes: &[u8]) -> Result<Reply, Malformed> {
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
            answer::fault(id, now)
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
    server: &Arc<AuthzServer>,
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
        now,
    };
    let mut request = match intake::read(message) {
        Ok(request) => request,
        Err(error) => {
            let html = intake::reads_html(message);
            facts.ambiguity = error.ambiguity();
            if facts.ambiguity == Some(Ambiguity::ReplacedByte) {
                facts.missing = Some("encode_raw_headers");
            }
            let verdict = match error {
                IntakeError::Ambiguous(_) => {
                    facts.by = Some(route::By::of(&message.context));
                    Verdict::AmbiguousRequest
                }
                _ => Verdict::BadRequest,
            };
            return answer::refusal(&Situation { html, ..bare }, verdict);
        }
    };
    facts.hidden = !request.shows_all;
    let by = *facts.by.insert(route::By::of(&request.context));
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
    let hops = active.settings().trusted_hops;
    request.source_ip = client::address(
        hops,
        request.source_ip,
        request.context.is_foreign(),
        request.headers.all.of(client::FORWARDED_FOR),
    );
    facts.client = request.source_ip.filter(|_| hops > 0);
    let situation = Situation {
        decision,
        request: Some(&request),
        active: Some(active),
        ..bare
    };

    let (found, program) = match route::find(active, &request, server.in_band()) {
        Ok(route::Target::Internal(_) | route::Target::Page) if answer::negotiate::is_websocket(&request) => {
            return answer::refusal(&situation, Verdict::UpgradeRefused);
        }
        Ok(route::Target::Page) => {
            // Boxed, so that a check of no page is no larger for it.
            return match Box::pin(in_band::page(server, active, message, &request)).await {
                Ok(page) => {
                    facts.page = Some(page.status);
                    answer::page(page)
                }
                Err(verdict) => answer::refusal(&situation, verdict),
            };
        }
        Ok(route::Target::Internal(proof)) => return answer::internal(&proof),
        Ok(route::Target::Route(found, program)) => (found, program),
        Err((unroutable, found)) => {
            facts.route = found.map(Arc::clone);
            if let route::Unroutable::Ambiguous(ambiguity) = unroutable {
                facts.ambiguity = Some(ambiguity);
            }
            facts.misnamed = matches!(unroutable, route::Unroutable::Unknown);
            let verdict = match unroutable {
                // Beside another's Envoy a client brings this about, by a host that is not
                // the named route's: nothing of ours is out of order.
                route::Unroutable::Unknown if server.in_band() => Verdict::NoRoute,
                unroutable => unroutable.into(),
            };
            return answer::refusal(&situation, verdict);
        }
    };
    facts.route = Some(Arc::clone(found));

    let identity = match identify::identify(server.sessions(), active, &request, now).await {
        Ok(identity) => identity,
        Err(IdentifyError::TwoTokens | IdentifyError::TooManySpellings) => {
            return answer::refusal(&situation, Verdict::BadRequest);
        }
        Err(IdentifyError::Session(error)) => {
            tracing::warn!(%error, decision_id = %decision, "a session could not be looked up");
            return answer::refusal(&situation, Verdict::SessionStoreUnavailable);
        }
    };
    facts.session.clone_from(&identity.session);
    if let Some(stored) = &identity.session {
        server.refresher().notice(stored, now);
    }

    let session = identity.session.as_deref();
    let evidence = Evidence::read(program, active, message, &request, now);
    let mut evaluation = decide::decide(program, &request, &request.path, session, &evidence, now);
    if by != route::By::Id {
        if let Some(bare) = route::bare_of_parameters(&request) {
            let other = decide::decide(program, &request, &bare, session, &evidence, now);
            evaluation = decide::stricter(evaluation, other);
        }
        facts.missing = match evaluation.outcome {
            Outcome::Deny(_) => evidence.missing(),
            Outcome::Allow(_) | Outcome::Challenge(_) => None,
        };
    }
    let answer = answer::answer(server, &situation, found, &identity, &evaluation, now);
    if answer.verdict == Verdict::Answered {
        facts.page = found.answer.as_ref().map(|own| own.status());
    }
    facts.evaluation = Some(evaluation);
    answer
}
