//! What is measured. Each [`Case`] sets up one hot path and runs it any number of
//! times; how it is measured (time, instructions, allocations) is the business of
//! the bench target `micro`, which runs the cases. The other modules serve the
//! bench target `gateway`, which measures whole processes.

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

/// Measures pieces of work.
pub trait Meter {
    /// Runs `work` once and counts what it costs.
    fn measure(&mut self, work: &mut dyn FnMut());
}

/// Runs an operation `n` times; only what goes through the meter counts.
pub type Run = Box<dyn FnMut(u64, &mut dyn Meter)>;

/// One operation to be measured.
pub struct Case {
    /// Its name in reports.
    pub name: &'static str,
    /// How often it runs where instructions are counted.
    pub repeats: u64,
    /// Whether one operation takes milliseconds.
    pub slow: bool,
    /// Makes it ready.
    pub set_up: fn() -> Run,
}

impl Case {
    const fn fast(name: &'static str, set_up: fn() -> Run) -> Self {
        Self {
            name,
            repeats: 1000,
            slow: false,
            set_up,
        }
    }

    const fn slow(name: &'static str, set_up: fn() -> Run) -> Self {
        Self {
            name,
            repeats: 1,
            slow: true,
            set_up,
        }
    }
}

/// A run that repeats `work`.
fn repeat(mut work: impl FnMut() + 'static) -> Run {
    Box::new(move |times, meter| {
        meter.measure(&mut || {
            for _ in 0..times {
                work();
            }
        });
    })
}

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
