//! From the two verdicts to what happens to the request.

use serde::Serialize;

use super::fold::Part;
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
    /// The place in the policy that decided; `None` when no single one did (no
    /// rule at all, or several alternatives that all failed).
    pub decided_by: Option<NodePath>,
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
pub(super) fn decide(allow: &Part, deny: &Part) -> Evaluation {
    let either = |reason| allow.reasons.contains(reason) || deny.reasons.contains(reason);
    let certificate = deny.reasons.contains(Reason::ClientCertificateRequired)
        || deny.reasons.contains(Reason::InvalidClientCertificate);
    let (outcome, decided_by) = if certificate {
        (Outcome::Deny(deny.reasons), deny.decided_by)
    } else if either(Reason::UserUnauthenticated) {
        (Outcome::Challenge(Challenge::Login), allow.login.or(deny.login))
    } else if either(Reason::DeviceUnauthenticated) {
        (Outcome::Challenge(Challenge::Device), None)
    } else if deny.value {
        (Outcome::Deny(deny.reasons), deny.decided_by)
    } else if allow.value {
        (Outcome::Allow(Allowed { proof: () }), allow.decided_by)
    } else {
        (Outcome::Deny(allow.reasons), allow.decided_by)
    };
    let verdict = |part: &Part| Verdict {
        value: part.value,
        reasons: part.reasons,
    };
    Evaluation {
        allow: verdict(allow),
        deny: verdict(deny),
        outcome,
        decided_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(value: bool, reasons: &[Reason]) -> Part {
        Part {
            value,
            reasons: reasons.iter().copied().collect(),
            ..Part::default()
        }
    }

    /// Whether an evaluation of these two lets through, and what it does if not.
    fn outcome(allow: &Part, deny: &Part) -> Outcome {
        decide(allow, deny).outcome
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
                    Outcome::Deny(deny.reasons),
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
        assert_eq!(outcome(&allow, &deny), Outcome::Deny(deny.reasons));
        assert!(matches!(
            outcome(&allow, &part(false, &[Reject])),
            Outcome::Allow(_)
        ));
        let failed = part(false, &[Reject]);
        assert_eq!(
            outcome(&failed, &part(false, &[Accept])),
            Outcome::Deny(failed.reasons)
        );
        assert_eq!(outcome(&quiet, &quiet), Outcome::Deny(Reasons::EMPTY));
    }
}
