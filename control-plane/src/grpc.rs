//! The door of a control plane of its own: one listener for the configuration
//! streams of Envoys, the bundle feed and the record store.
//!
//! Nobody gets in without a client certificate of the configured authority or a
//! token that only who knows the shared secret can make; over a Unix socket the
//! caller must also be our own user or root. A user's credential opens nothing
//! here, and a token from here nothing there.

use std::{sync::Arc, time::Duration};

use portcullis_proto::{credential::Key, feed::BundleFeedServer, listener::Incoming};
use portcullis_store::Store;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::{
    ads::{self, Peers},
    feed_service::FeedService,
    metrics::Metrics,
    publish::Publisher,
    serving::Serving,
    store_service::StoreService,
};

mod connection;
mod guard;

use connection::bounded;
use guard::Guard;

/// Calls under way on one connection: an Envoy has one stream, an authz-server
/// two and its look-ups of sessions.
const MAX_STREAMS: u32 = 1024;
/// The headers of one call.
const MAX_HEADERS: u32 = 16 * 1024;
/// Streams that a client broke off and we have not yet seen the end of.
const MAX_RESETS: usize = 64;
/// After so long without a word the other side is asked for a sign of life, for
/// which it has the second time.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest message of the feed and of the store that is read.
const MAX_FEED_REQUEST: usize = 64 * 1024;

/// A bound door that nobody answers yet.
pub struct Grpc {
    /// The connections.
    pub incoming: Incoming,
    /// Whose processes may call beside root's, where the door is a Unix socket:
    /// its owner. `None` over TCP.
    pub owner: Option<u32>,
    /// Who may come in without a certificate: who makes tokens by it. It follows
    /// the shared secrets of the configuration.
    pub key: Arc<Key>,
    /// What the store service serves.
    pub store: Arc<dyn Store>,
}

/// The server failed.
#[derive(Debug, thiserror::Error)]
#[error("the control plane's listener failed: {0}")]
pub struct GrpcError(#[from] tonic::transport::Error);

impl Grpc {
    /// Serves until `shutdown`.
    ///
    /// # Errors
    ///
    /// When the server fails.
    pub(crate) async fn serve(
        self,
        publisher: Arc<Publisher>,
        serving: Serving,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Result<(), GrpcError> {
        let Self {
            incoming,
            owner,
            key,
            store,
        } = self;
        let guard = Guard::new(key, owner, metrics.clone());
        let feed = FeedService::new(publisher, shutdown.clone());
        let ads = ads::service(Peers::Authenticated, serving, metrics, shutdown.clone());
        Server::builder()
            .max_concurrent_streams(MAX_STREAMS)
            .http2_max_header_list_size(MAX_HEADERS)
            .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .layer(guard)
            .add_service(ads)
            .add_service(BundleFeedServer::new(feed).max_decoding_message_size(MAX_FEED_REQUEST))
            .add_service(StoreService::new(store).ending_with(shutdown.clone()).server())
            .serve_with_incoming_shutdown(bounded(incoming), shutdown.cancelled_owned())
            .await?;
        Ok(())
    }
}
