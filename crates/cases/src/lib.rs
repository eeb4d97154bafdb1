//! Policy tests: what users expect of their policies, and what vectors expect of
//! the engine, held against what it decides; and explanations of single requests.
//!
//! ```text
//! file of vectors ──run_vectors──► Ran            one for each vector
//! file of cases ────Suite::run───► CaseResult     one for each case ──► junit; coverage adds up
//! Config + request ─explain_request─► Explanation
//! ```
//!
//! Pure: texts and the time are arguments, and the files that cases name come through
//! [`Files`]. Everything asks the one evaluator by way of `explain`, so a test can say
//! nothing but what the running server decides.

mod case_file;
mod configured;
mod coverage;
mod explain;
mod junit;
mod problem;
mod situation;
mod suite;
mod trace_text;
mod vectors;
mod verdict;

pub use case_file::is_case_file;
pub use configured::{Configured, ConfiguredError, ConfiguredRoute, Place};
pub use coverage::Coverage;
pub use explain::{Explanation, explain_request};
pub use junit::junit;
pub use problem::Problem;
pub use situation::{
    Certificate, DEFAULT_HOST, DEFAULT_NOW, DEFAULT_SOURCE_IP, McpMessage, Session, Situation, SshRequest,
};
pub use suite::{CaseResult, Files, Suite, Verdict};
pub use trace_text::one_line;
pub use vectors::{Failure, Ran, VectorsError, run_vectors};
pub use verdict::Outcome;
