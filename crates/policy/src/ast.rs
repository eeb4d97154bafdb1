//! A checked policy, with the positions that its errors and explanations name.

use ipnet::IpNet;
use portcullis_document::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::certificate::CertificateTest;
use crate::device::DeviceTest;
use crate::error::PolicyWarning;
use crate::record::RecordTest;
use crate::ssh::KeySet;
use crate::time::{DateWindow, TimeOfDay, Weekdays};

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
    pub(crate) warnings: Vec<PolicyWarning>,
}

impl Policy {
    /// Whether there is no criterion at all, so that everybody is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules
            .iter()
            .all(|rule| rule.blocks.iter().all(|block| block.criteria.is_empty()))
    }

    /// The name of every criterion, without sub-path, and where it stands, if that
    /// is known.
    pub fn criteria(&self) -> impl Iterator<Item = (&'static str, Option<Span>)> {
        self.rules
            .iter()
            .flat_map(|rule| &rule.blocks)
            .flat_map(|block| &block.criteria)
            .map(|criterion| (criterion.condition.name(), criterion.span))
    }

    /// What is legal and probably not what its author means, in the order of the
    /// text.
    #[must_use]
    pub fn warnings(&self) -> &[PolicyWarning] {
        &self.warnings
    }
}

/// One `allow` or `deny` object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    pub(crate) blocks: Vec<Block>,
}

/// One operator with its criteria. An empty one decides nothing. The span is
/// that of the operator's key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) span: Option<Span>,
    pub(crate) operator: Operator,
    pub(crate) criteria: Vec<Criterion>,
}

/// One criterion. The span is that of its key, or of the entry of a route's own
/// fields, if that is known.
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
    Groups(Vec<ListClause>),
    ClientCertificate(CertificateTest),
    InvalidClientCertificate,
    Device(DeviceTest),
    SshPublicKey(KeySet),
    SshCa(KeySet),
    SshUsernameMatchesEmail,
    SshUsernameMatchesClaim(String),
    Date(DateWindow),
    DayOfWeek(Weekdays),
    TimeOfDay(TimeOfDay),
    Record(RecordTest),
}

impl Condition {
    /// The criterion's name in a policy, without sub-path.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::AuthenticatedUser => "authenticated_user",
            Self::CorsPreflight => "cors_preflight",
            Self::Text { field, .. } => field.name(),
            Self::Claim { .. } => "claim",
            Self::SourceIp(_) => "source_ip",
            Self::Groups(_) => "groups",
            Self::ClientCertificate(_) => "client_certificate",
            Self::InvalidClientCertificate => "invalid_client_certificate",
            Self::Device(_) => "device",
            Self::SshPublicKey(_) => "ssh_publickey",
            Self::SshCa(_) => "ssh_ca",
            Self::SshUsernameMatchesEmail => "ssh_username_matches_email",
            Self::SshUsernameMatchesClaim(_) => "ssh_username_matches_claim",
            Self::Date(_) => "date",
            Self::DayOfWeek(_) => "day_of_week",
            Self::TimeOfDay(_) => "time_of_day",
            Self::Record(_) => "record",
        }
    }
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
    SshUsername,
    McpTool,
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
            Self::SshUsername => "ssh_username",
            Self::McpTool => "mcp_tool",
        }
    }
}

/// One operator of a string matcher; all of one matcher must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListClause {
    Has(Value),
    Is(Value),
    Exclude(Value),
}
