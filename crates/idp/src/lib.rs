//! The OpenID Connect client: discovery, authorization code flow with PKCE,
//! verification of the id token, caching of the provider's keys, the refresh of a
//! session's tokens, and what a sign-out asks of the provider or hears from it.
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
mod logout_token;
pub mod provider;
mod providers;
mod verify;

pub use error::IdpError;
pub use http_client::{HttpClient, HttpClientError, HttpOptions};
pub use identity::{Identity, Person};
pub use logout_token::LogoutToken;
pub use provider::{Provider, ProviderConfig, Refreshed, Timing, Userinfo};
pub use providers::ProviderKind;

#[cfg(test)]
mod tests;
