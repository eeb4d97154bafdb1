//! One criterion against one request.

use crate::ast::TextField;
use crate::input::{Input, Subject};
use crate::program::Test;
use crate::reason::Reason;

/// What a criterion found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finding {
    /// Whether it holds; `None` when that cannot be told.
    pub(crate) holds: Option<bool>,
    /// Why.
    pub(crate) reason: Reason,
    /// Which criterion of the block; `None` for several that all miss.
    pub(crate) at: Option<u32>,
}

/// What a text criterion has to look at.
#[derive(Clone, Copy)]
pub(crate) enum Seen<'a> {
    Text(&'a str),
    /// The session does not have it: every operator fails, negative ones too.
    Nothing,
    /// There is no session. No criterion about one passes then.
    NoSession,
}

impl<'a> Seen<'a> {
    /// The text that the criterion named by `field` is about.
    pub(crate) fn of(field: TextField, input: &Input<'a>) -> Self {
        let session = |text: fn(Subject<'a>) -> Option<&'a str>| {
            input.session.map_or(Self::NoSession, |subject| {
                text(subject).map_or(Self::Nothing, Self::Text)
            })
        };
        match field {
            TextField::HttpMethod => Self::Text(input.http.method),
            TextField::HttpPath => Self::Text(input.http.path),
            TextField::User => session(|subject| Some(subject.user_id).filter(|id| !id.is_empty())),
            TextField::Email => session(|subject| Some(subject.email)),
            // The second piece, so `b` of `a@b@c`; without an `@` there is none.
            TextField::Domain => session(|subject| subject.email.split('@').nth(1)),
        }
    }
}

/// Looks at one criterion. `at` is its index.
pub(super) fn check(test: &Test, at: u32, input: &Input<'_>) -> Finding {
    let found = |holds: bool, pass, fail| Finding {
        holds: Some(holds),
        reason: if holds { pass } else { fail },
        at: Some(at),
    };
    match test {
        Test::Accept => found(true, Reason::Accept, Reason::Accept),
        Test::Reject => found(false, Reason::Reject, Reason::Reject),
        Test::AuthenticatedUser => match input.session {
            None => unauthenticated(Some(at)),
            Some(subject) => found(
                !subject.user_id.is_empty(),
                Reason::UserOk,
                Reason::UserUnauthorized,
            ),
        },
        Test::CorsPreflight => found(is_preflight(input), Reason::CorsRequest, Reason::NonCorsRequest),
        Test::SourceIp(nets) => match input.http.source_ip {
            None => Finding {
                holds: None,
                reason: Reason::EvaluationError,
                at: Some(at),
            },
            Some(ip) => found(
                nets.contains(ip),
                Reason::SourceIpOk,
                Reason::SourceIpUnauthorized,
            ),
        },
        Test::Text(field, tests) => {
            let (pass, fail) = text_reasons(*field);
            match Seen::of(*field, input) {
                Seen::Text(text) => found(tests.iter().all(|test| test.holds(text)), pass, fail),
                Seen::Nothing => found(false, pass, fail),
                Seen::NoSession => unauthenticated(Some(at)),
            }
        }
        Test::TextChoice(field, choice) => {
            let (pass, fail) = text_reasons(*field);
            match Seen::of(*field, input) {
                Seen::Text(text) => chosen(choice.get(text), pass, fail),
                Seen::Nothing => chosen(None, pass, fail),
                Seen::NoSession => unauthenticated(None),
            }
        }
        Test::Claim(path, tests) => match input.session {
            None => unauthenticated(Some(at)),
            Some(subject) => {
                let values = subject.claims.get(path).unwrap_or_default();
                let holds = tests.iter().all(|test| test.holds(values));
                found(holds, Reason::ClaimOk, Reason::ClaimUnauthorized)
            }
        },
        Test::ClaimChoice(path, choice) => match input.session {
            None => unauthenticated(None),
            Some(subject) => {
                let values = subject.claims.get(path).unwrap_or_default();
                chosen(choice.find(values), Reason::ClaimOk, Reason::ClaimUnauthorized)
            }
        },
    }
}

const fn chosen(at: Option<u32>, pass: Reason, fail: Reason) -> Finding {
    Finding {
        holds: Some(at.is_some()),
        reason: if at.is_some() { pass } else { fail },
        at,
    }
}

const fn unauthenticated(at: Option<u32>) -> Finding {
    Finding {
        holds: Some(false),
        reason: Reason::UserUnauthenticated,
        at,
    }
}

/// A preflight as browsers send it (Fetch standard, CORS-preflight request).
fn is_preflight(input: &Input<'_>) -> bool {
    let given = |header: Option<&str>| header.is_some_and(|value| !value.is_empty());
    input.http.method == "OPTIONS"
        && given(input.http.origin)
        && given(input.http.access_control_request_method)
}

const fn text_reasons(field: TextField) -> (Reason, Reason) {
    match field {
        TextField::User => (Reason::UserOk, Reason::UserUnauthorized),
        TextField::Email => (Reason::EmailOk, Reason::EmailUnauthorized),
        TextField::Domain => (Reason::DomainOk, Reason::DomainUnauthorized),
        TextField::HttpMethod => (Reason::HttpMethodOk, Reason::HttpMethodUnauthorized),
        TextField::HttpPath => (Reason::HttpPathOk, Reason::HttpPathUnauthorized),
    }
}
