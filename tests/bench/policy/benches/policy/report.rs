//! The results as tables and as one file.

use crate::rounds::Rounds;
use portcullis_bench_instruments::{paired, rounded};
use serde_json::{Map, Value, json};
use std::path::Path;

/// What is compared with what; the name of the ratio in front. `regorus` and
/// `cedar` do the whole work, from the borrowed request on, cedar-policy with
/// entities that are there already.
const RATIOS: [(&str, &str, &str); 14] = [
    ("regorus_over_ours", "small_regorus", "small"),
    ("cedar_over_ours", "small_cedar", "small"),
    ("list_100k_over_10", "list_100k", "list_10"),
    ("list_100k_regorus_over_ours", "list_100k_regorus", "list_100k"),
    ("list_100k_cedar_over_ours", "list_100k_cedar", "list_100k"),
    ("random_100k_over_10", "random_100k", "random_10"),
    (
        "random_100k_regorus_over_ours",
        "random_100k_regorus",
        "random_100k",
    ),
    ("random_100k_cedar_over_ours", "random_100k_cedar", "random_100k"),
    (
        "regorus_ready_input_over_ours",
        "small_regorus_ready_input",
        "small",
    ),
    (
        "cedar_ready_request_over_ours",
        "small_cedar_ready_request",
        "small",
    ),
    (
        "cedar_fresh_entities_over_ours",
        "small_cedar_fresh_entities",
        "small",
    ),
    ("rules_1000_over_small", "rules_1000", "small"),
    ("routes_10k_shared_over_3", "routes_10k_shared", "routes_3"),
    ("routes_10k_own_over_3", "routes_10k_own", "routes_3"),
];

/// What is subtracted from what, in nanoseconds.
const DIFFERENCES: [(&str, &str, &str); 2] = [
    ("random_100k_minus_10_ns", "random_100k", "random_10"),
    ("random_100k_minus_fixed_10_ns", "random_100k", "list_10"),
];

/// What one operation costs.
#[derive(Default)]
pub struct Cost {
    pub nanoseconds: f64,
    pub instructions: Option<f64>,
    pub allocations: f64,
}

/// Everything, in the order in which it was measured.
#[derive(Default)]
pub struct Report {
    costs: Vec<(&'static str, Cost)>,
    ratios: Map<String, Value>,
    spans: Map<String, Value>,
    differences: Map<String, Value>,
}

impl Report {
    /// Where the costs of a case go.
    pub fn of(&mut self, name: &'static str) -> &mut Cost {
        self.costs.push((name, Cost::default()));
        &mut self.costs.last_mut().expect("the one just added").1
    }

    /// Takes the medians over the rounds of what is compared.
    pub fn compare(&mut self, rounds: &Rounds) {
        let of = |name| rounds.get(name).map(Vec::as_slice).unwrap_or_default();
        for (name, above, below) in RATIOS {
            let mut ratios = paired::ratios(of(above), of(below));
            let Some(median) = paired::median(&ratios) else {
                continue;
            };
            self.ratios.insert(name.to_owned(), rounded(median));
            ratios.sort_by(f64::total_cmp);
            // Without the tenth on either side, which is the machine's.
            let aside = ratios.len() / 10;
            let span = [ratios[aside], ratios[ratios.len() - 1 - aside]].map(rounded);
            self.spans.insert(name.to_owned(), json!(span));
        }
        for (name, above, below) in DIFFERENCES {
            if let Some(median) = paired::difference(of(above), of(below)) {
                self.differences.insert(name.to_owned(), rounded(median));
            }
        }
    }

    /// Prints the tables and writes the file.
    pub fn write(&self, path: &Path) {
        self.print();
        let each = |cost: fn(&Cost) -> Option<f64>| -> Map<String, Value> {
            let named = self.costs.iter();
            named
                .filter_map(|(name, of)| Some(((*name).to_owned(), rounded(cost(of)?))))
                .collect()
        };
        let report = json!({
            "ratios": self.ratios,
            "ratios_without_tenths": self.spans,
            "differences": self.differences,
            "nanoseconds": each(|cost| Some(cost.nanoseconds)),
            "instructions": each(|cost| cost.instructions),
            "allocations": each(|cost| Some(cost.allocations)),
        });
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        std::fs::write(path, text + "\n").expect("the report");
    }

    fn print(&self) {
        println!(
            "\n{:<28}{:>12}{:>15}{:>13}",
            "a decision", "ns", "instructions", "allocations"
        );
        for (name, cost) in &self.costs {
            let instructions = cost
                .instructions
                .map_or_else(|| "-".to_owned(), |count| format!("{count:.0}"));
            println!(
                "{name:<28}{:>12.1}{instructions:>15}{:>13.1}",
                cost.nanoseconds, cost.allocations
            );
        }
        println!("\n{:<32}{:>10}   of 8 rounds in 10", "ratio", "median");
        for (name, ratio) in &self.ratios {
            let span = &self.spans[name];
            println!("{name:<32}{:>10}   {} - {}", ratio.to_string(), span[0], span[1]);
        }
        println!("\n{:<32}{:>10}", "difference", "ns");
        for (name, difference) in &self.differences {
            println!("{name:<32}{:>10}", difference.to_string());
        }
    }
}
