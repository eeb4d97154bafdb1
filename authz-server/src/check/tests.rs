//! The six stages together, as Envoy sees them.

mod attacks;
mod contract;
mod evidence;
mod failures;
mod headers;
mod hosts;
mod identity;
mod login;
mod own_answers;
mod policies;
mod ports;
mod properties;
mod rotation;
mod routes;
mod tokens;
mod upstream;
