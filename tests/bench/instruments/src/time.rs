//! Measures time: by criterion, by a stopwatch, and of the processor.

use crate::{Case, Meter};
use core::time::Duration;
use criterion::{Criterion, SamplingMode};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Sums up the processor time of the work: what other processes take meanwhile is
/// not in it.
#[derive(Default)]
pub struct ProcessorTime(pub Duration);

impl Meter for ProcessorTime {
    fn measure(&mut self, work: &mut dyn FnMut()) {
        let started = processor_time();
        work();
        self.0 += processor_time().saturating_sub(started);
    }
}

/// What this thread has taken so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no negative time")
}

/// Sums up the time of the work.
#[derive(Default)]
pub struct Stopwatch(pub Duration);

impl Meter for Stopwatch {
    fn measure(&mut self, work: &mut dyn FnMut()) {
        let started = Instant::now();
        work();
        self.0 += started.elapsed();
    }
}

/// Criterion's times of the cases of one benchmark.
pub struct Times {
    criterion: Criterion,
    group: &'static str,
    directory: PathBuf,
}

impl Times {
    /// Criterion's own files go into `directory`.
    #[must_use]
    pub fn new(group: &'static str, directory: &Path) -> Self {
        Self {
            criterion: Criterion::default().without_plots().output_directory(directory),
            group,
            directory: directory.join(group),
        }
    }

    /// The median of one operation in nanoseconds.
    pub fn median(&mut self, case: &Case) -> f64 {
        let mut group = self.criterion.benchmark_group(self.group);
        let (samples, seconds, mode) = if case.slow {
            (10, 2, SamplingMode::Flat)
        } else {
            (20, 1, SamplingMode::Auto)
        };
        group
            .sample_size(samples)
            .sampling_mode(mode)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(seconds));
        let mut run = (case.set_up)();
        group.bench_function(case.name, |bencher| {
            bencher.iter_custom(|times| {
                let mut stopwatch = Stopwatch::default();
                run(times, &mut stopwatch);
                stopwatch.0
            });
        });
        group.finish();
        self.written(case.name)
    }

    /// The median as criterion has written it down.
    fn written(&self, name: &str) -> f64 {
        let path = self.directory.join(name).join("new/estimates.json");
        let text = std::fs::read_to_string(&path).expect("criterion's estimates");
        let estimates: Value = serde_json::from_str(&text).expect("JSON");
        estimates["median"]["point_estimate"].as_f64().expect("a number")
    }
}
