//! Measures every case: time by criterion; instructions by callgrind, where
//! valgrind is installed and the case is small or asked for; allocations by
//! counting. Instructions and allocations are the same on a busy machine, times
//! are not.
//!
//! The results go to `target/bench/micro.json` under the repository's root.

mod allocations;
mod instructions;
mod report;

use core::time::Duration;
use criterion::{Criterion, SamplingMode};
use portcullis_bench::{Case, Meter, cases};
use report::Report;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Sums up the time of the work.
#[derive(Default)]
struct Stopwatch(Duration);

impl Meter for Stopwatch {
    fn measure(&mut self, work: &mut dyn FnMut()) {
        let started = Instant::now();
        work();
        self.0 += started.elapsed();
    }
}

fn main() {
    // Valgrind runs this program again, for one case each.
    if let Ok(name) = std::env::var(instructions::CASE) {
        return instructions::child(&name);
    }
    // `cargo bench -- TEXT` takes only the cases whose names have TEXT in them.
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let everything = wanted.is_none();
    let wanted = |case: &Case| {
        wanted
            .as_ref()
            .is_none_or(|text| case.name.contains(text.as_str()))
    };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    std::fs::create_dir_all(&directory).expect("a directory for the results");

    let mut report = Report::default();
    for case in cases().into_iter().filter(|case| wanted(case)) {
        report.allocations(case.name, allocations::count(&case));
        // Beneath valgrind those of 10,000 routes take minutes: by name alone.
        if everything && case.name.contains("10k") {
            continue;
        }
        if let Some(count) = instructions::count(&case) {
            report.instructions(case.name, count);
        }
    }
    let times = directory.join("criterion");
    let mut criterion = Criterion::default().without_plots().output_directory(&times);
    for case in cases().into_iter().filter(|case| wanted(case)) {
        time(&mut criterion, &case);
        report.nanoseconds(case.name, median(&times, case.name));
    }
    report.write(&directory.join("micro.json"));
}

fn time(criterion: &mut Criterion, case: &Case) {
    let mut group = criterion.benchmark_group("micro");
    let seconds = if case.slow { 2 } else { 1 };
    group
        .sample_size(if case.slow { 10 } else { 20 })
        .sampling_mode(if case.slow {
            SamplingMode::Flat
        } else {
            SamplingMode::Auto
        })
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
}

/// The median of one operation in nanoseconds, as criterion has written it down.
fn median(times: &Path, name: &str) -> f64 {
    let path: PathBuf = times.join("micro").join(name).join("new/estimates.json");
    let text = std::fs::read_to_string(&path).expect("criterion's estimates");
    let estimates: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    estimates["median"]["point_estimate"].as_f64().expect("a number")
}
