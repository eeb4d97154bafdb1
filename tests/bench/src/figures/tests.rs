use super::{RATIOS, Rounds, Slice, median, order, paired};
use std::collections::BTreeSet;

fn slice(per_second: f64, server_us: f64) -> Slice {
    Slice {
        per_second,
        server_us,
        ..Slice::default()
    }
}

#[test]
fn a_median_is_the_middle_whatever_the_order() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0]), Some(3.0));
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
}

/// A machine that grows slower in the middle of the run changes no ratio: the
/// medians of each side alone would say 1.8 here.
#[test]
fn ratios_are_taken_within_a_round() {
    let below = [100.0, 100.0, 50.0, 10.0, 10.0];
    let above = [90.0, 90.0, 45.0, 9.0, 9.0];
    let ratio = paired(&above, &below).unwrap();
    assert!((ratio - 0.9).abs() < 1e-9, "{ratio}");
}

#[test]
fn one_bad_round_does_not_count() {
    let ratio = paired(&[80.0, 80.0, 800.0], &[100.0, 100.0, 100.0]).unwrap();
    assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
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
#[should_panic(expected = "a round without its pair")]
fn a_lost_round_is_noticed() {
    let _ = paired(&[1.0, 2.0], &[1.0]);
}

#[test]
fn every_ratio_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = RATIOS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), RATIOS.len());
}

#[test]
fn each_round_has_every_variant_once_and_each_variant_leads() {
    let mut leaders = BTreeSet::new();
    for round in 0..10 {
        let order = order(round, 5);
        leaders.insert(order[0]);
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 5);
    }
    assert_eq!(leaders.len(), 5);
    assert_ne!(order(0, 5)[1], order(1, 5)[1]);
}
