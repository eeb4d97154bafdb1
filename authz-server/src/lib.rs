//! The authz-server: answers Envoy's ext_authz checks, and serves the login and
//! the other pages under `/.pomerium/`.
//!
//! A Check passes six stages, each a file of its own in `check/`, value in, value
//! out: intake, route, identify, decide, answer, audit. The pages are one
//! `tower::Service` in [`web`] that knows neither sockets nor peers. Both work on
//! the same [`AuthzServer`]: the current [`feed::Active`] bundle, the sessions,
//! the clock and the random source.

pub mod check;
mod client;
pub mod clock;
pub mod feed;
pub mod follow;
pub mod grpc;
mod in_band;
mod initiator;
pub mod logout_tokens;
mod metrics;
pub mod page;
pub mod refresh;
pub mod sessions;
pub mod sign_in;
pub mod web;

#[cfg(test)]
pub(crate) mod fixture;
mod serve;
mod state;

pub use follow::follow;
pub use serve::{ServeError, serve, serve_joined, serve_keys, transport};
pub use state::{AuthzServer, Options};
