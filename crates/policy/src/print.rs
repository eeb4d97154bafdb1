//! A policy as the JSON that it could have been written in.

use serde_json::{Map, Value};

use crate::ast::{Block, Condition, ListClause, Policy, TextClause};

impl Policy {
    /// The policy as a document: a list of rules. Read again it is the same
    /// policy, but for the places in the text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rules = self.rules.iter().map(|rule| {
            let blocks = rule
                .blocks
                .iter()
                .map(|block| (block.operator.name(), criteria(block)));
            object([(rule.action.name(), object(blocks))])
        });
        Value::Array(rules.collect())
    }
}

fn criteria(block: &Block) -> Value {
    let entries = block.criteria.iter().map(|criterion| {
        let condition = &criterion.condition;
        match condition {
            Condition::Claim { path, .. } if !path.is_empty() => {
                object([(format!("claim/{path}").as_str(), value(condition))])
            }
            _ => object([(condition.name(), value(condition))]),
        }
    });
    Value::Array(entries.collect())
}

/// The value of a criterion. Where it means nothing it is `true`.
fn value(condition: &Condition) -> Value {
    match condition {
        Condition::Accept
        | Condition::Reject
        | Condition::AuthenticatedUser
        | Condition::CorsPreflight
        | Condition::InvalidClientCertificate
        | Condition::SshUsernameMatchesEmail => Value::Bool(true),
        Condition::Text { clauses, .. } => text_matcher(clauses),
        Condition::Claim { clauses, .. } | Condition::Groups(clauses) => list_matcher(clauses),
        Condition::SourceIp(ranges) => ranges.iter().map(ToString::to_string).collect(),
        Condition::ClientCertificate(test) => test.to_json(),
        Condition::Device(test) => test.to_json(),
        Condition::SshPublicKey(keys) | Condition::SshCa(keys) => keys.to_json(),
        Condition::SshUsernameMatchesClaim(name) => name.as_str().into(),
        Condition::Date(window) => window.to_json(),
        Condition::DayOfWeek(days) => days.to_json(),
        Condition::TimeOfDay(time) => time.to_json(),
        Condition::Record(test) => test.to_json(),
    }
}

/// A string matcher: an object of operators.
pub(crate) fn text_matcher(clauses: &[TextClause]) -> Value {
    let entries = clauses.iter().map(|clause| match clause {
        TextClause::Is(value) => ("is", value.clone()),
        TextClause::Not(value) => ("not", value.clone()),
        TextClause::In(values) => ("in", Value::Array(values.clone())),
        TextClause::NotIn(values) => ("not_in", Value::Array(values.clone())),
        TextClause::Contains(part) => ("contains", part.as_str().into()),
        TextClause::StartsWith(start) => ("starts_with", start.as_str().into()),
        TextClause::EndsWith(end) => ("ends_with", end.as_str().into()),
    });
    object(entries)
}

/// A string-list matcher: an object of operators.
pub(crate) fn list_matcher(clauses: &[ListClause]) -> Value {
    object(clauses.iter().map(|clause| match clause {
        ListClause::Has(value) => ("has", value.clone()),
        ListClause::Is(value) => ("is", value.clone()),
        ListClause::Exclude(value) => ("exclude", value.clone()),
    }))
}

fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

#[cfg(test)]
mod tests {
    use portcullis_document::{Limits, parse_json};
    use proptest::prelude::*;

    use crate::{Policy, arbitrary, parse};

    fn without_places(mut policy: Policy) -> Policy {
        for block in policy.rules.iter_mut().flat_map(|rule| &mut rule.blocks) {
            block.span = None;
            for criterion in &mut block.criteria {
                criterion.span = None;
            }
        }
        policy.warnings.clear();
        policy
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn what_is_printed_reads_as_the_same(policy in arbitrary::policy()) {
            let text = policy.to_json().to_string();
            let node = parse_json(&text, &Limits::default()).unwrap().unwrap();
            let again = parse(&node).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
            prop_assert_eq!(without_places(again), policy, "{}", text);
        }
    }
}
