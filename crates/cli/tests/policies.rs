//! `portcullis test` and `portcullis explain`, as a user runs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[cfg(test)]
#[path = "policies/explain.rs"]
mod explain;
#[cfg(test)]
#[path = "policies/program.rs"]
mod program;
#[cfg(test)]
#[path = "policies/test.rs"]
mod test;
