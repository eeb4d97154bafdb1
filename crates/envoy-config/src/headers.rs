//! Request headers that only we may set.

use crate::proto::overwrite;
use envoy_types::pb::envoy::config::common::mutation_rules::v3::HeaderMutation as Mutation;
use envoy_types::pb::envoy::config::common::mutation_rules::v3::header_mutation::{Action, RemoveOnMatch};
use envoy_types::pb::envoy::r#type::matcher::v3 as matcher;

/// The header under which the check sees a request's `x-pomerium-jwt-assertion`.
/// Clients cannot set it.
pub const INCOMING_ASSERTION: &str = "x-portcullis-in-jwt-assertion";
/// The same for `x-pomerium-jwt-assertion-for`.
pub const INCOMING_ASSERTION_FOR: &str = "x-portcullis-in-jwt-assertion-for";

const ASSERTION: &str = "x-pomerium-jwt-assertion";
const ASSERTION_FOR: &str = "x-pomerium-jwt-assertion-for";
const AUTHORIZATION: &str = "x-pomerium-authorization";
const KEPT_AUTHORIZATION: &str = "x-portcullis-in-authorization";

/// What happens to a request's headers before anything looks at them, in this
/// order.
pub(crate) fn early(protected: &[String]) -> Vec<Mutation> {
    // A copy of an absent header does not overwrite, so what we copy to must be
    // gone first. Of several lines of one name a copy is the first: the check sees the
    // others neither as tokens nor as a contradiction, and no upstream sees any.
    let mut mutations = vec![
        remove_prefix("x-portcullis-"),
        remove_prefix("x-envoy-"),
        copy(ASSERTION, INCOMING_ASSERTION),
        copy(ASSERTION_FOR, INCOMING_ASSERTION_FOR),
        copy(AUTHORIZATION, KEPT_AUTHORIZATION),
        remove_pomerium(),
    ];
    mutations.extend(protected.iter().map(|name| remove(name)));
    // The one header of that prefix that clients may send: the check needs it and
    // its answer removes it.
    mutations.push(copy(KEPT_AUTHORIZATION, AUTHORIZATION));
    mutations.push(remove(KEPT_AUTHORIZATION));
    mutations
}

/// What is removed from a request's trailers: an upstream may read them as
/// headers.
pub(crate) fn trailers(protected: &[String]) -> Vec<Mutation> {
    let mut mutations = vec![
        remove_prefix("x-portcullis-"),
        remove_prefix("x-envoy-"),
        remove_pomerium(),
    ];
    mutations.extend(protected.iter().map(|name| remove(name)));
    mutations
}

pub(crate) fn remove(name: &str) -> Mutation {
    Mutation {
        action: Some(Action::Remove(name.to_owned())),
    }
}

fn copy(from: &str, to: &str) -> Mutation {
    Mutation {
        action: Some(Action::Append(overwrite(to, &format!("%REQ({from})%")))),
    }
}

fn remove_prefix(prefix: &str) -> Mutation {
    remove_on_match(matcher::StringMatcher {
        ignore_case: true,
        match_pattern: Some(matcher::string_matcher::MatchPattern::Prefix(prefix.to_owned())),
    })
}

/// With either separator: an upstream may take `_` for `-`.
fn remove_pomerium() -> Mutation {
    remove_on_match(matcher::StringMatcher {
        match_pattern: Some(matcher::string_matcher::MatchPattern::SafeRegex(
            matcher::RegexMatcher {
                regex: "x[-_]pomerium[-_].*".to_owned(),
                ..Default::default()
            },
        )),
        ..Default::default()
    })
}

fn remove_on_match(matcher: matcher::StringMatcher) -> Mutation {
    Mutation {
        action: Some(Action::RemoveOnMatch(RemoveOnMatch {
            key_matcher: Some(matcher),
        })),
    }
}
