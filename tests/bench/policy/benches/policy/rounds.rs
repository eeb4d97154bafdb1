//! Every case once in each round, for a few milliseconds. Before, it runs as long
//! without being measured: a case that looks into much memory would else be charged
//! with what all others have left in the caches.

use portcullis_bench_instruments::paired::order;
use portcullis_bench_instruments::time::ProcessorTime;
use portcullis_bench_instruments::{Case, Run};
use std::collections::BTreeMap;

/// How long a case runs in a round, in nanoseconds.
const SLICE: f64 = 15e6;

/// How many rounds there are, unless `PORTCULLIS_BENCH_ROUNDS` says otherwise.
const ROUNDS: usize = 61;

/// Nanoseconds of the processor for one operation in each round, by case.
pub type Rounds = BTreeMap<&'static str, Vec<f64>>;

struct Ready {
    name: &'static str,
    run: Run,
    times: u64,
}

impl Ready {
    /// Finds out how many operations make a slice.
    fn new(case: &Case) -> Self {
        let mut ready = Self {
            name: case.name,
            run: (case.set_up)(),
            times: 1,
        };
        while ready.measure() * (ready.times as f64) < SLICE {
            ready.times *= 2;
        }
        ready
    }

    /// Nanoseconds of the processor for one operation.
    fn measure(&mut self) -> f64 {
        let mut time = ProcessorTime::default();
        (self.run)(self.times, &mut time);
        time.0.as_nanos() as f64 / self.times as f64
    }
}

pub fn measure(cases: &[Case]) -> Rounds {
    let rounds = match std::env::var("PORTCULLIS_BENCH_ROUNDS") {
        Ok(text) => text.parse().expect("a number of rounds"),
        Err(_) => ROUNDS,
    };
    let mut all: Vec<Ready> = cases.iter().map(Ready::new).collect();
    let mut measured = Rounds::new();
    for round in 0..rounds {
        for place in order(round, all.len()) {
            let ready = &mut all[place];
            ready.measure();
            measured.entry(ready.name).or_default().push(ready.measure());
        }
    }
    measured
}
