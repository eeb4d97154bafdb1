//! Where decisions are written.

use super::line::{LineFormat, Stamp, line};
use super::record::{Record, TARGET};
use std::io::Write;
use tracing::Level;

/// Bytes after which lines are written even while more decisions wait.
const FULL: usize = 32 * 1024;

/// Takes decisions on a thread of its own, one after the other.
pub trait DecisionSink: Send + 'static {
    /// Takes one decision; it may keep the line until [`flush`](Self::flush).
    fn record(&mut self, record: &Record);

    /// Writes what is kept. Called whenever no decision waits.
    fn flush(&mut self) {}
}

/// Every decision is a `tracing` event of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Events;

impl DecisionSink for Events {
    fn record(&mut self, record: &Record) {
        record.emit();
    }
}

/// Lines as `tracing`'s subscriber writes them, of which many go in one write: an
/// event and a write for each would cost more than the decision.
///
/// Whether a decision is written at all is still for the subscriber's filter to
/// say. `writer` must be one that whoever else writes there shares lock by lock,
/// as [`std::io::Stderr`] is: each of its writes holds whole lines.
#[derive(Debug)]
pub struct Lines<W> {
    format: LineFormat,
    writer: W,
    kept: Vec<u8>,
    stamp: Stamp,
}

impl<W: Write + Send + 'static> Lines<W> {
    /// A sink that writes to `writer`.
    pub fn new(format: LineFormat, writer: W) -> Self {
        Self {
            format,
            writer,
            kept: Vec::with_capacity(FULL + 4096),
            stamp: Stamp::default(),
        }
    }
}

impl<W: Write + Send + 'static> DecisionSink for Lines<W> {
    fn record(&mut self, record: &Record) {
        if !tracing::enabled!(target: TARGET, Level::INFO) {
            return;
        }
        line(&mut self.kept, self.format, &mut self.stamp, record);
        if self.kept.len() >= FULL {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.kept.is_empty() {
            // A log that cannot be written has nowhere to say so.
            let _lost = self.writer.write_all(&self.kept);
            self.kept.clear();
        }
    }
}
