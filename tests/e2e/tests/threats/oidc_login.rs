//! OIDC and the login: OI-01 to OI-26.

mod addresses;
mod answers;
mod clients;
mod outages;
mod tabs;
mod tokens;
