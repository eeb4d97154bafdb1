//! Criteria that ask for what nobody can tell yet.

use std::collections::HashSet;

use portcullis_document::Span;
use portcullis_policy::Policy;

use crate::codes::NO_SOURCE;
use crate::report::{Problem, Report};

/// The criteria for which the running server has no data, and what they find instead.
const WITHOUT: [(&str, &str); 8] = [
    ("device", "nobody can register one, so that nobody has any"),
    ("groups", "no directory is read, so that it never holds"),
    ("record", "no records are kept, so that it finds none"),
    ("ssh_ca", "there are no SSH routes, so that it never holds"),
    ("ssh_publickey", "there are no SSH routes, so that it never holds"),
    (
        "ssh_username",
        "there are no SSH routes, so that the name is empty",
    ),
    (
        "ssh_username_matches_claim",
        "there are no SSH routes, so that the name is empty",
    ),
    (
        "ssh_username_matches_email",
        "there are no SSH routes, so that the name is empty",
    ),
];

/// Those that have data only where client authorities are set.
const OF_CERTIFICATES: [&str; 2] = ["client_certificate", "invalid_client_certificate"];

/// Criteria about whoever is signed in: without a session they ask for a login.
const OF_SESSIONS: [&str; 10] = [
    "authenticated_user",
    "claim",
    "device",
    "domain",
    "email",
    "groups",
    "record",
    "ssh_username_matches_claim",
    "ssh_username_matches_email",
    "user",
];

/// Whether somebody who is not signed in may be sent to the login by this policy.
pub(in crate::read) fn may_need_a_login(policy: &Policy) -> bool {
    policy.criteria().any(|(name, _)| OF_SESSIONS.contains(&name))
}

/// Says of each criterion without a source, once, what comes of it; and what the policy language itself
/// finds odd.
pub(super) fn advise(report: &mut Report, policy: &Policy, route: Span, client_authorities: bool) {
    let mut told = HashSet::new();
    for (name, span) in policy.criteria() {
        let span = span.unwrap_or(route);
        if !client_authorities && OF_CERTIFICATES.contains(&name) && told.insert(name) {
            let message = format!(
                "`{name}` has no source of data: without an authority no certificate is asked of clients, so \
                 that it never holds"
            );
            report.add(Problem::warning(NO_SOURCE, span, message).help("set `downstream_mtls.ca_file`"));
        }
        let without = WITHOUT.iter().find(|(known, _)| *known == name);
        if let Some((_, instead)) = without.filter(|_| told.insert(name)) {
            let message = format!("`{name}` has no source of data yet: {instead}");
            report.add(Problem::warning(NO_SOURCE, span, message));
        }
    }
    report.extend(policy.warnings().iter().cloned().map(Problem::from));
}
