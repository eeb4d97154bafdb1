//! What benchmarks of hot paths measure with. A [`Case`] sets up one operation and
//! runs it any number of times; what a run costs in [`time`], [`instructions`] and
//! [`allocations`] is measured here.

pub mod allocations;
pub mod instructions;
pub mod paired;
pub mod time;

use serde_json::{Value, json};

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
    /// One of nanoseconds or microseconds.
    #[must_use]
    pub const fn fast(name: &'static str, set_up: fn() -> Run) -> Self {
        Self {
            name,
            repeats: 1000,
            slow: false,
            set_up,
        }
    }

    /// One of milliseconds.
    #[must_use]
    pub const fn slow(name: &'static str, set_up: fn() -> Run) -> Self {
        Self {
            name,
            repeats: 1,
            slow: true,
            set_up,
        }
    }
}

/// A run that repeats `work`.
pub fn repeat(mut work: impl FnMut() + 'static) -> Run {
    Box::new(move |times, meter| {
        meter.measure(&mut || {
            for _ in 0..times {
                work();
            }
        });
    })
}

/// With three decimals.
#[must_use]
pub fn rounded(value: f64) -> Value {
    json!((value * 1000.0).round() / 1000.0)
}
