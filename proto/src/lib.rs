//! Portcullis' own gRPC, between a control plane and its authz-servers.
//!
//! - [`feed`]: bundles, of which only the changes travel;
//! - [`store`]: the record store, as the control plane serves it;
//! - [`credential`]: who may call, by a key that derives from the shared secret;
//! - [`channel`] and [`listener`]: the two ends of a connection.
//!
//! Both services carry secrets: outside one machine they go over TLS.

pub mod channel;
pub mod credential;
pub mod feed;
pub mod listener;
pub mod store;

mod pem;
mod redacted;

/// What `protox` and `prost` make of the `.proto` files; a test holds it fresh.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::wildcard_imports,
    reason = "generated"
)]
mod generated {
    pub(crate) mod feed {
        include!("generated/portcullis.feed.v1.rs");
    }
    pub(crate) mod store {
        include!("generated/portcullis.store.v1.rs");
    }
}
