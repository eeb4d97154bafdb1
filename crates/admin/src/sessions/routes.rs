//! The routes below `/v1/sessions/`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::fault::Fault;
use crate::protocol::{Details, ListAnswer, ListRequest, RevokeAnswer, RevokeRequest, ShowRequest};
use crate::server::{Admin, Asked, Peer};

pub(crate) async fn list(
    State(admin): State<Arc<Admin>>,
    Asked(asked): Asked<ListRequest>,
) -> Result<Json<ListAnswer>, Fault> {
    let now = (admin.clock)();
    super::list(&*admin.store, now, &asked).await.map(Json)
}

pub(crate) async fn show(
    State(admin): State<Arc<Admin>>,
    Asked(ShowRequest { id }): Asked<ShowRequest>,
) -> Result<Json<Details>, Fault> {
    let now = (admin.clock)();
    super::show(&*admin.store, now, id).await.map(Json)
}

pub(crate) async fn revoke(
    State(admin): State<Arc<Admin>>,
    Peer(uid): Peer,
    Asked(asked): Asked<RevokeRequest>,
) -> Result<Json<RevokeAnswer>, Fault> {
    let now = (admin.clock)();
    super::revoke(&*admin.store, now, &asked, uid).await.map(Json)
}
