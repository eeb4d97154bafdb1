//! The groups PA, HO, HD and XA of the threat catalogue, in three shapes: behind our own
//! Envoy, beside one of Istio's shape, and beside a stock one of bare defaults. Each id
//! says what was tried, what must happen, and what does; [`support::each`] runs it and
//! holds the invariants I1 to I6 against everything that it caused.
//!
//! `docs/security/three-shapes.md` is made of these tables: `UPDATE_DOCS=1 cargo test
//! --profile ci -p portcullis-e2e --test shapes catalogue`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod catalogue;
mod contract;
mod headers;
mod hosts;
mod paths;
mod support;

/// One id of the threat catalogue.
pub(crate) struct Case {
    /// For example `PA-01`.
    pub(crate) id: &'static str,
    /// The inputs, in Markdown.
    pub(crate) tried: &'static str,
    /// What must happen, in Markdown.
    pub(crate) must: &'static str,
    /// Everything that is seen behind our own Envoy ([`support::Seen`]); empty where
    /// the id has no meaning there, which `apart` then says.
    pub(crate) ours: &'static [&'static str],
    /// The same beside an Envoy of Istio's shape.
    pub(crate) istio: &'static [&'static str],
    /// The same beside a stock Envoy.
    pub(crate) bare: &'static [&'static str],
    /// The tests: a file from the root of the repository, and a function in it. What is
    /// seen must be all of the above where one test stands here, else a part of it.
    pub(crate) tests: &'static [(&'static str, &'static str)],
    /// What of the id does not apply or is not shown, and why; empty: nothing.
    pub(crate) apart: &'static str,
}

/// All groups, in the order of the document: title and cases.
pub(crate) const GROUPS: [(&str, &[Case]); 4] = [
    ("Paths", paths::CASES),
    ("Hosts", hosts::CASES),
    ("Headers", headers::CASES),
    ("The contract of ext_authz", contract::CASES),
];
