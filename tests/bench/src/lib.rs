//! What is measured. Each [`Case`] sets up one hot path and runs it any number of
//! times; the bench target `micro` measures what the cases cost. The other modules
//! serve the bench target `gateway`, which measures whole processes.

pub mod address;
mod check;
mod config_path;
pub mod deployment;
pub mod figures;
pub mod http1;
mod policy;
pub mod procfs;
mod reference;
pub mod rpc;
pub mod sign_in;
mod xds;

pub use portcullis_bench_instruments::{Case, Meter};
use portcullis_bench_instruments::{Run, repeat};

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::fast("reference_sha256", reference::sha256),
        Case::fast("policy_admin", policy::admin),
        Case::fast("policy_1000_rules", policy::thousand_rules),
        Case::fast("policy_list_10", || policy::list(10)),
        Case::fast("policy_list_100k", || policy::list(100_000)),
        Case::fast("reference_check", check::nothing),
        Case::fast("check_10_routes", || check::warm(10)),
        Case::fast("check_1k_routes", || check::warm(1_000)),
        Case::fast("check_10k_routes", || check::warm(10_000)),
        Case::slow("cold_1k", || config_path::cold(1_000)),
        Case::slow("cold_10k", || config_path::cold(10_000)),
        Case::slow("cold_10k_parse", || config_path::parse(10_000)),
        Case::slow("cold_10k_build", || config_path::build(10_000)),
        Case::slow("cold_10k_encode", || config_path::encode(10_000)),
        Case::slow("edit_policy_of_10k", || config_path::edit_policy(10_000)),
        Case::slow("edit_route_of_1k", || config_path::edit_route(1_000)),
        Case::slow("edit_route_of_10k", || config_path::edit_route(10_000)),
        Case::slow("xds_change_of_1k", || xds::change(1_000)),
        Case::slow("xds_change_of_10k", || xds::change(10_000)),
    ]
}
