//! Measures whole processes, as they are shipped: requests through Envoy and
//! Checks straight over gRPC, against an authorization server that decides
//! nothing; then a large configuration. `docs/performance.md` has the method.
//!
//! The results go to `target/bench/report.json` under the repository's root,
//! whatever directory cargo builds in.

mod envoy;
mod measure;
mod process;
mod report;
mod scale;
mod servers;
mod world;

use std::path::Path;

/// How often every variant is measured.
const ROUNDS: usize = 7;

fn main() {
    // `cargo bench -- TEXT` asks for cases of the other target.
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    if wanted.is_some_and(|text| text != "gateway") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let directory = root.join("target/bench");
    std::fs::create_dir_all(&directory).expect("a directory for the results");

    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds = number("PORTCULLIS_BENCH_ROUNDS").unwrap_or(ROUNDS);
    let world = world::World::start();
    let facts = report::Facts::of(&world);
    let rounds = measure::all(&world, rounds);
    drop(world);
    let path = directory.join("report.json");
    report::write(&path, &facts, &rounds, &serde_json::Value::Null);
    let scale = scale::measure();
    report::write(&path, &facts, &rounds, &scale);
    report::print(&rounds, &scale);
    println!("written to {}", path.display());
}
