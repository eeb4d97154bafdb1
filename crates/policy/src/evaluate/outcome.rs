//! From the two verdicts to what happens to the request.

use std::sync::Arc;

use serde::Serialize;

use super::refusal::Refusal;
use super::side::Part;
use crate::input::Input;
use crate::program::NodePath;
use crate::reason::{Reason, Reasons};

/// The decision on one request, with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Whether some allow rule holds.
    pub allow: Verdict,
    /// Whether some deny rule holds.
    pub deny: Verdict,
    /// What happens to the request.
    pub outcome: Outcome,
    /// The place in the policy that decided: of those that brought the outcome
    /// about, the first in the order of evaluation, which is that of their cost; the
    /// whole operator when it took all of its criteria. `None` when there is
    /// nothing to let anybody in: no allow rule with a criterion.
    pub decided_by: Option<NodePath>,
    /// How the request is refused, if it is.
    pub refusal: Option<Refusal>,
    /// The type of device that the policy asks for (`device_type` of Pomerium's
    /// additional data): of several criteria on the sides that brought the verdicts
    /// about the last counts, and deny rules after allow rules.
    pub device_type: Option<Arc<str>>,
}

impl Evaluation {
    /// The outcome in one word: `allow`, `deny`, `login` or `device`.
    #[must_use]
    pub const fn outcome_name(&self) -> &'static str {
        match self.outcome {
            Outcome::Allow(_) => "allow",
            Outcome::Deny(_) => "deny",
            Outcome::Challenge(Challenge::Login) => "login",
            Outcome::Challenge(Challenge::Device) => "device",
        }
    }

    /// How the request is refused, if it is.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}

/// The result of all rules of one action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether a rule holds.
    pub value: bool,
    /// Why it does or does not. A deny that does not hold has reasons too.
    pub reasons: Reasons,
}

/// What happens to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes through.
    Allow(Allowed),
    /// It is refused, for these reasons.
    Deny(Reasons),
    /// The client must do something first.
    Challenge(Challenge),
}

/// What the client must do first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Sign in.
    Login,
    /// Authenticate a device.
    Device,
}

/// The proof that a policy let a request through. Only this module makes one, so
/// whatever asks for it cannot be reached without a decision:
///
/// ```compile_fail
/// let forged = portcullis_policy::Allowed { proof: () };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    proof: (),
}

/// Pomerium's order; the first line that fits decides. Note that a wish for a
/// login in the reasons of either verdict beats both verdicts.
pub(super) fn decide(allow: &Part<'_>, deny: &Part<'_>, input: &Input<'_>) -> Evaluation {
    let (permit, forbid) = (allow.side.reasons, deny.side.reasons);
    let either = |reason| permit.contains(reason) || forbid.contains(reason);
    let certificate = forbid.contains(Reason::ClientCertificateRequired)
        || forbid.contains(Reason::InvalidClientCertificate);
    let (outcome, decided_by) = if certificate {
        (refuse(forbid), deny.side.first)
    } else if either(Reason::UserUnauthenticated) {
        (
            Outcome::Challenge(Challenge::Login),
            allow.side.login.or(deny.side.login),
        )
    } else if either(Reason::DeviceUnauthenticated) {
        let from = if permit.contains(Reason::DeviceUnauthenticated) {
            allow
        } else {
            deny
        };
        (Outcome::Challenge(Challenge::Device), from.side.first)
    } else if deny.value {
        (refuse(forbid), deny.side.first)
    } else if allow.value {
        (Outcome::Allow(Allowed { proof: () }), allow.side.first)
    } else {
        (refuse(permit), allow.side.first)
    };
    let verdict = |part: &Part<'_>| Verdict {
        value: part.value,
        reasons: part.side.reasons,
    };
    let device = deny.side.device.or(allow.side.device);
    Evaluation {
        allow: verdict(allow),
        deny: verdict(deny),
        refusal: match &outcome {
            Outcome::Deny(reasons) => Some(Refusal::new(*reasons, input)),
            Outcome::Allow(_) | Outcome::Challenge(_) => None,
        },
        outcome,
        decided_by: decided_by.copied(),
        device_type: device.map(|device| Arc::clone(&device.device_type)),
    }
}

