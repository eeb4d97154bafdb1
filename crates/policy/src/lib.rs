//! Pomerium Policy Language (PPL): document to checked policy to program, and
//! the interpreter that decides a request with it.
//!
//! ```text
//! document::Node ──parse──► Policy ──(from_route merges the route's legacy fields)──► compile ──► Program
//!                                                                          Program + Input ──evaluate──► Evaluation
//!                                                                                          ──explain───► Trace
//! ```
//!
//! Pure: the request, the session and the time are arguments. [`evaluate`] is
//! total and allocates nothing; it looks at criteria in the order of their cost,
//! at lists of one thing in one look-up, however many rules they come from, and
//! at nothing that can add neither to the value nor to the reasons. [`explain`]
//! runs the same interpreter over everything.
//!
//! Where Portcullis decides otherwise than Pomerium on purpose:
//!
//! * A criterion about the session never passes without a session. In
//!   Pomerium `email: {not: x}`, `claim/x: {}` or `device: {approved: false}`
//!   opens a route to everybody.
//! * What cannot be decided (the peer address is unknown, the body could hold a
//!   call of a tool and cannot be read) counts as a match in a deny rule and as a
//!   miss in an allow rule, also beneath `not` and `nor`.
//! * Claim names keep their case. Pomerium lower-cases every key of its
//!   configuration file.
//! * `date`, `day_of_week`, `time_of_day` and `record`, which Pomerium documents
//!   and sells, are here.

#[cfg(test)]
mod arbitrary;
mod ast;
mod certificate;
mod compile;
mod device;
mod error;
mod evaluate;
mod explain;
mod input;
mod legacy;
mod matcher;
mod mcp;
mod nearest;
mod parse;
mod plan;
mod print;
mod program;
mod reason;
mod record;
#[cfg(test)]
mod reference;
mod ssh;
mod time;

pub use ast::{Action, Operator, Policy};
pub use certificate::{
    ClientAuthorities, ClientAuthoritiesError, ClientChain, ClientRequirements, Leaf, LeafError,
    SanPatternError, SanPatterns, SanType,
};
pub use compile::{check, compile};
pub use device::{Device, Standing};
pub use error::{POLICY_CODES, POLICY_WARNING_CODES, PolicyError, PolicyWarning};
pub use evaluate::{Allowed, Challenge, Evaluation, NodePath, Outcome, Refusal, Verdict, evaluate};
pub use explain::{BlockTrace, RuleTrace, Step, Trace, explain};
pub use input::{ClientCertificate, Http, Input, Mcp, Ssh, Subject};
pub use legacy::{Legacy, LegacyPlaces};
pub use mcp::{Body as McpBody, Call};
pub use parse::parse;
pub use program::{Program, Programs};
pub use reason::{Reason, Reasons};
pub use record::{ForeignKey, RecordKeys, RecordSet, RecordSetError, Records};
pub use ssh::{PresentedKey, SshKeyError};
