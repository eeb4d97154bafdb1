//! The counters of an authz-server. Every series is made once at start: a Check
//! adds to an atomic and takes no lock, and no label comes from a client.

use crate::check::answer::Verdict;
use core::sync::atomic::AtomicU64;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    outcome: &'static str,
}

/// Counters of one authz-server; clones share the numbers.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    checks: Family<CheckLabels, Counter>,
    by_verdict: [Counter; Verdict::ALL.len()],
    /// Log lines that the audit queue had no room for.
    audit_dropped: Counter,
    /// Session records asked of the store because memory did not have them.
    session_store_reads: Counter,
    /// Session records that could not be read.
    session_corrupt: Counter,
    /// Header values that were left out because they cannot be sent.
    headers_dropped: Counter<u64, AtomicU64>,
    /// Compiled policies that the bundle in force holds in memory.
    policy_programs: Gauge,
    duration: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let checks = Family::<CheckLabels, Counter>::default();
        let by_verdict = Verdict::ALL.map(|verdict| {
            checks
                .get_or_create(&CheckLabels {
                    outcome: verdict.name(),
                })
                .clone()
        });
        // From 1 µs to about 4 s, in steps of four.
        let buckets = core::iter::successors(Some(0.000_001_f64), |bound| Some(bound * 4.0)).take(12);
        Self {
            inner: Arc::new(Inner {
                checks,
                by_verdict,
                audit_dropped: Counter::default(),
                session_store_reads: Counter::default(),
                session_corrupt: Counter::default(),
                headers_dropped: Counter::default(),
                policy_programs: Gauge::default(),
                duration: Histogram::new(buckets),
            }),
        }
    }
}

impl Metrics {
    /// Adds the metrics to `registry`; the names begin with `portcullis_`.
    pub fn register(&self, registry: &mut Registry) {
        let Inner {
            checks,
            by_verdict: _,
            audit_dropped,
            session_store_reads,
            session_corrupt,
            headers_dropped,
            policy_programs,
            duration,
        } = &*self.inner;
        registry.register("portcullis_checks", "Checks by outcome", checks.clone());
        registry.register(
            "portcullis_audit_dropped",
            "Decisions whose log line was dropped because the audit queue was full",
            audit_dropped.clone(),
        );
        registry.register(
            "portcullis_session_store_reads",
            "Sessions read from the store because memory did not have them",
            session_store_reads.clone(),
        );
        registry.register(
            "portcullis_session_corrupt",
            "Session records that could not be read and count as absent",
            session_corrupt.clone(),
        );
        registry.register(
            "portcullis_headers_dropped",
            "Header values that were emptied because they cannot be sent",
            headers_dropped.clone(),
        );
        registry.register(
            "portcullis_policy_programs",
            "Compiled policies in memory; routes with equal policies share one",
            policy_programs.clone(),
        );
        registry.register(
            "portcullis_check_duration_seconds",
            "Time inside a Check, of those whose log line was not dropped",
            duration.clone(),
        );
    }

    pub(crate) fn checked(&self, verdict: Verdict) {
        if let Some(counter) = self.inner.by_verdict.get(verdict as usize) {
            counter.inc();
        }
    }

    /// Checks that ended with `verdict` so far.
    #[must_use]
    pub fn checks(&self, verdict: Verdict) -> u64 {
        self.inner
            .by_verdict
            .get(verdict as usize)
            .map_or(0, Counter::get)
    }

    pub(crate) fn audit_dropped(&self) {
        self.inner.audit_dropped.inc();
    }

    /// Decisions whose log line was dropped so far.
    #[must_use]
    pub fn audit_drops(&self) -> u64 {
        self.inner.audit_dropped.get()
    }

    pub(crate) fn session_store_read(&self) {
        self.inner.session_store_reads.inc();
    }

    pub(crate) fn session_corrupt(&self) {
        self.inner.session_corrupt.inc();
    }

    pub(crate) fn header_dropped(&self) {
        self.inner.headers_dropped.inc();
    }

    pub(crate) fn programs(&self, count: usize) {
        self.inner
            .policy_programs
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Compiled policies that the bundle in force holds in memory.
    #[must_use]
    pub fn policy_programs(&self) -> i64 {
        self.inner.policy_programs.get()
    }

    pub(crate) fn observe(&self, duration: core::time::Duration) {
        self.inner.duration.observe(duration.as_secs_f64());
    }
}
