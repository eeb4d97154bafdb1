//! The admin socket: how commands such as `portcullis sessions` act on a running
//! instance. A second process never opens the store: it asks the one that has it.
//!
//! Every instance serves HTTP on `admin.sock` in its private run directory. Only
//! the user of the process and root get an answer: the socket is theirs by its
//! mode, and the kernel says for each connection, and to both ends, who is at the other.
//! [`server`] and [`client`] are the two ends, [`protocol`] is what passes between
//! them, [`find`] says how a command comes to an instance's socket; [`sessions`] and
//! [`keys`] do what is asked.

pub mod client;
mod fault;
pub mod find;
pub mod keys;
pub mod peer;
pub mod printable;
pub mod protocol;
pub mod server;
pub mod sessions;

#[cfg(test)]
mod fixture;

pub use fault::Fault;
