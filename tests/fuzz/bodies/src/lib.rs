//! What the fuzz targets run on one input. Each function takes any bytes and
//! panics only if something is wrong with the product. The corpora that are
//! checked in run as ordinary tests, and so do a few thousand inputs that
//! [`Mutations`] makes of them.

mod certificate;
mod check_request;
mod config_text;
mod discovery_request;
mod mcp_body;
mod mutations;
mod policy_decision;
mod policy_text;
mod ssh_key;

pub use certificate::certificate;
pub use check_request::check_request;
pub use config_text::config_text;
pub use discovery_request::discovery_request;
pub use mcp_body::mcp_body;
pub use mutations::Mutations;
pub use policy_decision::policy_decision;
pub use policy_text::policy_text;
pub use ssh_key::ssh_key;
