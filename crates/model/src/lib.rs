//! Newtypes that several crates share: route ids, hosts, claims, network sets. Pure.
//!
//! Each parses once and is correct from then on. A type stands here only if two crates that do not
//! depend on each other need it.

mod cidr;
mod claims;
mod cookie_names;
mod header_name;
mod host;
mod host_pattern;
mod ids;
mod key_name;
mod pages;
mod path_parameters;
mod route_id;
mod secrets;
mod sign_out;

pub use cidr::CidrSet;
pub use claims::{Claims, ClaimsError};
pub use cookie_names::cookie_names;
pub use header_name::{HeaderName, HeaderNameError};
pub use host::{Host, HostError};
pub use host_pattern::{HostPattern, WildcardHost};
pub use ids::{DecisionId, SessionId};
pub use ipnet::IpNet;
pub use key_name::{KeyName, KeyNameError};
pub use pages::{Branding, Color, Image, Pages, Paragraph};
pub use path_parameters::PathParameters;
pub use route_id::{RouteId, RouteIdError};
pub use secrets::{Secrets, SecretsError};
pub use sign_out::{SignOut, WebUrl};
