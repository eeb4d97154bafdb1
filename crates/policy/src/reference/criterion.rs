//! One criterion, by the table of the specification.

use serde_json::Value;

use crate::ast::{Condition, ListClause, TextClause, TextField};
use crate::device::DeviceVerdict;
use crate::input::{Input, Mcp};
use crate::record::{RecordKeys, RecordVerdict};

/// Whether the criterion holds (nobody knows, for `None`), the reason, and the
/// type of device that it asks for.
type Looked = (Option<bool>, &'static str, Option<String>);

pub(super) fn look(condition: &Condition, input: &Input<'_>) -> Looked {
    let ssh_name = input.ssh.map_or("", |ssh| ssh.username);
    let key = input.ssh.and_then(|ssh| ssh.key);
    match condition {
        Condition::Accept => (Some(true), "accept", None),
        Condition::Reject => (Some(false), "reject", None),
        Condition::AuthenticatedUser => {
            let user = input.session.map(|session| !session.user_id.is_empty());
            session(user, "user-ok", "user-unauthorized")
        }
        Condition::CorsPreflight => {
            let filled = |header: Option<&str>| header.is_some_and(|text| !text.is_empty());
            let preflight = input.http.method == "OPTIONS"
                && filled(input.http.origin)
                && filled(input.http.access_control_request_method);
            either(preflight, "cors-request", "non-cors-request")
        }
        Condition::Text { field, clauses } => text(*field, clauses, input, ssh_name),
        Condition::Claim { path, clauses } => {
            let holds = input.session.map(|session| {
                let values = session.claims.get(path).unwrap_or(&[]);
                clauses.iter().all(|clause| list_holds(clause, values))
            });
            session(holds, "claim-ok", "claim-unauthorized")
        }
        Condition::Groups(clauses) => {
            let holds = input.session.map(|session| {
                session.groups.is_some_and(|groups| {
                    let values: Vec<_> = groups.iter().map(|group| Value::from(group.as_str())).collect();
                    clauses.iter().all(|clause| list_holds(clause, &values))
                })
            });
            session(holds, "groups-ok", "groups-unauthorized")
        }
        Condition::SourceIp(ranges) => match input.http.source_ip {
            None => (None, "evaluation-error", None),
            Some(ip) => {
                let ip = ip.to_canonical();
                let inside = ranges.iter().any(|range| range.contains(&ip));
                either(inside, "source-ip-ok", "source-ip-unauthorized")
            }
        },
        Condition::ClientCertificate(test) => either(
            test.holds(input.client_certificate.leaf),
            "client-certificate-ok",
            "client-certificate-unauthorized",
        ),
        Condition::InvalidClientCertificate => {
            let certificate = input.client_certificate;
            match (certificate.valid, certificate.presented) {
                (true, _) => (Some(false), "valid-client-certificate", None),
                (false, false) => (Some(true), "client-certificate-required", None),
                (false, true) => (Some(true), "invalid-client-certificate", None),
            }
        }
        Condition::Device(test) => {
            let (holds, reason) = match test.check(input.session.map(|session| session.devices)) {
                DeviceVerdict::Pass => (true, "device-ok"),
                DeviceVerdict::Unauthorized => (false, "device-unauthorized"),
                DeviceVerdict::Unauthenticated => (false, "device-unauthenticated"),
                DeviceVerdict::NoSession => (false, "user-unauthenticated"),
            };
            (Some(holds), reason, Some(test.device_type().to_owned()))
        }
        Condition::SshPublicKey(keys) => {
            let listed = key.is_some_and(|key| keys.has_key(key));
            either(listed, "ssh-publickey-ok", "ssh-publickey-unauthorized")
        }
        Condition::SshCa(keys) => {
            let certified = key.is_some_and(|key| keys.certified(key, ssh_name, input.now));
            either(certified, "ssh-publickey-ok", "ssh-publickey-unauthorized")
        }
        Condition::SshUsernameMatchesEmail => {
            let holds = input.session.map(|session| {
                session
                    .email
                    .split_once('@')
                    .map_or(session.email, |(local, _)| local)
                    == ssh_name
            });
            session(holds, "ssh-username-ok", "ssh-username-unauthorized")
        }
        Condition::SshUsernameMatchesClaim(name) => {
            let holds = input.session.map(|session| {
                let values = session.claims.get(name).unwrap_or(&[]);
                values.contains(&Value::from(ssh_name))
            });
            session(holds, "ssh-username-ok", "ssh-username-unauthorized")
        }
        Condition::Date(window) => either(window.holds(input.now), "date-ok", "date-unauthorized"),
        Condition::DayOfWeek(days) => either(
            days.holds(input.now),
            "day-of-week-ok",
            "day-of-week-unauthorized",
        ),
        Condition::TimeOfDay(time) => either(
            time.holds(input.now),
            "time-of-day-ok",
            "time-of-day-unauthorized",
        ),
        Condition::Record(test) => {
            let keys = RecordKeys {
                user: input.session.map(|session| (session.user_id, session.email)),
                ip: input.http.source_ip,
                fingerprint: input.client_certificate.leaf.map(|leaf| &leaf.fingerprint),
                now: input.now,
            };
            match test.check(input.records, &keys) {
                RecordVerdict::Holds => (Some(true), "record-ok", None),
                RecordVerdict::Fails => (Some(false), "record-unauthorized", None),
                RecordVerdict::NoSession => (Some(false), "user-unauthenticated", None),
                RecordVerdict::Undecided => (None, "evaluation-error", None),
            }
        }
    }
}

fn either(holds: bool, pass: &'static str, fail: &'static str) -> Looked {
    (Some(holds), if holds { pass } else { fail }, None)
}

/// A criterion about the session; `None` without one.
fn session(holds: Option<bool>, pass: &'static str, fail: &'static str) -> Looked {
    match holds {
        None => (Some(false), "user-unauthenticated", None),
        Some(holds) => either(holds, pass, fail),
    }
}

fn text(field: TextField, clauses: &[TextClause], input: &Input<'_>, ssh_name: &str) -> Looked {
    let holds = |text: &str| clauses.iter().all(|clause| text_holds(clause, text));
    match field {
        TextField::User => {
            // An empty id is no id: every operator fails.
            let user = input.session.map(|session| session.user_id);
            session(
                user.map(|user| !user.is_empty() && holds(user)),
                "user-ok",
                "user-unauthorized",
            )
        }
        TextField::Email => {
            let email = input.session.map(|session| session.email);
            session(email.map(holds), "email-ok", "email-unauthorized")
        }
        TextField::Domain => {
            let pieces = input
                .session
                .map(|session| session.email.split('@').collect::<Vec<_>>());
            session(
                pieces.map(|pieces| pieces.len() > 1 && holds(pieces[1])),
                "domain-ok",
                "domain-unauthorized",
            )
        }
        TextField::HttpMethod => either(
            holds(input.http.method),
            "http-method-ok",
            "http-method-unauthorized",
        ),
        TextField::HttpPath => either(holds(input.http.path), "http-path-ok", "http-path-unauthorized"),
        TextField::SshUsername => either(holds(ssh_name), "ssh-username-ok", "ssh-username-unauthorized"),
        TextField::McpTool => match input.mcp {
            Mcp::Unreadable => (None, "evaluation-error", None),
            Mcp::Message {
                method: "tools/call",
                tool,
            } => match tool {
                Some(tool) => either(holds(tool), "mcp-tool-match", "mcp-tool-no-match"),
                None => (None, "evaluation-error", None),
            },
            Mcp::Absent | Mcp::Message { .. } => (Some(false), "mcp-not-a-tool-call", None),
        },
    }
}

fn text_holds(clause: &TextClause, text: &str) -> bool {
    let text_value = Value::from(text);
    match clause {
        TextClause::Is(value) => same(value, &text_value),
        TextClause::Not(value) => !same(value, &text_value),
        TextClause::In(values) => values.iter().any(|value| same(value, &text_value)),
        TextClause::NotIn(values) => values.iter().all(|value| !same(value, &text_value)),
        TextClause::Contains(part) => text.contains(part.as_str()),
        TextClause::StartsWith(part) => text.starts_with(part.as_str()),
        TextClause::EndsWith(part) => text.ends_with(part.as_str()),
    }
}

fn list_holds(clause: &ListClause, values: &[Value]) -> bool {
    match clause {
        ListClause::Has(wanted) => values.iter().any(|value| same(value, wanted)),
        ListClause::Is(wanted) => values.len() == 1 && same(&values[0], wanted),
        ListClause::Exclude(wanted) => values.iter().all(|value| !same(value, wanted)),
    }
}

/// JSON values are the same as OPA sees them: numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && (0..a.len()).all(|at| same(&a[at], &b[at]))
        }
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            keys.into_iter().all(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => same(a, b),
                _ => false,
            })
        }
        _ => a == b,
    }
}
