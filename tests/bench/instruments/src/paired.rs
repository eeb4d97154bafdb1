//! The arithmetic of paired rounds.
//!
//! A round measures every variant once. Figures of one round are made within
//! moments of each other, so that a machine which is slow for a while is slow for
//! all of them: what is compared are the ratios within each round, and of these
//! the median counts.

/// The middle one, or the mean of the middle two; `None` of nothing.
#[must_use]
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The median of the ratios within each round.
#[must_use]
pub fn ratio(above: &[f64], below: &[f64]) -> Option<f64> {
    median(&ratios(above, below))
}

/// The ratio of each round.
///
/// # Panics
/// If a variant was not measured in every round.
#[must_use]
pub fn ratios(above: &[f64], below: &[f64]) -> Vec<f64> {
    pairs(above, below)
        .filter(|(_, below)| *below > 0.0)
        .map(|(above, below)| above / below)
        .collect()
}

/// The median of the differences within each round.
///
/// # Panics
/// If a variant was not measured in every round.
#[must_use]
pub fn difference(above: &[f64], below: &[f64]) -> Option<f64> {
    let differences: Vec<f64> = pairs(above, below).map(|(above, below)| above - below).collect();
    median(&differences)
}

fn pairs(above: &[f64], below: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    assert!(
        above.is_empty() || below.is_empty() || above.len() == below.len(),
        "a round without its pair"
    );
    above.iter().copied().zip(below.iter().copied())
}

/// The order of one round: no variant keeps its place, and none always follows
/// the same one, because every other round goes backwards.
#[must_use]
pub fn order(round: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).map(|place| (place + round) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::{difference, median, order, ratio};
    use std::collections::BTreeSet;

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
        let ratio = ratio(&above, &below).unwrap();
        assert!((ratio - 0.9).abs() < 1e-9, "{ratio}");
        assert_eq!(difference(&above, &below), Some(-5.0));
    }

    #[test]
    fn one_bad_round_does_not_count() {
        let ratio = ratio(&[80.0, 80.0, 800.0], &[100.0, 100.0, 100.0]).unwrap();
        assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
    }

    #[test]
    #[should_panic(expected = "a round without its pair")]
    fn a_lost_round_is_noticed() {
        let _ = ratio(&[1.0, 2.0], &[1.0]);
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
}
