//! What happens to a request, as tests name it.

use portcullis_policy::{Challenge, Evaluation, Refusal};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `allow`: it goes through.
    Allow,
    /// `login`: the client must sign in.
    Login,
    /// `device`: the client must authenticate a device.
    Device,
    /// `deny:403`, `deny:450`, `deny:495` or `deny:mcp-jsonrpc`: the policy refuses it.
    Deny(Refusal),
    /// `no_route`: no route takes it.
    NoRoute,
    /// `route_invalid`: its route has an error and denies everybody.
    RouteInvalid,
    /// `ambiguous_request`: its path has parameters (`;`), which the configuration refuses.
    Ambiguous,
    /// `internal`: one of our own endpoints, which no policy guards.
    Internal,
    /// `refused`: there is no decision, since the policy is refused at load.
    Refused,
}

/// Every way in which a policy refuses.
const REFUSALS: [Refusal; 4] = [
    Refusal::Status(403),
    Refusal::Status(450),
    Refusal::Status(495),
    Refusal::McpJsonRpc,
];

impl Outcome {
    /// What becomes of a request with this evaluation.
    #[must_use]
    pub fn of(evaluation: &Evaluation) -> Self {
        match &evaluation.outcome {
            portcullis_policy::Outcome::Allow(_) => Self::Allow,
            portcullis_policy::Outcome::Challenge(Challenge::Login) => Self::Login,
            portcullis_policy::Outcome::Challenge(Challenge::Device) => Self::Device,
            portcullis_policy::Outcome::Deny(_) => {
                Self::Deny(evaluation.refusal().unwrap_or(Refusal::Status(403)))
            }
        }
    }

    /// The status that a browser sees; `None` where that is not ours to say.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Allow | Self::Internal | Self::Refused => None,
            Self::Login | Self::Device => Some(302),
            Self::Ambiguous => Some(400),
            Self::Deny(refusal) => Some(refusal.status()),
            Self::NoRoute => Some(404),
            Self::RouteInvalid => Some(503),
        }
    }

    /// The name in files of vectors.
    pub(crate) fn vector_name(self) -> String {
        match self {
            Self::Device => "webauthn".to_owned(),
            other => other.to_string(),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "allow" => Self::Allow,
            "login" => Self::Login,
            "device" => Self::Device,
            "no_route" => Self::NoRoute,
            "route_invalid" => Self::RouteInvalid,
            "ambiguous_request" => Self::Ambiguous,
            "internal" => Self::Internal,
            "refused" => Self::Refused,
            text => {
                let refusal = text.strip_prefix("deny:")?;
                Self::Deny(REFUSALS.into_iter().find(|known| known.to_string() == refusal)?)
            }
        })
    }
}

impl core::fmt::Display for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Login => "login",
            Self::Device => "device",
            Self::Deny(refusal) => return write!(f, "deny:{refusal}"),
            Self::NoRoute => "no_route",
            Self::RouteInvalid => "route_invalid",
            Self::Ambiguous => "ambiguous_request",
            Self::Internal => "internal",
            Self::Refused => "refused",
        })
    }
}
