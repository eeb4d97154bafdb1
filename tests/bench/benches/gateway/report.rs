//! The results, as a file and as a table.

use crate::measure::{CONNECTIONS, ENVOY_SECONDS, GRPC, GRPC_SECONDS};
use crate::world::World;
use portcullis_bench::figures::Rounds;
use portcullis_bench::procfs;
use serde_json::{Value, json};
use std::fs::read_to_string;
use std::path::Path;

/// What the design allows: the ratio, and whether it may be larger.
const BUDGETS: [(&str, f64, bool); 3] = [
    ("envoy_rps_vs_noop", 0.95, true),
    ("grpc_rps_vs_noop", 0.85, true),
    ("grpc_cpu_vs_noop", 1.25, false),
];

/// The machine and the method.
pub struct Facts(Value);

impl Facts {
    /// As it is now.
    pub fn of(world: &World) -> Self {
        let line_of = |path: &str, prefix: &str| {
            let text = read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(prefix));
            line.unwrap_or_default().trim_matches([' ', '\t', ':']).to_owned()
        };
        let [first, last, others] =
            [&world.places.first, &world.places.last, &world.places.others].map(Clone::clone);
        Self(json!({
            "machine": {
                "processor": line_of("/proc/cpuinfo", "model name"),
                "processors": procfs::processors().len(),
                "memory": line_of("/proc/meminfo", "MemTotal"),
                "kernel": line_of("/proc/sys/kernel/osrelease", ""),
                "load_before": line_of("/proc/loadavg", ""),
            },
            "method": {
                "envoy_connections": CONNECTIONS,
                "envoy_seconds": ENVOY_SECONDS,
                "grpc_connections": GRPC.0,
                "grpc_in_flight_each": GRPC.1,
                "grpc_seconds": GRPC_SECONDS,
                "processors": {"envoy": first, "server": last, "load_and_upstream": others, "grpc_load": first},
            },
        }))
    }
}

/// Writes the file.
pub fn write(path: &Path, facts: &Facts, rounds: &Rounds, scale: &Value) {
    let mut report = facts.0.clone();
    report["ratios"] = Value::Object(rounds.ratios());
    report["ratios_least_and_most"] = Value::Object(rounds.spans());
    report["medians"] = json!(rounds.medians());
    report["rounds"] = json!(rounds);
    report["scale"] = scale.clone();
    let text = serde_json::to_string_pretty(&report).expect("JSON");
    std::fs::write(path, text + "\n").expect("the report");
}

/// Prints the same as tables, and which budgets are met.
pub fn print(rounds: &Rounds, scale: &Value) {
    let (ratios, spans, medians) = (rounds.ratios(), rounds.spans(), rounds.medians());
    println!(
        "\n{:28}{:>10}{:>12}{:>12}{:>9}{:>9}",
        "", "per s", "Envoy us", "server us", "stolen", "logged"
    );
    for (name, slice) in &medians {
        println!(
            "{name:28}{:>10.0}{:>12.1}{:>12.1}{:>8.1}%{:>8.0}%",
            slice.per_second,
            slice.envoy_us,
            slice.server_us,
            slice.stolen * 100.0,
            slice.logged * 100.0,
        );
    }
    println!();
    for (name, ratio) in &ratios {
        println!(
            "{name:34}{:>7.3}  {}",
            ratio.as_f64().unwrap_or_default(),
            spans[name]
        );
    }
    println!("\n{scale:#}\n");
    for (name, budget, more_is_good) in BUDGETS {
        if let Some(ratio) = ratios.get(name).and_then(Value::as_f64) {
            let met = if more_is_good {
                ratio >= budget
            } else {
                ratio <= budget
            };
            let verdict = if met { "met" } else { "missed" };
            println!("budget {name}: {ratio} against {budget}: {verdict}");
        }
    }
}
