//! Where configurations come from.

pub mod files;

mod fingerprint;
mod generated;
mod read;
mod watch;

pub use files::{FileSource, Loaded, SourceError};
pub(crate) use watch::Watcher;
