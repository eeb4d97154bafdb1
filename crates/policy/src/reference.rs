//! A second reading of the language, as naive as can be: straight from the text
//! of the specification to a decision on the checked policy. It shares nothing
//! with the compiler, the interpreter and the matchers, and only asks the values
//! that have types of their own (dates, certificates, keys, devices, records)
//! what they say. The two must agree on everything.

mod criterion;
mod tests;

use std::collections::BTreeSet;

use crate::ast::{Action, Block, Operator, Policy};
use crate::input::{Input, Mcp};

/// Value, reasons, and the type of device that is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Triple {
    pub(crate) value: bool,
    pub(crate) reasons: BTreeSet<&'static str>,
    pub(crate) device_type: Option<String>,
}

/// What the specification makes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) allow: Triple,
    pub(crate) deny: Triple,
    pub(crate) outcome: String,
}

/// Decides a request.
pub(crate) fn decide(policy: &Policy, input: &Input<'_>) -> Decision {
    let allow = action(policy, Action::Allow, input);
    let deny = action(policy, Action::Deny, input);
    let outcome = outcome(&allow, &deny, input);
    Decision { allow, deny, outcome }
}

/// Every non-empty operator block of each rule of an action is a term; the terms
/// are alternatives.
fn action(policy: &Policy, action: Action, input: &Input<'_>) -> Triple {
    let mut terms = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.action == action) {
        for block in &rule.blocks {
            if !block.criteria.is_empty() {
                terms.push(term(action, block, input));
            }
        }
    }
    if terms.is_empty() {
        return Triple::default();
    }
    or(&terms)
}

fn term(action: Action, block: &Block, input: &Input<'_>) -> Triple {
    let members: Vec<_> = block
        .criteria
        .iter()
        .map(|criterion| {
            let (holds, reason, device_type) = criterion::look(&criterion.condition, input);
            let value = match (holds, block.operator) {
                // Ours: what cannot be decided counts against the request.
                (None, _) => action == Action::Deny,
                (Some(holds), Operator::And | Operator::Or) => holds,
                (Some(holds), Operator::Not | Operator::Nor) => !holds,
            };
            Triple {
                value,
                reasons: [reason].into(),
                device_type,
            }
        })
        .collect();
    match block.operator {
        Operator::And | Operator::Not => and(&members),
        Operator::Or | Operator::Nor => or(&members),
    }
}

fn and(members: &[Triple]) -> Triple {
    if members.iter().all(|member| member.value) {
        merged(true, members.iter())
    } else {
        merged(false, members.iter().filter(|member| !member.value))
    }
}

fn or(members: &[Triple]) -> Triple {
    if members.iter().any(|member| member.value) {
        merged(true, members.iter().filter(|member| member.value))
    } else {
        merged(false, members.iter())
    }
}

fn merged<'a>(value: bool, members: impl Iterator<Item = &'a Triple>) -> Triple {
    let mut all = Triple {
        value,
        ..Triple::default()
    };
    for member in members {
        all.reasons.extend(&member.reasons);
        if member.device_type.is_some() {
            all.device_type.clone_from(&member.device_type);
        }
    }
    all
}

fn outcome(allow: &Triple, deny: &Triple, input: &Input<'_>) -> String {
    let certificate = ["client-certificate-required", "invalid-client-certificate"];
    let either = |reason| allow.reasons.contains(reason) || deny.reasons.contains(reason);
    if certificate.iter().any(|reason| deny.reasons.contains(reason)) {
        refuse(deny, input)
    } else if either("user-unauthenticated") {
        "login".into()
    } else if either("device-unauthenticated") {
        "device".into()
    } else if deny.value {
        refuse(deny, input)
    } else if allow.value {
        "allow".into()
    } else {
        refuse(allow, input)
    }
}

fn refuse(triple: &Triple, input: &Input<'_>) -> String {
    let has = |reason| triple.reasons.contains(reason);
    let status = if has("device-unauthenticated") {
        return "device".into();
    } else if has("device-unauthorized") {
        "450"
    } else if has("client-certificate-required") || has("invalid-client-certificate") {
        "495"
    } else if matches!(input.mcp, Mcp::Message { .. }) {
        "mcp-jsonrpc"
    } else {
        "403"
    };
    format!("deny:{status}")
}
