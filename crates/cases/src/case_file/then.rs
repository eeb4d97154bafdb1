//! `then`: what must come out.

use portcullis_document::Node;
use portcullis_policy::Reason;

use crate::problem::Problems;
use crate::verdict::Outcome;

const KEYS: [&str; 11] = [
    "outcome",
    "status",
    "allow",
    "deny",
    "reasons",
    "allow_reasons",
    "deny_reasons",
    "decided_by",
    "route",
    "device_type",
    "code",
];

/// What a case expects. Only what is given is compared.
#[derive(Default)]
pub(crate) struct Then {
    pub(crate) outcome: Option<Wanted>,
    pub(crate) status: Option<u16>,
    pub(crate) allow: Option<bool>,
    pub(crate) deny: Option<bool>,
    pub(crate) reasons: Option<Vec<String>>,
    pub(crate) allow_reasons: Option<Vec<String>>,
    pub(crate) deny_reasons: Option<Vec<String>>,
    pub(crate) decided_by: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) device_type: Option<String>,
    pub(crate) code: Option<String>,
}

/// An outcome; `deny` alone means any refusal by the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Deny,
    Exactly(Outcome),
}

impl Wanted {
    pub(crate) fn fits(self, outcome: Outcome) -> bool {
        match self {
            Self::Deny => matches!(outcome, Outcome::Deny(_)),
            Self::Exactly(wanted) => wanted == outcome,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "deny" => Some(Self::Deny),
            text => Outcome::parse(text).map(Self::Exactly),
        }
    }
}

impl core::fmt::Display for Wanted {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Deny => f.write_str("deny"),
            Self::Exactly(outcome) => outcome.fmt(f),
        }
    }
}

impl Then {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        if node.as_str().is_some() {
            return Self {
                outcome: outcome(node, problems),
                ..Self::default()
            };
        }
        let Some(fields) = problems.map(node, "then", &KEYS) else {
            return Self::default();
        };
        if node.as_map().is_some_and(<[_]>::is_empty) {
            problems.add(node.span, "`then` says nothing");
        }
        let mut flag = |key| {
            let node = fields.get(key)?;
            problems.boolean(node, key)
        };
        let (allow, deny) = (flag("allow"), flag("deny"));
        let mut set = |key| fields.get(key).map(|node| reasons(node, key, problems));
        let (all, allow_reasons, deny_reasons) = (set("reasons"), set("allow_reasons"), set("deny_reasons"));
        let mut text = |key| {
            let node = fields.get(key)?;
            problems.text(node, key)
        };
        let (decided_by, route, device_type, code) = (
            text("decided_by"),
            text("route"),
            text("device_type"),
            text("code"),
        );
        Self {
            outcome: fields.get("outcome").and_then(|node| outcome(node, problems)),
            status: fields.get("status").and_then(|node| status(node, problems)),
            allow,
            deny,
            reasons: all,
            allow_reasons,
            deny_reasons,
            decided_by,
            route,
            device_type,
            code,
        }
    }
}

fn outcome(node: &Node, problems: &mut Problems) -> Option<Wanted> {
    let expected = "outcome: allow, deny, deny:STATUS, deny:mcp-jsonrpc, login, device, no_route, route_invalid, \
                    ambiguous_request, internal or refused";
    problems.parsed(node, "outcome", expected, Wanted::parse)
}

fn status(node: &Node, problems: &mut Problems) -> Option<u16> {
    let number = node.as_scalar().and_then(portcullis_document::Scalar::as_int);
    let status = number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|status| (100..600).contains(status));
    if status.is_none() {
        problems.add(node.span, "`status` is no HTTP status");
    }
    status
}

/// Names that no reason has would never be met.
fn reasons(node: &Node, key: &str, problems: &mut Problems) -> Vec<String> {
    let mut names = Vec::new();
    for item in problems.list(node, key) {
        let Some(name) = problems.text(item, key) else {
            continue;
        };
        if !Reason::ALL.iter().any(|reason| reason.name() == name) {
            problems.add(item.span, format!("no criterion gives the reason `{name}`"));
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    names
}
