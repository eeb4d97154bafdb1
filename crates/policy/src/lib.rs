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
//! total and allocates nothing; [`explain`] runs the same interpreter with an
//! observer that writes down every criterion.
//!
//! Where Portcullis decides otherwise than Pomerium on purpose:
//!
//! * A criterion about the session never passes without a session. In
//!   Pomerium `email: {not: x}` or `claim/x: {}` opens a route to everybody.
//! * What cannot be decided (the peer address is unknown) counts as a match in
//!   a deny rule and as a miss in an allow rule, also beneath `not` and `nor`.
//! * Claim names keep their case. Pomerium lower-cases every key of its
//!   configuration file.
//! * Claims are stored flat, so a sub-path never walks into a claim's value.

#[cfg(test)]
mod arbitrary;
mod ast;
mod compile;
mod error;
mod evaluate;
mod explain;
mod input;
mod legacy;
mod matcher;
mod nearest;
mod parse;
mod program;
mod reason;

pub use ast::{Action, Operator, Policy};
pub use compile::{check, compile};
pub use error::{POLICY_CODES, PolicyError};
pub use evaluate::{Allowed, Challenge, Evaluation, NodePath, Outcome, Verdict, evaluate};
pub use explain::{Step, Trace, explain};
pub use input::{Http, Input, Subject};
pub use legacy::Legacy;
pub use parse::parse;
pub use program::Program;
pub use reason::{Reason, Reasons};
