//! The OpenID Connect client: discovery, authorization code flow with PKCE,
//! verification of the id token, caching of the provider's keys, and the refresh
//! of a session's tokens.
//!
//! What is true of every provider stands in [`provider`]; what is peculiar to
//! one of them in `providers/NAME.rs`. All traffic goes through one
//! [`HttpClient`], which follows no redirects, reads a bounded body and gives
//! up after a bounded time, so that a misbehaving provider costs a login and
//! nothing else.

mod discovery;
mod error;
mod http_client;
mod identity;
pub mod provider;
mod providers;
mod verify;

pub use error::IdpError;
pub use http_client::{HttpClient, HttpClientError, HttpOptions};
pub use identity::{Identity, Person};
pub use provider::{Provider, ProviderConfig, Refreshed, Timing, Userinfo};
pub use providers::ProviderKind;

#[cfg(test)]
mod tests;
