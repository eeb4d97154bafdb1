use super::{RATIOS, Rounds, Slice};
use std::collections::BTreeSet;

fn slice(per_second: f64, server_us: f64) -> Slice {
    Slice {
        per_second,
        server_us,
        ..Slice::default()
    }
}

#[test]
fn ours_is_divided_by_the_other() {
    let mut rounds = Rounds::default();
    for _ in 0..3 {
        rounds.add("grpc_portcullis_unix", slice(34_000.0, 24.0));
        rounds.add("grpc_noop_unix", slice(40_000.0, 20.0));
        rounds.add("envoy_portcullis_unix", slice(5_700.0, 40.0));
        rounds.add("envoy_noop_unix", slice(6_000.0, 32.0));
    }
    let ratios = rounds.ratios();
    assert_eq!(ratios["grpc_rps_vs_noop"], 0.85);
    assert_eq!(ratios["grpc_cpu_vs_noop"], 1.2);
    assert_eq!(ratios["envoy_rps_vs_noop"], 0.95);
    assert_eq!(ratios["server_cpu_vs_noop"], 1.25);
    // What was not measured has no ratio, rather than a wrong one.
    assert!(!ratios.contains_key("grpc_rps_vs_noop_tcp"));
    assert!(!ratios.contains_key("envoy_cpu_vs_noop"));
    assert_eq!(rounds.medians()["envoy_noop_unix"].server_us, 32.0);
    assert_eq!(rounds.spans()["grpc_cpu_vs_noop"], serde_json::json!([1.2, 1.2]));
}

#[test]
fn every_ratio_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = RATIOS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), RATIOS.len());
}
