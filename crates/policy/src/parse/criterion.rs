//! The criteria by name.

use portcullis_document::Entry;

use super::matcher::{ip_ranges, list_matcher, text_matcher};
use super::{Problems, shown};
use crate::ast::{Condition, TextField};
use crate::error::code;

/// The criteria that Portcullis decides.
pub(super) const SUPPORTED: [&str; 11] = [
    "accept",
    "authenticated_user",
    "claim",
    "cors_preflight",
    "domain",
    "email",
    "http_method",
    "http_path",
    "reject",
    "source_ip",
    "user",
];

/// The criteria that Pomerium or its commercial edition knows and Portcullis
/// does not decide yet. To ignore one would widen access.
pub(super) const UNSUPPORTED: [&str; 15] = [
    "client_certificate",
    "date",
    "day_of_week",
    "device",
    "groups",
    "invalid_client_certificate",
    "mcp_tool",
    "pomerium_routes",
    "record",
    "ssh_ca",
    "ssh_publickey",
    "ssh_username",
    "ssh_username_matches_claim",
    "ssh_username_matches_email",
    "time_of_day",
];

/// One criterion. The name ends at the first `/`; the rest, which may hold more
/// of them, is the sub-path, and means something to `claim` alone.
pub(super) fn condition(entry: &Entry, problems: &mut Problems) -> Option<Condition> {
    let (name, sub_path) = entry.key.split_once('/').unwrap_or((&entry.key, ""));
    let value = &entry.value;
    let text = |field, problems| {
        text_matcher(field, value, problems).map(|clauses| Condition::Text { field, clauses })
    };
    match name {
        // The value means nothing, not even `false` (as in Pomerium).
        "accept" => Some(Condition::Accept),
        "reject" => Some(Condition::Reject),
        "authenticated_user" => Some(Condition::AuthenticatedUser),
        "cors_preflight" => Some(Condition::CorsPreflight),
        "user" => text(TextField::User, problems),
        "email" => text(TextField::Email, problems),
        "domain" => text(TextField::Domain, problems),
        "http_method" => text(TextField::HttpMethod, problems),
        "http_path" => text(TextField::HttpPath, problems),
        "claim" => list_matcher(value, problems).map(|clauses| Condition::Claim {
            path: sub_path.to_owned(),
            clauses,
        }),
        "source_ip" => ip_ranges(value, problems).map(Condition::SourceIp),
        _ => {
            refuse(name, entry, problems);
            None
        }
    }
}

fn refuse(name: &str, entry: &Entry, problems: &mut Problems) {
    if UNSUPPORTED.contains(&name) {
        let help = match name {
            "groups" => "use `claim/groups`, if the identity provider sends a claim of that name",
            "pomerium_routes" => "remove it: internal paths are handled outside of policy",
            _ => "until then this route refuses everybody; remove the criterion only if that widens nothing",
        };
        problems.add_with_help(
            entry.key_span,
            code::CRITERION_UNSUPPORTED,
            format!("criterion `{name}` is known but not supported yet"),
            Some(help.to_owned()),
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
