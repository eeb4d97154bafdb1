//! Measures every case: time by criterion; instructions by callgrind, where
//! valgrind is installed and the case is small or asked for; allocations by
//! counting. Instructions and allocations are the same on a busy machine, times
//! are not.
//!
//! The results go to `target/bench/micro.json` under the repository's root.

mod report;

use portcullis_bench::{Case, cases};
use portcullis_bench_instruments::allocations::{self, Counting};
use portcullis_bench_instruments::instructions::{Counter, ran_as_child};
use portcullis_bench_instruments::time::Times;
use report::Report;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    // Valgrind runs this program again, for one case each.
    if ran_as_child(&cases()) {
        return;
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
    let mut counter = Counter::new(&directory);
    if !everything {
        counter = counter.patient();
    }
    for case in cases().into_iter().filter(|case| wanted(case)) {
        report.allocations(case.name, allocations::count(&case));
        // Beneath valgrind those of 10,000 routes take minutes: by name alone.
        if everything && case.name.contains("10k") {
            continue;
        }
        if let Some(count) = counter.count(&case) {
            report.instructions(case.name, count);
        }
    }
    let mut times = Times::new("micro", &directory.join("criterion"));
    for case in cases().into_iter().filter(|case| wanted(case)) {
        report.nanoseconds(case.name, times.median(&case));
    }
    report.write(&directory.join("micro.json"));
}
