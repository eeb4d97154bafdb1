//! The provider's tokens of a session that has ended: they are of no more use to us,
//! and shall be of none to anybody else.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::sessions::StoredSession;
use crate::web::visit::Visit;

/// Revocations under way at a time; more are left out, as the tokens end by
/// themselves.
static AT_ONCE: Semaphore = Semaphore::const_new(64);

/// Has them revoked at the provider (RFC 7009), beside the answer: nobody waits for
/// that, and nothing depends on it.
pub(in crate::web) fn revoke(visit: &Visit, stored: &Arc<StoredSession>) {
    let Some(provider) = visit.active.provider.clone() else {
        return;
    };
    let Ok(turn) = AT_ONCE.try_acquire() else {
        tracing::warn!(
            session = stored.log_name,
            "tokens are not revoked, there are too many at once"
        );
        return;
    };
    let stored = Arc::clone(stored);
    tokio::spawn(async move {
        let _turn = turn;
        let session = &stored.session;
        let revoked = provider.revoke(session.refresh_token.as_ref(), &session.access_token);
        match revoked.await {
            Ok(true) => tracing::debug!(session = stored.log_name, "the tokens of a session are revoked"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, session = stored.log_name, "the tokens of a session are not revoked");
            }
        }
    });
}
