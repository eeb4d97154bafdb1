//! What a criterion asks, ready to be answered.

use portcullis_model::CidrSet;
use serde::{Deserialize, Serialize};

use crate::ast::TextField;
use crate::certificate::CertificateTest;
use crate::device::DeviceTest;
use crate::matcher::{ListTest, TextTest};
use crate::reason::{Reason, Reasons};
use crate::record::RecordTest;
use crate::ssh::KeySet;
use crate::time::{DateWindow, TimeOfDay, Weekdays};

/// What a criterion asks of the request.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Test {
    Accept,
    Reject,
    AuthenticatedUser,
    CorsPreflight,
    SourceIp(CidrSet),
    /// Every test holds of the text.
    Text(TextField, Vec<TextTest>),
    /// Every test holds of the claim's values.
    Claim(Box<str>, Vec<ListTest>),
    /// Every test holds of the ids of the user's groups.
    Groups(Vec<ListTest>),
    ClientCertificate(CertificateTest),
    InvalidClientCertificate,
    Device(DeviceTest),
    SshPublicKey(KeySet),
    SshCa(KeySet),
    SshUsernameMatchesEmail,
    SshUsernameMatchesClaim(Box<str>),
    Date(DateWindow),
    DayOfWeek(Weekdays),
    TimeOfDay(TimeOfDay),
    Record(RecordTest),
}

/// The reasons that a criterion can give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Possible {
    pub(crate) pass: Reasons,
    pub(crate) fail: Reasons,
    /// Whether it can be undecidable, for [`Reason::EvaluationError`].
    pub(crate) undecided: bool,
}

impl Test {
    /// Every reason that the criterion can give. What is not in here may be
    /// skipped as irrelevant, so this must name too many rather than too few (a
    /// property test holds it).
    pub(crate) fn possible(&self) -> Possible {
        let of = |pass: &[Reason], fail: &[Reason]| Possible {
            pass: pass.iter().copied().collect(),
            fail: fail.iter().copied().collect(),
            undecided: false,
        };
        let session = |pass, fail| of(&[pass], &[fail, Reason::UserUnauthenticated]);
        match self {
            Self::Accept => of(&[Reason::Accept], &[]),
            Self::Reject => of(&[], &[Reason::Reject]),
            Self::AuthenticatedUser => session(Reason::UserOk, Reason::UserUnauthorized),
            Self::CorsPreflight => of(&[Reason::CorsRequest], &[Reason::NonCorsRequest]),
            Self::SourceIp(_) => Possible {
                undecided: true,
                ..of(&[Reason::SourceIpOk], &[Reason::SourceIpUnauthorized])
            },
            Self::Text(field, _) => {
                let (pass, fail) = field.reasons();
                match field {
                    TextField::User | TextField::Email | TextField::Domain => session(pass, fail),
                    TextField::McpTool => Possible {
                        undecided: true,
                        ..of(&[pass], &[fail, Reason::McpNotAToolCall])
                    },
                    TextField::HttpMethod | TextField::HttpPath | TextField::SshUsername => {
                        of(&[pass], &[fail])
                    }
                }
            }
            Self::Claim(..) => session(Reason::ClaimOk, Reason::ClaimUnauthorized),
            Self::Groups(_) => session(Reason::GroupsOk, Reason::GroupsUnauthorized),
            Self::ClientCertificate(_) => of(
                &[Reason::ClientCertificateOk],
                &[Reason::ClientCertificateUnauthorized],
            ),
            Self::InvalidClientCertificate => of(
                &[
                    Reason::ClientCertificateRequired,
                    Reason::InvalidClientCertificate,
                ],
                &[Reason::ValidClientCertificate],
            ),
            Self::Device(_) => of(
                &[Reason::DeviceOk],
                &[
                    Reason::DeviceUnauthorized,
                    Reason::DeviceUnauthenticated,
                    Reason::UserUnauthenticated,
                ],
            ),
            Self::SshPublicKey(_) | Self::SshCa(_) => {
                of(&[Reason::SshPublicKeyOk], &[Reason::SshPublicKeyUnauthorized])
            }
            Self::SshUsernameMatchesEmail | Self::SshUsernameMatchesClaim(_) => {
                session(Reason::SshUsernameOk, Reason::SshUsernameUnauthorized)
            }
            Self::Date(_) => of(&[Reason::DateOk], &[Reason::DateUnauthorized]),
            Self::DayOfWeek(_) => of(&[Reason::DayOfWeekOk], &[Reason::DayOfWeekUnauthorized]),
            Self::TimeOfDay(_) => of(&[Reason::TimeOfDayOk], &[Reason::TimeOfDayUnauthorized]),
            Self::Record(_) => Possible {
                undecided: true,
                ..session(Reason::RecordOk, Reason::RecordUnauthorized)
            },
        }
    }

    /// How long the answer takes, roughly, beside other criteria.
    pub(crate) const fn cost(&self) -> u32 {
        match self {
            Self::Accept | Self::Reject | Self::AuthenticatedUser | Self::InvalidClientCertificate => 0,
            Self::Text(..) | Self::CorsPreflight | Self::Date(_) | Self::SshUsernameMatchesEmail => 1,
            Self::SourceIp(_) => 2,
            Self::Groups(_) | Self::Device(_) | Self::SshPublicKey(_) => 3,
            Self::Claim(..) | Self::SshUsernameMatchesClaim(_) => 4,
            Self::ClientCertificate(_) | Self::SshCa(_) | Self::DayOfWeek(_) => 6,
            Self::TimeOfDay(_) | Self::Record(_) => 9,
        }
    }
}

impl TextField {
    /// The reasons for a text that passes and for one that does not.
    pub(crate) const fn reasons(self) -> (Reason, Reason) {
        match self {
            Self::User => (Reason::UserOk, Reason::UserUnauthorized),
            Self::Email => (Reason::EmailOk, Reason::EmailUnauthorized),
            Self::Domain => (Reason::DomainOk, Reason::DomainUnauthorized),
            Self::HttpMethod => (Reason::HttpMethodOk, Reason::HttpMethodUnauthorized),
            Self::HttpPath => (Reason::HttpPathOk, Reason::HttpPathUnauthorized),
            Self::SshUsername => (Reason::SshUsernameOk, Reason::SshUsernameUnauthorized),
            Self::McpTool => (Reason::McpToolMatch, Reason::McpToolNoMatch),
        }
    }
}
