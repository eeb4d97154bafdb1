//! The account of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::oracle::{Judged, Verdict};
use crate::world::Kind;

/// Disagreements that are told in full; those beyond are counted.
const TOLD: usize = 50;

/// How requests of one sort went.
#[derive(Debug, Default)]
pub(crate) struct Sort {
    pub(crate) asked: usize,
    pub(crate) agreed: usize,
    /// By whom and why, and how often.
    pub(crate) refused: BTreeMap<String, usize>,
}

/// How the requests to the worlds of one kind went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) worlds: usize,
    pub(crate) well_formed: Sort,
    pub(crate) hostile: Sort,
}

/// How a run went.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) kinds: BTreeMap<Kind, Tally>,
    pub(crate) disagreements: Vec<(u64, String)>,
    pub(crate) disagreed: usize,
}

impl Sort {
    pub(crate) fn refused(&self) -> usize {
        self.refused.values().sum()
    }

    /// Refused of a hundred.
    pub(crate) fn share(&self) -> f64 {
        100.0 * self.refused() as f64 / self.asked.max(1) as f64
    }

    fn json(&self) -> Value {
        json!({
            "asked": self.asked,
            "agreed": self.agreed,
            "refused": self.refused(),
            "refused_percent": (self.share() * 10.0).round() / 10.0,
            "reasons": self.refused,
        })
    }
}

impl Report {
    pub(crate) fn add(&mut self, kind: Kind, seed: u64, judged: Vec<Judged>) {
        let tally = self.kinds.entry(kind).or_default();
        for Judged { hostile, verdict } in judged {
            let sort = if hostile {
                &mut tally.hostile
            } else {
                &mut tally.well_formed
            };
            sort.asked += 1;
            match verdict {
                Verdict::Agreed => sort.agreed += 1,
                Verdict::Refused(why) => *sort.refused.entry(why).or_default() += 1,
                Verdict::Disagreed(what) => {
                    self.disagreed += 1;
                    if self.disagreements.len() < TOLD {
                        self.disagreements.push((seed, what));
                    }
                }
            }
        }
    }

    pub(crate) fn json(&self, seed: u64, worlds: u64, took: Duration) -> Value {
        let kind = |(kind, tally): (&Kind, &Tally)| {
            let value = json!({
                "worlds": tally.worlds,
                "well_formed": tally.well_formed.json(),
                "hostile": tally.hostile.json(),
            });
            (kind.name().to_owned(), value)
        };
        let told = self
            .disagreements
            .iter()
            .map(|(seed, what)| json!({"seed": seed, "what": what}));
        json!({
            "seed": seed,
            "worlds": worlds,
            "seconds": took.as_secs(),
            "requests": self.requests(),
            "kinds": self.kinds.iter().map(kind).collect::<serde_json::Map<_, _>>(),
            "disagreed": self.disagreed,
            "disagreements": told.collect::<Vec<_>>(),
        })
    }

    pub(crate) fn requests(&self) -> usize {
        self.kinds
            .values()
            .map(|tally| tally.well_formed.asked + tally.hostile.asked)
            .sum()
    }

    /// A table in Markdown, and the commonest reasons below it.
    pub(crate) fn table(&self) -> String {
        let mut out =
            "| Envoy | input | asked | agreed | refused | share refused |\n|---|---|--:|--:|--:|--:|\n"
                .to_owned();
        for (kind, tally) in &self.kinds {
            for (name, sort) in [("well-formed", &tally.well_formed), ("hostile", &tally.hostile)] {
                let _ = writeln!(
                    out,
                    "| {} | {name} | {} | {} | {} | {:.1} % |",
                    kind.name(),
                    sort.asked,
                    sort.agreed,
                    sort.refused(),
                    sort.share()
                );
            }
        }
        for (kind, tally) in &self.kinds {
            for (name, sort) in [("well-formed", &tally.well_formed), ("hostile", &tally.hostile)] {
                let mut reasons: Vec<_> = sort.refused.iter().collect();
                reasons.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
                let reasons: Vec<String> = reasons
                    .iter()
                    .map(|(why, times)| format!("{times} {why}"))
                    .collect();
                let _ = write!(out, "\n{}, {name}: {}\n", kind.name(), reasons.join("; "));
            }
        }
        let _ = writeln!(
            out,
            "\n{} requests, {} disagreements",
            self.requests(),
            self.disagreed
        );
        for (seed, what) in &self.disagreements {
            let _ = writeln!(out, "\nseed {seed}: {what}");
        }
        out
    }
}
