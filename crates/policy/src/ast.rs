//! A checked policy, with the positions that its errors and explanations name.

use ipnet::IpNet;
use portcullis_document::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a rule does when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Lets the request through, if no deny rule holds.
    Allow,
    /// Refuses the request, whatever the allow rules say.
    Deny,
}

/// How the criteria of one block are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Every criterion holds.
    And,
    /// At least one criterion holds.
    Or,
    /// No criterion holds.
    Not,
    /// Not every criterion holds. (Pomerium's `nor` is what logic calls NAND,
    /// its `not` what logic calls NOR.)
    Nor,
}

impl Action {
    /// The key in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl Operator {
    /// The key in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Nor => "nor",
        }
    }

    /// Whether each criterion's result is turned round before combining.
    pub(crate) const fn inverts(self) -> bool {
        matches!(self, Self::Not | Self::Nor)
    }

    /// Whether one criterion suffices (after inversion).
    pub(crate) const fn any(self) -> bool {
        matches!(self, Self::Or | Self::Nor)
    }
}

/// A policy whose grammar and values have been checked: the rules of one
/// document, or of a route's own fields followed by those of its document
/// (see [`Policy::from_route`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
}

impl Policy {
    /// Whether there is no criterion at all, so that everybody is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules
            .iter()
            .all(|rule| rule.blocks.iter().all(|block| block.criteria.is_empty()))
    }
}

/// One `allow` or `deny` object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    pub(crate) blocks: Vec<Block>,
}

/// One operator with its criteria. An empty one decides nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) operator: Operator,
    pub(crate) criteria: Vec<Criterion>,
}

/// One criterion. The span is that of its key; there is none for what a route's
/// own fields say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Criterion {
    pub(crate) span: Option<Span>,
    pub(crate) condition: Condition,
}

/// What a criterion asks, its value checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    Accept,
    Reject,
    AuthenticatedUser,
    CorsPreflight,
    Text {
        field: TextField,
        clauses: Vec<TextClause>,
    },
    Claim {
        path: String,
        clauses: Vec<ListClause>,
    },
    SourceIp(Vec<IpNet>),
}

/// A text that string matchers look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TextField {
    User,
    Email,
    Domain,
    HttpMethod,
    HttpPath,
}

impl TextField {
    /// The criterion's name in a policy.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Email => "email",
            Self::Domain => "domain",
            Self::HttpMethod => "http_method",
            Self::HttpPath => "http_path",
        }
    }
}

/// One operator of a string matcher; all of one matcher must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextClause {
    Is(Value),
    Not(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
}

/// One operator of a string-list matcher; all of one matcher must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ListClause {
    Has(Value),
    Is(Value),
    Exclude(Value),
}
