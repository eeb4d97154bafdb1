//! The roles as processes of their own.

mod authz_server;
mod control_plane;
mod drop_in;
mod listen;
mod secret;
mod tls;

pub(crate) use authz_server::authz_server;
pub(crate) use control_plane::{control_plane, grpc_address};
pub(crate) use listen::show;
