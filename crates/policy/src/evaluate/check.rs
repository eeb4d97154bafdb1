//! One criterion against one request.

use serde_json::Value;

use crate::ast::TextField;
use crate::device::DeviceVerdict;
use crate::input::{Input, Mcp, Subject};
use crate::program::Test;
use crate::reason::Reason;
use crate::record::{RecordKeys, RecordTest, RecordVerdict};

#[cfg(test)]
mod tests;

/// The method of an MCP message that calls a tool.
const TOOL_CALL: &str = "tools/call";

/// What a criterion found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Whether it holds; `None` when that cannot be told.
    pub(crate) holds: Option<bool>,
    /// Why.
    pub(crate) reason: Reason,
}

impl Finding {
    /// There is no session. No criterion about one passes then.
    pub(crate) const UNAUTHENTICATED: Self = Self {
        holds: Some(false),
        reason: Reason::UserUnauthenticated,
    };
    /// What the criterion is about is not known.
    pub(crate) const UNDECIDED: Self = Self {
        holds: None,
        reason: Reason::EvaluationError,
    };

    pub(super) const fn of(holds: bool, pass: Reason, fail: Reason) -> Self {
        Self {
            holds: Some(holds),
            reason: if holds { pass } else { fail },
        }
    }
}

/// What a text criterion has to look at.
#[derive(Clone, Copy)]
pub(crate) enum Seen<'a> {
    Text(&'a str),
    /// The session does not have it: every operator fails, negative ones too.
    Nothing,
    /// The finding is another than that on a text.
    Otherwise(Finding),
}

impl<'a> Seen<'a> {
    /// The text that the criterion named by `field` is about.
    pub(crate) fn of(field: TextField, input: &Input<'a>) -> Self {
        let session = |text: fn(Subject<'a>) -> Option<&'a str>| {
            input
                .session
                .map_or(Self::Otherwise(Finding::UNAUTHENTICATED), |subject| {
                    text(subject).map_or(Self::Nothing, Self::Text)
                })
        };
        match field {
            TextField::HttpMethod => Self::Text(input.http.method),
            TextField::HttpPath => Self::Text(input.http.path),
            TextField::User => session(|subject| Some(subject.user_id).filter(|id| !id.is_empty())),
            TextField::Email => session(|subject| Some(subject.email)),
            // The second piece, so `b` of `a@b@c`; without an `@` there is none.
            TextField::Domain => session(|subject| {
                // By bytes: addresses are short.
                let at = |text: &str| text.bytes().position(|byte| byte == b'@');
                let rest = subject.email.get(at(subject.email)? + 1..)?;
                rest.get(..at(rest).unwrap_or(rest.len()))
            }),
            TextField::SshUsername => Self::Text(ssh_username(input)),
            TextField::McpTool => match input.mcp {
                Mcp::Message {
                    method: TOOL_CALL,
                    tool: Some(tool),
                } => Self::Text(tool),
                // A call of nobody knows what.
                Mcp::Unreadable
                | Mcp::Message {
                    method: TOOL_CALL, ..
                } => Self::Otherwise(Finding::UNDECIDED),
                Mcp::Absent | Mcp::Message { .. } => Self::Otherwise(Finding {
                    holds: Some(false),
                    reason: Reason::McpNotAToolCall,
                }),
            },
        }
    }
}

/// The SSH login name; HTTP requests carry an empty one.
fn ssh_username<'a>(input: &Input<'a>) -> &'a str {
    input.ssh.map_or("", |ssh| ssh.username)
}

/// The values of a claim, none where there is no such claim.
pub(crate) fn claim<'a>(subject: Subject<'a>, path: &str) -> &'a [Value] {
    let claims = subject.claims;
    claims
        .get(path)
        .or_else(|| claims.get_nested(path))
        .unwrap_or_default()
}

