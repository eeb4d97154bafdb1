//! Stage 6: one log line a decision, and never a wait for it.
//!
//! A Check puts what it knows into a bounded queue and goes on; a thread of its
//! own hands it to a [`DecisionSink`]. When the queue is full the line is dropped
//! and counted.

mod line;
mod record;
mod sink;

#[cfg(test)]
mod tests;

use crate::metrics::Metrics;
use core::time::Duration;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

pub use line::LineFormat;
pub use record::Record;
pub use sink::{DecisionSink, Events, Lines};

/// Decisions that may wait to be written.
const QUEUE: usize = 8192;
/// How long the writer rests once the queue is empty; the longest that a line is
/// late. Filling the queue in this time would take a million decisions a second.
const REST: Duration = Duration::from_millis(5);

/// The way to the writer.
pub struct Audit {
    queue: Mutex<Option<Writer>>,
    sender: arc_swap::ArcSwapOption<SyncSender<Record>>,
    metrics: Metrics,
}

struct Writer(JoinHandle<()>);

impl Audit {
    /// An audit that measures each record and hands it to `sink`.
    pub(crate) fn logging(metrics: &Metrics, sink: Box<dyn DecisionSink>) -> Self {
        Self::with_room(metrics, QUEUE, sink)
    }

    /// The same with `room` records in the queue.
    pub(crate) fn with_room(metrics: &Metrics, room: usize, mut sink: Box<dyn DecisionSink>) -> Self {
        let measured = metrics.clone();
        let (sender, receiver): (SyncSender<Record>, Receiver<Record>) = sync_channel(room);
        let writer = std::thread::Builder::new()
            .name("portcullis-audit".to_owned())
            .spawn(move || {
                // Woken for each record, the writer would cost a Check more than the
                // policy does; after a rest it finds many.
                while let Ok(first) = receiver.recv() {
                    for record in core::iter::once(first).chain(receiver.try_iter()) {
                        measured.observe(record.took());
                        sink.record(&record);
                    }
                    sink.flush();
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
