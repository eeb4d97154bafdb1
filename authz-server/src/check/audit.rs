//! Stage 6: one log line a decision, and never a wait for it.
//!
//! A Check puts what it knows into a bounded queue and goes on; a thread of its
//! own writes. When the queue is full the line is dropped and counted.

use super::Facts;
use super::answer::Verdict;
use crate::metrics::Metrics;
use core::time::Duration;
use envoy_types::ext_authz::v3::pb::{Address, CheckRequest};
use portcullis_model::DecisionId;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

#[cfg(test)]
mod tests;

/// Decisions that may wait to be written.
const QUEUE: usize = 8192;
/// How long the writer rests once the queue is empty; the longest that a line is
/// late. Filling the queue in this time would take a million decisions a second.
const REST: Duration = Duration::from_millis(5);
/// What of a host, a path or a request id is written.
const MAX_TEXT: usize = 1024;

/// One decision, as it is written.
pub struct Record {
    facts: Facts,
    decision: DecisionId,
    verdict: Verdict,
    took: Duration,
    method: String,
    host: String,
    path: String,
    ip: String,
    request_id: String,
}

impl Record {
    /// Takes what the log needs out of an answered request; it is not used again.
    pub(crate) fn new(
        check: &mut CheckRequest,
        facts: Facts,
        decision: DecisionId,
        verdict: Verdict,
        took: Duration,
    ) -> Self {
        let mut record = Self {
            facts,
            decision,
            verdict,
            took,
            method: String::new(),
            host: String::new(),
            path: String::new(),
            ip: String::new(),
            request_id: String::new(),
        };
        let Some(attributes) = check.attributes.as_mut() else {
            return record;
        };
        if let Some(Address::SocketAddress(socket)) = attributes
            .source
            .as_mut()
            .and_then(|peer| peer.address.as_mut())
            .and_then(|address| address.address.as_mut())
        {
            record.ip = bounded(core::mem::take(&mut socket.address));
        }
        if let Some(http) = attributes
            .request
            .as_mut()
            .and_then(|request| request.http.as_mut())
        {
            record.method = bounded(core::mem::take(&mut http.method));
            record.host = bounded(core::mem::take(&mut http.host));
            record.path = bounded(without_query(core::mem::take(&mut http.path)));
            let raw = http.header_map.as_mut().and_then(|map| {
                map.headers
                    .iter_mut()
                    .find(|line| line.key.eq_ignore_ascii_case("x-request-id"))
            });
            record.request_id = bounded(match raw {
                Some(line) if line.raw_value.is_empty() => core::mem::take(&mut line.value),
                Some(line) => String::from_utf8_lossy(&line.raw_value).into_owned(),
                None => http.headers.remove("x-request-id").unwrap_or_default(),
            });
        }
        record
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Writes the line. Nothing in it is a credential: of the session its hash, of
    /// the path no query.
    pub(crate) fn log(&self) {
        let Self {
            facts,
            decision,
            verdict,
            took,
            method,
            host,
            path,
            ip,
            request_id,
        } = self;
        let session = facts.session.as_deref();
        let evaluation = facts.evaluation.as_ref();
        let rule = evaluation.and_then(|evaluation| evaluation.decided_by);
        tracing::info!(
            decision_id = %decision,
            request_id,
            bundle_version = facts.active.as_ref().map(|active| active.bundle.version.as_str()),
            route_id = facts.route.as_ref().map(|route| tracing::field::display(route.id)),
            route_name = facts.route.as_ref().and_then(|route| route.name.as_deref()),
            method,
            host,
            path,
            ip,
            session = session.map(|stored| tracing::field::display(SessionHash(&stored.id_text))),
            user = session.map(|stored| stored.session.user_id.as_str()),
            email = session.map(|stored| stored.session.email.as_str()),
            allow = evaluation.map(|evaluation| evaluation.allow.value),
            allow_reasons = evaluation.map(|evaluation| tracing::field::display(evaluation.allow.reasons)),
            deny = evaluation.map(|evaluation| evaluation.deny.value),
            deny_reasons = evaluation.map(|evaluation| tracing::field::display(evaluation.deny.reasons)),
            rule = rule.map(tracing::field::display),
            outcome = verdict.name(),
            status = verdict.status(),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "authorize check"
        );
    }
}

/// A session as it stands in logs: enough to see that two lines are of one
/// session, of no use to anybody who wants to be it.
struct SessionHash<'a>(&'a str);

impl core::fmt::Display for SessionHash<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        digest
            .as_ref()
            .iter()
            .take(8)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn bounded(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let mut end = MAX_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

fn without_query(mut path: String) -> String {
    if let Some(end) = path.find(['?', '#']) {
        path.truncate(end);
    }
    path
}

/// The way to the writer.
pub struct Audit {
    queue: Mutex<Option<Writer>>,
    sender: arc_swap::ArcSwapOption<SyncSender<Record>>,
    metrics: Metrics,
}

struct Writer(JoinHandle<()>);

impl Audit {
    /// An audit that writes `tracing` lines.
    pub(crate) fn logging(metrics: &Metrics) -> Self {
        let measured = metrics.clone();
        Self::with_writer(metrics, QUEUE, move |record: &Record| {
            measured.observe(record.took);
            record.log();
        })
    }

    /// An audit that hands each record to `write`, on a thread of its own.
    pub(crate) fn with_writer(
        metrics: &Metrics,
        room: usize,
        write: impl Fn(&Record) + Send + 'static,
    ) -> Self {
        let (sender, receiver): (SyncSender<Record>, Receiver<Record>) = sync_channel(room);
        let writer = std::thread::Builder::new()
            .name("portcullis-audit".to_owned())
            .spawn(move || {
                // Woken for each record, the writer would cost a Check more than the
                // policy does; after a rest it finds many.
                while let Ok(first) = receiver.recv() {
                    write(&first);
                    receiver.try_iter().for_each(|record| write(&record));
                    std::thread::sleep(REST);
                }
            });
        // Without a thread every line counts as dropped.
        let writer = writer.ok().map(Writer);
        let sender = writer.is_some().then(|| std::sync::Arc::new(sender));
        Self {
            queue: Mutex::new(writer),
            sender: sender.into(),
            metrics: metrics.clone(),
        }
    }

    /// Puts a record into the queue, or counts it as dropped; never waits.
    pub(crate) fn record(&self, record: Record) {
        let sent = self
            .sender
            .load()
            .as_ref()
            .is_some_and(|sender| sender.try_send(record).is_ok());
        if !sent {
            self.metrics.audit_dropped();
        }
    }

    /// Takes no more records and waits until those in the queue are written.
    /// Blocks; for the end of the process.
    pub(crate) fn close(&self) {
        self.sender.store(None);
        let writer = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writer(thread)) = writer {
            // A writer that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}
