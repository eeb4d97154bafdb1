//! Sealed cookies, login transactions, lifetimes, the assertion JWT and the key ring. Pure.
//!
//! Nothing here reads a clock or draws a random number: both are arguments.
//! Everything that leaves the process sealed goes through [`KeyRing`]: one
//! subkey a purpose, AES-256-GCM-SIV, and as associated data the names that it
//! must not be moved between.

pub mod assertion;
pub mod browser;
pub mod cookies;
mod fingerprint;
pub mod handle;
pub mod hpke;
mod keyring;
pub mod lifetime;
mod log_name;
mod pem;
pub mod record;
pub mod refresh;
pub mod signed_url;
mod signing_keys;
pub mod token;
pub mod transaction;

pub use fingerprint::fingerprint;
pub use keyring::{KeyRing, OpenError, Purpose, SealError};
pub use log_name::log_name;
