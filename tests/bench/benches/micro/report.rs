//! The results as one file.

use portcullis_bench_instruments::rounded;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What is compared with what; the name of the ratio in front.
const RATIOS: [(&str, &str, &str); 11] = [
    ("policy_admin_over_reference", "policy_admin", "reference_sha256"),
    ("list_100k_over_10", "policy_list_100k", "policy_list_10"),
    ("rules_1000_over_admin", "policy_1000_rules", "policy_admin"),
    ("check_over_reference", "check_10k_routes", "reference_sha256"),
    (
        "check_over_reference_check",
        "check_10k_routes",
        "reference_check",
    ),
    ("check_1k_routes_over_10", "check_1k_routes", "check_10_routes"),
    ("check_10k_routes_over_10", "check_10k_routes", "check_10_routes"),
    ("cold_10k_over_1k", "cold_10k", "cold_1k"),
    ("edit_policy_over_cold_10k", "edit_policy_of_10k", "cold_10k"),
    ("edit_route_over_cold_10k", "edit_route_of_10k", "cold_10k"),
    ("xds_change_10k_over_1k", "xds_change_of_10k", "xds_change_of_1k"),
];

/// Every number by the name of its case.
#[derive(Default)]
pub struct Report {
    nanoseconds: Map<String, Value>,
    instructions: Map<String, Value>,
    allocations: Map<String, Value>,
}

impl Report {
    /// The median time of one operation.
    pub fn nanoseconds(&mut self, name: &str, value: f64) {
        self.nanoseconds.insert(name.to_owned(), rounded(value));
    }

    /// The instructions of one operation.
    pub fn instructions(&mut self, name: &str, value: f64) {
        self.instructions.insert(name.to_owned(), rounded(value));
    }

    /// The allocations of one operation.
    pub fn allocations(&mut self, name: &str, value: f64) {
        self.allocations.insert(name.to_owned(), rounded(value));
    }

    /// Writes the file. `ratios` are of times; those of instructions, which are
    /// repeatable, are beside them with `instructions_` in front.
    pub fn write(self, path: &Path) {
        let Self {
            nanoseconds,
            instructions,
            allocations,
        } = self;
        let mut ratios = Map::new();
        for (prefix, values) in [("", &nanoseconds), ("instructions_", &instructions)] {
            for (ratio, above, below) in RATIOS {
                let value = |name| values.get(name).and_then(Value::as_f64);
                if let (Some(above), Some(below)) = (value(above), value(below)) {
                    ratios.insert(format!("{prefix}{ratio}"), rounded(above / below));
                }
            }
        }
        let report = json!({
            "ratios": ratios,
            "nanoseconds": nanoseconds,
            "instructions": instructions,
            "allocations": allocations,
        });
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        std::fs::write(path, text + "\n").expect("the report");
        println!("{report:#}");
    }
}
