//! Where configurations come from.

pub mod files;

mod fingerprint;
mod generated;
pub(crate) mod read;
mod watch;

pub use files::{FileSource, Loaded, SourceError};
pub(crate) use watch::Watcher;