/// A refusal for these reasons. A device that is not registered yet is no reason
/// to refuse but one to register it.
const fn refuse(reasons: Reasons) -> Outcome {
    if reasons.contains(Reason::DeviceUnauthenticated) {
        Outcome::Challenge(Challenge::Device)
    } else {
        Outcome::Deny(reasons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Http, Mcp};

    fn part(value: bool, reasons: &[Reason]) -> Part<'static> {
        let mut part = Part {
            value,
            ..Part::default()
        };
        part.side.reasons = reasons.iter().copied().collect();
        part
    }

    fn input(mcp: Mcp<'_>) -> Input<'_> {
        Input {
            mcp,
            ..Input::http(Http::default(), None, jiff::Timestamp::UNIX_EPOCH)
        }
    }

    fn evaluation(allow: &Part<'_>, deny: &Part<'_>) -> Evaluation {
        decide(allow, deny, &input(Mcp::Absent))
    }

    /// What becomes of these two.
    fn outcome(allow: &Part<'_>, deny: &Part<'_>) -> Outcome {
        evaluation(allow, deny).outcome
    }

    #[test]
    fn the_order_of_precedence() {
        use Reason::{
            Accept, ClientCertificateRequired as NoCertificate, DeviceUnauthenticated as NoDevice,
            InvalidClientCertificate as BadCertificate, Reject, UserUnauthenticated as NoUser,
        };
        let allow = part(true, &[Accept]);
        let quiet = part(false, &[]);
        let login = Outcome::Challenge(Challenge::Login);
        let device = Outcome::Challenge(Challenge::Device);

        for reason in [NoCertificate, BadCertificate] {
            for value in [true, false] {
                let deny = part(value, &[reason, NoUser]);
                assert_eq!(
                    outcome(&allow, &deny),
                    Outcome::Deny(deny.side.reasons),
                    "beats a login"
                );
            }
            let failed = part(false, &[reason, NoUser]);
            assert_eq!(outcome(&failed, &quiet), login, "not from an allow rule");
        }
        assert_eq!(
            outcome(&part(true, &[NoUser]), &quiet),
            login,
            "even when allowed"
        );
        assert_eq!(
            outcome(&allow, &part(false, &[NoUser, NoDevice])),
            login,
            "before the device"
        );
        assert_eq!(outcome(&part(true, &[NoDevice]), &quiet), device);
        assert_eq!(
            outcome(&allow, &part(true, &[NoDevice])),
            device,
            "before the refusal"
        );
        let deny = part(true, &[Accept]);
        assert_eq!(outcome(&allow, &deny), Outcome::Deny(deny.side.reasons));
        assert!(matches!(
            outcome(&allow, &part(false, &[Reject])),
            Outcome::Allow(_)
        ));
        let failed = part(false, &[Reject]);
        assert_eq!(
            outcome(&failed, &part(false, &[Accept])),
            Outcome::Deny(failed.side.reasons)
        );
        assert_eq!(outcome(&quiet, &quiet), Outcome::Deny(Reasons::EMPTY));
    }

    #[test]
    fn refusals_by_their_reasons() {
        use Reason::{
            ClientCertificateRequired as NoCertificate, DeviceUnauthenticated as NoDevice,
            DeviceUnauthorized as BadDevice, EmailUnauthorized, InvalidClientCertificate as BadCertificate,
        };
        let quiet = part(false, &[]);
        let status = |reasons: &[Reason]| {
            let refusal = evaluation(&part(false, reasons), &quiet).refusal();
            refusal.map(Refusal::status)
        };
        assert_eq!(status(&[]), Some(403));
        assert_eq!(status(&[EmailUnauthorized]), Some(403));
        assert_eq!(status(&[BadDevice, NoCertificate]), Some(450), "the device first");
        assert_eq!(
            status(&[NoCertificate, EmailUnauthorized]),
            Some(495),
            "an allow rule's too"
        );
        assert_eq!(status(&[BadCertificate]), Some(495));
        assert_eq!(status(&[NoDevice, BadDevice]), None);
        assert_eq!(
            evaluation(&part(true, &[EmailUnauthorized]), &quiet).refusal(),
            None
        );
        assert_eq!(
            outcome(&quiet, &part(false, &[BadCertificate, NoDevice])),
            Outcome::Challenge(Challenge::Device),
            "a device comes before the certificate within one set of reasons"
        );

        let call = Mcp::Message {
            method: "ping",
            tool: None,
        };
        let by_mcp = |reasons: &[Reason], mcp| {
            decide(&part(false, reasons), &quiet, &input(mcp))
                .refusal()
                .unwrap()
        };
        assert_eq!(by_mcp(&[EmailUnauthorized], call), Refusal::McpJsonRpc);
        assert_eq!(
            by_mcp(&[EmailUnauthorized], Mcp::Unreadable),
            Refusal::Status(403)
        );
        assert_eq!(by_mcp(&[BadCertificate], call), Refusal::Status(495));
        assert_eq!(by_mcp(&[BadDevice], call), Refusal::Status(450));
        assert_eq!(Refusal::McpJsonRpc.status(), 200);
        assert_eq!(Refusal::McpJsonRpc.to_string(), "mcp-jsonrpc");
        assert_eq!(Refusal::Status(450).to_string(), "450");
    }
}
