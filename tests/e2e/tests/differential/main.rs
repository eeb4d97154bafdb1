//! PA-21: the route that Portcullis decides on, the route that Envoy chooses and the
//! bytes that the upstream sees, held against each other for random routes and random
//! requests, in every shape: `docs/security/differential.md`.
//!
//! As part of the suite it runs some seeds for some requests. With
//! `PORTCULLIS_DIFFERENTIAL_SECONDS` it runs that long from a seed of the clock, or
//! from `PORTCULLIS_DIFFERENTIAL_SEED`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod asked;
mod envoy;
mod former;
mod hostile;
mod oracle;
mod pattern;
mod random;
mod records;
mod reference;
mod report;
mod routes;
mod upstream;
mod wire;
mod world;

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_harness::repository;
use report::Report;
use world::World;

/// Requests of a batch, after which everything is compared.
const BATCH: usize = 500;
/// Batches of a world in the long run.
const BATCHES: usize = 8;

/// Runs `batches` batches in the world of a seed, or until it is time.
fn run(report: &mut Report, seed: u64, batches: usize, until: Option<Instant>) {
    let mut world = World::start(seed);
    report.kinds.entry(world.kind).or_default().worlds += 1;
    for _ in 0..batches {
        let judged = world.batch(BATCH);
        report.add(world.kind, seed, judged);
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
    }
}

/// What every run must be.
#[track_caller]
fn holds(report: &Report) {
    assert_eq!(report.disagreed, 0, "\n{}", report.table());
    for (kind, tally) in &report.kinds {
        let kind = kind.name();
        for sort in [&tally.well_formed, &tally.hostile] {
            assert!(sort.agreed > 0, "{kind}: nothing arrived\n{}", report.table());
        }
        let share = tally.well_formed.share();
        assert!(
            share < 50.0,
            "{kind}: {share:.1} % of what is well-formed is refused\n{}",
            report.table()
        );
    }
}

fn seeds(seeds: impl IntoIterator<Item = u64>) {
    let mut report = Report::default();
    for seed in seeds {
        run(&mut report, seed, 2, None);
    }
    println!("{}", report.table());
    holds(&report);
}

#[test]
fn pa_21_behind_our_own_envoy_everybody_agrees() {
    seeds([6]);
}

#[test]
fn pa_21_beside_an_envoy_of_istios_shape_everybody_agrees() {
    seeds([7, 10]);
}

#[test]
fn pa_21_beside_a_stock_envoy_everybody_agrees() {
    seeds([14, 11]);
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: `{text}`")),
    )
}

/// The long run, where one is asked for; else one world.
#[test]
fn pa_21_run_by_the_clock() {
    let seconds = number("PORTCULLIS_DIFFERENTIAL_SECONDS");
    let of_clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs() * 6)
    };
    let first = number("PORTCULLIS_DIFFERENTIAL_SEED")
        .unwrap_or_else(|| if seconds.is_some() { of_clock() } else { 3 });
    let Some(seconds) = seconds else {
        seeds([first]);
        return;
    };
    println!("seed {first}, {seconds} s; PORTCULLIS_DIFFERENTIAL_SEED={first} runs the same worlds");
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let mut report = Report::default();
    let mut worlds = 0;
    let directory = repository::root().join("target/differential");
    fs::create_dir_all(&directory).expect("the target directory is writable");
    while Instant::now() < until {
        run(&mut report, first + worlds, BATCHES, Some(until));
        worlds += 1;
        println!(
            "{:>4} s, {worlds} worlds, {} requests, {} disagreements",
            began.elapsed().as_secs(),
            report.requests(),
            report.disagreed
        );
        // Each time, so that a run that breaks off has told what it knew.
        let json = format!("{:#}\n", report.json(first, worlds, began.elapsed()));
        fs::write(directory.join("report.json"), json).expect("the target directory is writable");
    }
    println!("{}", report.table());
    holds(&report);
}
