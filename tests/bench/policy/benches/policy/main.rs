//! Measures what a decision costs, beside other engines in the same run. First
//! all engines must agree. Times are measured by criterion; what is compared, in
//! paired rounds; instructions by callgrind, where valgrind is installed;
//! allocations by counting.
//!
//! The results go to `target/bench/policy.json` under the repository's root.

mod report;
mod rounds;

use portcullis_bench_instruments::Case;
use portcullis_bench_instruments::allocations::{self, Counting};
use portcullis_bench_instruments::instructions::{Counter, ran_as_child};
use portcullis_bench_instruments::time::Times;
use portcullis_bench_policy::{cases, compare};
use report::Report;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    // Valgrind runs this program again, for one case each.
    if ran_as_child(&cases()) {
        return;
    }
    compare();
    println!("all engines agree");
    // `cargo bench -- TEXT` takes only the cases whose names have TEXT in them.
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = |case: &Case| {
        wanted
            .as_ref()
            .is_none_or(|text| case.name.contains(text.as_str()))
    };
    let cases: Vec<Case> = cases().into_iter().filter(wanted).collect();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/bench");
    std::fs::create_dir_all(&directory).expect("a directory for the results");

    let mut report = Report::default();
    let mut counter = Counter::new(&directory);
    let mut times = Times::new("policy", &directory.join("criterion"));
    for case in &cases {
        let counted = report.of(case.name);
        counted.allocations = allocations::count(case);
        counted.instructions = counter.count(case);
        counted.nanoseconds = times.median(case);
    }
    report.compare(&rounds::measure(&cases));
    report.write(&directory.join("policy.json"));
}
