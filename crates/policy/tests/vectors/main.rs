//! The decisions of Pomerium, as data in `tests/conformance/policy`: every vector
//! of `first-light.json` must come out as written there, down to the reasons;
//! every vector of `later.json` must still fail for the reason given there, so
//! that none is left behind once it could pass.

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod record;
