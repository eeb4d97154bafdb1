//! The figures of whole processes, in paired rounds.

pub use portcullis_bench_instruments::paired::{median, order};
pub use portcullis_bench_instruments::rounded;

use portcullis_bench_instruments::paired;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One variant in one round.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Slice {
    /// Answers per second.
    pub per_second: f64,
    /// Processor time of Envoy for an answer, in microseconds; zero where Envoy
    /// takes no part.
    pub envoy_us: f64,
    /// The same of the authorization server.
    pub server_us: f64,
    /// The part of the machine's time that the hypervisor gave to others.
    pub stolen: f64,
    /// Lines of the decision log for an answer.
    pub logged: f64,
}

/// What a ratio is of.
#[derive(Clone, Copy, Debug)]
enum Figure {
    PerSecond,
    EnvoyCpu,
    ServerCpu,
}

impl Figure {
    fn of(self, slice: &Slice) -> f64 {
        match self {
            Self::PerSecond => slice.per_second,
            Self::EnvoyCpu => slice.envoy_us,
            Self::ServerCpu => slice.server_us,
        }
    }
}

/// Every ratio of the report: its name, what it is of, the variant above and the
/// variant below. A name says nothing of the transport where that is the Unix
/// socket.
const RATIOS: [(&str, Figure, &str, &str); 18] = [
    (
        "envoy_rps_vs_noop",
        Figure::PerSecond,
        "envoy_portcullis_unix",
        "envoy_noop_unix",
    ),
    (
        "envoy_rps_vs_noop_tcp",
        Figure::PerSecond,
        "envoy_portcullis_tcp",
        "envoy_noop_tcp",
    ),
    (
        "envoy_rps_vs_no_authz",
        Figure::PerSecond,
        "envoy_portcullis_unix",
        "envoy_no_authz",
    ),
    (
        "envoy_rps_vs_no_authz_tcp",
        Figure::PerSecond,
        "envoy_portcullis_tcp",
        "envoy_no_authz",
    ),
    (
        "envoy_noop_rps_vs_no_authz",
        Figure::PerSecond,
        "envoy_noop_unix",
        "envoy_no_authz",
    ),
    (
        "envoy_noop_rps_vs_no_authz_tcp",
        Figure::PerSecond,
        "envoy_noop_tcp",
        "envoy_no_authz",
    ),
    (
        "envoy_cpu_vs_noop",
        Figure::EnvoyCpu,
        "envoy_portcullis_unix",
        "envoy_noop_unix",
    ),
    (
        "envoy_cpu_vs_noop_tcp",
        Figure::EnvoyCpu,
        "envoy_portcullis_tcp",
        "envoy_noop_tcp",
    ),
    (
        "envoy_cpu_vs_no_authz",
        Figure::EnvoyCpu,
        "envoy_portcullis_unix",
        "envoy_no_authz",
    ),
    (
        "server_cpu_vs_noop",
        Figure::ServerCpu,
        "envoy_portcullis_unix",
        "envoy_noop_unix",
    ),
    (
        "server_cpu_vs_noop_tcp",
        Figure::ServerCpu,
        "envoy_portcullis_tcp",
        "envoy_noop_tcp",
    ),
    (
        "grpc_rps_vs_noop",
        Figure::PerSecond,
        "grpc_portcullis_unix",
        "grpc_noop_unix",
    ),
    (
        "grpc_rps_vs_noop_tcp",
        Figure::PerSecond,
        "grpc_portcullis_tcp",
        "grpc_noop_tcp",
    ),
    (
        "grpc_cpu_vs_noop",
        Figure::ServerCpu,
        "grpc_portcullis_unix",
        "grpc_noop_unix",
    ),
    (
        "grpc_cpu_vs_noop_tcp",
        Figure::ServerCpu,
        "grpc_portcullis_tcp",
        "grpc_noop_tcp",
    ),
    (
        "envoy_tcp_vs_unix",
        Figure::PerSecond,
        "envoy_portcullis_tcp",
        "envoy_portcullis_unix",
    ),
    (
        "grpc_tcp_vs_unix",
        Figure::PerSecond,
        "grpc_portcullis_tcp",
        "grpc_portcullis_unix",
    ),
    (
        "grpc_noop_tcp_vs_unix",
        Figure::PerSecond,
        "grpc_noop_tcp",
        "grpc_noop_unix",
    ),
];

/// All rounds, by variant.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Rounds(BTreeMap<&'static str, Vec<Slice>>);

impl Rounds {
    /// Adds the figures of one round.
    pub fn add(&mut self, variant: &'static str, slice: Slice) {
        self.0.entry(variant).or_default().push(slice);
    }

    /// Each ratio as the median over the rounds; flat, name to number.
    #[must_use]
    pub fn ratios(&self) -> Map<String, Value> {
        let mut ratios = Map::new();
        for (name, figure, above, below) in RATIOS {
            let figures = |variant| self.figures(variant, figure);
            if let Some(ratio) = paired::ratio(&figures(above), &figures(below)) {
                ratios.insert(name.to_owned(), rounded(ratio));
            }
        }
        ratios
    }

    /// Each ratio's smallest and largest round.
    #[must_use]
    pub fn spans(&self) -> Map<String, Value> {
        let mut spans = Map::new();
        for (name, figure, above, below) in RATIOS {
            let figures = |variant| self.figures(variant, figure);
            let mut ratios = paired::ratios(&figures(above), &figures(below));
            ratios.sort_by(f64::total_cmp);
            if let (Some(first), Some(last)) = (ratios.first(), ratios.last()) {
                spans.insert(name.to_owned(), json!([rounded(*first), rounded(*last)]));
            }
        }
        spans
    }

    /// Each variant's medians over the rounds.
    #[must_use]
    pub fn medians(&self) -> BTreeMap<&'static str, Slice> {
        let median_of = |slices: &[Slice], figure: fn(&Slice) -> f64| {
            let figures: Vec<f64> = slices.iter().map(figure).collect();
            median(&figures).unwrap_or_default()
        };
        let of = |slices: &Vec<Slice>| Slice {
            per_second: median_of(slices, |slice| slice.per_second),
            envoy_us: median_of(slices, |slice| slice.envoy_us),
            server_us: median_of(slices, |slice| slice.server_us),
            stolen: median_of(slices, |slice| slice.stolen),
            logged: median_of(slices, |slice| slice.logged),
        };
        self.0.iter().map(|(name, slices)| (*name, of(slices))).collect()
    }

    fn figures(&self, variant: &str, figure: Figure) -> Vec<f64> {
        self.0
            .get(variant)
            .map(|slices| slices.iter().map(|slice| figure.of(slice)).collect())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