/// Looks at one criterion.
pub(crate) fn check(test: &Test, input: &Input<'_>) -> Finding {
    match test {
        Test::Accept => Finding::of(true, Reason::Accept, Reason::Accept),
        Test::Reject => Finding::of(false, Reason::Reject, Reason::Reject),
        Test::AuthenticatedUser => session(
            input,
            |subject| !subject.user_id.is_empty(),
            Reason::UserOk,
            Reason::UserUnauthorized,
        ),
        Test::CorsPreflight => Finding::of(is_preflight(input), Reason::CorsRequest, Reason::NonCorsRequest),
        Test::SourceIp(nets) => input.http.source_ip.map_or(Finding::UNDECIDED, |ip| {
            Finding::of(
                nets.contains(ip),
                Reason::SourceIpOk,
                Reason::SourceIpUnauthorized,
            )
        }),
        Test::Text(field, tests) => {
            let (pass, fail) = field.reasons();
            match Seen::of(*field, input) {
                Seen::Text(text) => Finding::of(tests.iter().all(|test| test.holds(text)), pass, fail),
                Seen::Nothing => Finding::of(false, pass, fail),
                Seen::Otherwise(finding) => finding,
            }
        }
        Test::Claim(path, tests) => session(
            input,
            |subject| {
                let values = claim(subject, path);
                tests.iter().all(|test| test.holds(values))
            },
            Reason::ClaimOk,
            Reason::ClaimUnauthorized,
        ),
        // Without a directory record there is nothing to look into, not even
        // nothing: `exclude` fails too.
        Test::Groups(tests) => session(
            input,
            |subject| {
                let holds = |groups| tests.iter().all(|test| test.holds_texts(groups));
                subject.groups.is_some_and(holds)
            },
            Reason::GroupsOk,
            Reason::GroupsUnauthorized,
        ),
        Test::ClientCertificate(test) => Finding::of(
            test.holds(input.client_certificate.leaf),
            Reason::ClientCertificateOk,
            Reason::ClientCertificateUnauthorized,
        ),
        Test::InvalidClientCertificate => {
            let certificate = input.client_certificate;
            let invalid = if certificate.presented {
                Reason::InvalidClientCertificate
            } else {
                Reason::ClientCertificateRequired
            };
            Finding::of(!certificate.valid, invalid, Reason::ValidClientCertificate)
        }
        Test::Device(test) => {
            let (holds, reason) = match test.check(input.session.map(|subject| subject.devices)) {
                DeviceVerdict::Pass => (true, Reason::DeviceOk),
                DeviceVerdict::Unauthorized => (false, Reason::DeviceUnauthorized),
                DeviceVerdict::Unauthenticated => (false, Reason::DeviceUnauthenticated),
                DeviceVerdict::NoSession => (false, Reason::UserUnauthenticated),
            };
            Finding {
                holds: Some(holds),
                reason,
            }
        }
        Test::SshPublicKey(keys) => {
            let key = input.ssh.and_then(|ssh| ssh.key);
            ssh_key(key.is_some_and(|key| keys.has_key(key)))
        }
        Test::SshCa(keys) => {
            let key = input.ssh.and_then(|ssh| ssh.key);
            ssh_key(key.is_some_and(|key| keys.certified(key, ssh_username(input), input.now)))
        }
        Test::SshUsernameMatchesEmail => session(
            input,
            |subject| subject.email.split('@').next() == Some(ssh_username(input)),
            Reason::SshUsernameOk,
            Reason::SshUsernameUnauthorized,
        ),
        Test::SshUsernameMatchesClaim(name) => session(
            input,
            |subject| {
                let names = claim(subject, name);
                names
                    .iter()
                    .any(|name| name.as_str() == Some(ssh_username(input)))
            },
            Reason::SshUsernameOk,
            Reason::SshUsernameUnauthorized,
        ),
        Test::Date(window) => Finding::of(window.holds(input.now), Reason::DateOk, Reason::DateUnauthorized),
        Test::DayOfWeek(days) => Finding::of(
            days.holds(input.now),
            Reason::DayOfWeekOk,
            Reason::DayOfWeekUnauthorized,
        ),
        Test::TimeOfDay(time) => Finding::of(
            time.holds(input.now),
            Reason::TimeOfDayOk,
            Reason::TimeOfDayUnauthorized,
        ),
        Test::Record(test) => record(test, input),
    }
}

fn record(test: &RecordTest, input: &Input<'_>) -> Finding {
    match test.check(input.records, &record_keys(input)) {
        RecordVerdict::Holds => Finding::of(true, Reason::RecordOk, Reason::RecordUnauthorized),
        RecordVerdict::Fails => Finding::of(false, Reason::RecordOk, Reason::RecordUnauthorized),
        RecordVerdict::NoSession => Finding::UNAUTHENTICATED,
        RecordVerdict::Undecided => Finding::UNDECIDED,
    }
}

/// A criterion about the session, which does not pass without one.
fn session<'a>(
    input: &Input<'a>,
    holds: impl FnOnce(Subject<'a>) -> bool,
    pass: Reason,
    fail: Reason,
) -> Finding {
    input.session.map_or(Finding::UNAUTHENTICATED, |subject| {
        Finding::of(holds(subject), pass, fail)
    })
}

/// What the records of a request are found by.
pub(crate) fn record_keys<'a>(input: &Input<'a>) -> RecordKeys<'a> {
    RecordKeys {
        user: input.session.map(|subject| (subject.user_id, subject.email)),
        ip: input.http.source_ip,
        fingerprint: input.client_certificate.leaf.map(|leaf| &leaf.fingerprint),
        now: input.now,
    }
}

const fn ssh_key(holds: bool) -> Finding {
    Finding::of(holds, Reason::SshPublicKeyOk, Reason::SshPublicKeyUnauthorized)
}

/// A preflight as browsers send it (Fetch standard, CORS-preflight request).
fn is_preflight(input: &Input<'_>) -> bool {
    let given = |header: Option<&str>| header.is_some_and(|value| !value.is_empty());
    input.http.method == "OPTIONS"
        && given(input.http.origin)
        && given(input.http.access_control_request_method)
}
