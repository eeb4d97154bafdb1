//! Processes, clients and recorders that the end-to-end tests are made of.
//!
//! Everything here speaks to the product from outside: through its command
//! line, its files and its sockets. In particular nothing here can make a
//! session; the only way to one is [`Client::login`], which fills in the form
//! of a real identity provider with a password.
//!
//! What tests call panics with a message that says what was missing; what the
//! demo runner calls as well ([`process`], [`certificates`], [`repository`])
//! returns errors.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test harness reports what is wrong by panicking"
)]

pub mod assertion;
pub mod browser;
pub mod certificates;
pub mod client;
pub mod echo;
pub mod envoy;
pub mod frames;
pub mod gateway;
pub mod html;
pub mod http2;
mod jar;
pub mod launched;
pub mod ports;
pub mod process;
pub mod provider;
pub mod repository;
pub mod roles;
pub mod scripted;
pub mod shapes;
pub mod site;
pub mod upstream;
pub mod wait;
pub mod wire;

pub use browser::Browser;
pub use client::{Client, Response};
pub use echo::Echo;
pub use envoy::EnvoyProcess;
pub use gateway::Gateway;
pub use provider::IdentityProvider;
pub use roles::Roles;
pub use scripted::ScriptedProvider;
pub use site::{SharedSite, Site};
pub use upstream::Upstream;
