//! The criteria by name.

use portcullis_document::{Entry, Node};
use serde_json::Value;

use super::matcher::{ip_ranges, list_clauses, text_matcher};
use super::{Problems, shown};
use crate::ast::{Condition, TextField};
use crate::certificate::CertificateTest;
use crate::device::DeviceTest;
use crate::error::code;
use crate::record::RecordTest;
use crate::ssh::KeySet;
use crate::time::{DateWindow, TimeOfDay, Weekdays};

/// The criteria that Portcullis decides.
pub(crate) const SUPPORTED: [&str; 25] = [
    "accept",
    "authenticated_user",
    "claim",
    "client_certificate",
    "cors_preflight",
    "date",
    "day_of_week",
    "device",
    "domain",
    "email",
    "groups",
    "http_method",
    "http_path",
    "invalid_client_certificate",
    "mcp_tool",
    "record",
    "reject",
    "source_ip",
    "ssh_ca",
    "ssh_publickey",
    "ssh_username",
    "ssh_username_matches_claim",
    "ssh_username_matches_email",
    "time_of_day",
    "user",
];

/// The criteria that Pomerium once knew or still documents, and nobody decides.
/// To ignore one would widen access.
pub(super) const UNSUPPORTED: [&str; 1] = ["pomerium_routes"];

/// One criterion. The name ends at the first `/`; the rest, which may hold more
/// of them, is the sub-path, and means something to `claim` alone.
pub(super) fn condition(entry: &Entry, problems: &mut Problems) -> Option<Condition> {
    let (name, sub_path) = entry.key.split_once('/').unwrap_or((&entry.key, ""));
    let value = &entry.value;
    let text = |field, problems| {
        text_matcher(Some(field), value, problems).map(|clauses| Condition::Text { field, clauses })
    };
    match name {
        // The value means nothing, not even `false` (as in Pomerium).
        "accept" => Some(Condition::Accept),
        "reject" => Some(Condition::Reject),
        "authenticated_user" => Some(Condition::AuthenticatedUser),
        "cors_preflight" => Some(Condition::CorsPreflight),
        "invalid_client_certificate" => Some(Condition::InvalidClientCertificate),
        "ssh_username_matches_email" => Some(Condition::SshUsernameMatchesEmail),
        "user" => text(TextField::User, problems),
        "email" => text(TextField::Email, problems),
        "domain" => text(TextField::Domain, problems),
        "http_method" => text(TextField::HttpMethod, problems),
        "http_path" => text(TextField::HttpPath, problems),
        "ssh_username" => text(TextField::SshUsername, problems),
        "mcp_tool" => text(TextField::McpTool, problems),
        "claim" => list_clauses(value, problems).map(|clauses| Condition::Claim {
            path: sub_path.to_owned(),
            clauses,
        }),
        "groups" => list_clauses(value, problems).map(Condition::Groups),
        "source_ip" => ip_ranges(value, problems).map(Condition::SourceIp),
        "client_certificate" => CertificateTest::parse(value, problems).map(Condition::ClientCertificate),
        "device" => DeviceTest::parse(value, problems).map(Condition::Device),
        "ssh_publickey" => KeySet::parse(value, problems).map(Condition::SshPublicKey),
        "ssh_ca" => KeySet::parse(value, problems).map(Condition::SshCa),
        "ssh_username_matches_claim" => claim_name(value, problems).map(Condition::SshUsernameMatchesClaim),
        "date" => DateWindow::parse(value, problems).map(Condition::Date),
        "day_of_week" => Weekdays::parse(value, problems).map(Condition::DayOfWeek),
        "time_of_day" => TimeOfDay::parse(value, problems).map(Condition::TimeOfDay),
        "record" => RecordTest::parse(value, problems).map(Condition::Record),
        _ => {
            refuse(name, entry, problems);
            None
        }
    }
}

/// The name of a claim, as a value.
fn claim_name(value: &Node, problems: &mut Problems) -> Option<String> {
    // An unquoted date is a string in JSON, as Pomerium reads it.
    let Value::String(name) = value.to_json() else {
        problems.add(
            value.span,
            code::VALUE_TYPE,
            format!("found {}, expected the name of a claim", value.describe()),
        );
        return None;
    };
    Some(name)
}

fn refuse(name: &str, entry: &Entry, problems: &mut Problems) {
    if UNSUPPORTED.contains(&name) {
        problems.add_with_help(
            entry.key_span,
            code::CRITERION_UNSUPPORTED,
            format!("criterion `{name}` is no longer supported, in Pomerium neither"),
            Some("remove it: internal paths are handled outside of policy".to_owned()),
        );
    } else {
        problems.add_with_help(
            entry.key_span,
            code::CRITERION_UNKNOWN,
            format!("unknown criterion `{}`", shown(name)),
            problems.did_you_mean(name, SUPPORTED.into_iter().chain(UNSUPPORTED)),
        );
    }
}
