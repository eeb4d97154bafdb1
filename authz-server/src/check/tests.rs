//! The six stages together, as Envoy sees them.

mod attacks;
mod failures;
mod hosts;
mod identity;
mod login;
mod policies;
mod properties;
mod rotation;
mod routes;
mod tokens;
mod upstream;
