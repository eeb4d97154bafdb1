//! What a policy can be refused for.

use portcullis_document::Span;

/// One problem of a policy. It concerns the route that the policy belongs to
/// and no other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// Where the offending key or value stands.
    pub span: Span,
    /// A stable name of the kind of problem, `policy_…`.
    pub code: &'static str,
    /// What was found and what was expected, without a full stop.
    pub message: String,
    /// How to mend it, where that is known.
    pub help: Option<String>,
}

/// What is legal in a policy and probably not what its author means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWarning {
    /// Where the key or value stands.
    pub span: Span,
    /// A stable name of the kind of warning, `policy_…`.
    pub code: &'static str,
    /// What the policy really says, without a full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

/// Every code that a [`PolicyWarning`] can have, sorted.
pub const POLICY_WARNING_CODES: &[&str] = &[
    code::INVALID_CERTIFICATE_ALLOWED,
    code::NEVER_HOLDS,
    code::VALUE_IGNORED,
];

/// Every code that a [`PolicyError`] can have, sorted.
pub const POLICY_CODES: &[&str] = &[
    code::ACTION_TYPE,
    code::ACTION_UNKNOWN,
    code::CRITERION_KEYS,
    code::CRITERION_TYPE,
    code::CRITERION_UNKNOWN,
    code::CRITERION_UNSUPPORTED,
    code::DOCUMENT_TYPE,
    code::IP_INVALID,
    code::MATCHER_UNKNOWN,
    code::OPERATOR_TYPE,
    code::OPERATOR_UNKNOWN,
    code::TOO_LARGE,
    code::VALUE_INVALID,
    code::VALUE_TYPE,
];

/// The codes, each with the one meaning that documentation and tests rely on.
pub(crate) mod code {
    /// The policy is neither an object nor a list of objects.
    pub(crate) const DOCUMENT_TYPE: &str = "policy_document_type";
    /// A key of a rule is neither `allow` nor `deny`.
    pub(crate) const ACTION_UNKNOWN: &str = "policy_action_unknown";
    /// The value of `allow` or `deny` is not an object.
    pub(crate) const ACTION_TYPE: &str = "policy_action_type";
    /// A key of an action is none of `and`, `or`, `not`, `nor`.
    pub(crate) const OPERATOR_UNKNOWN: &str = "policy_operator_unknown";
    /// The value of an operator is not a list.
    pub(crate) const OPERATOR_TYPE: &str = "policy_operator_type";
    /// A criterion is not an object.
    pub(crate) const CRITERION_TYPE: &str = "policy_criterion_type";
    /// A criterion object does not have exactly one key.
    pub(crate) const CRITERION_KEYS: &str = "policy_criterion_keys";
    /// Nobody knows a criterion of that name.
    pub(crate) const CRITERION_UNKNOWN: &str = "policy_criterion_unknown";
    /// Pomerium (or its commercial edition) knows the criterion, we do not yet.
    pub(crate) const CRITERION_UNSUPPORTED: &str = "policy_criterion_unsupported";
    /// A matcher object has a key that is no operator of that matcher.
    pub(crate) const MATCHER_UNKNOWN: &str = "policy_matcher_unknown";
    /// An operand has a type that can never be compared.
    pub(crate) const VALUE_TYPE: &str = "policy_value_type";
    /// An operand has the right type and means nothing, or one that is needed is
    /// missing.
    pub(crate) const VALUE_INVALID: &str = "policy_value_invalid";
    /// Text that is neither an IP address nor a range in CIDR notation.
    pub(crate) const IP_INVALID: &str = "policy_ip_invalid";
    /// A warning: the criterion ignores its value, which says the opposite.
    pub(crate) const VALUE_IGNORED: &str = "policy_value_ignored";
    /// A warning: the comparison can hardly ever hold.
    pub(crate) const NEVER_HOLDS: &str = "policy_never_holds";
    /// A warning: an allow rule that lets clients without a valid certificate in.
    pub(crate) const INVALID_CERTIFICATE_ALLOWED: &str = "policy_invalid_certificate_allowed";
    /// More criteria than one policy may have.
    pub(crate) const TOO_LARGE: &str = "policy_too_large";
}
