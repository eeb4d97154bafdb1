//! The gRPC door: `envoy.service.auth.v3.Authorization`.

use crate::check::check;
use crate::state::AuthzServer;
use envoy_types::ext_authz::v3::pb::{Authorization, AuthorizationServer, CheckRequest, CheckResponse};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Largest check: Envoy's own limit for request headers is far below.
const MAX_CHECK: usize = 1024 * 1024;

/// The service.
pub struct GrpcCheck {
    server: Arc<AuthzServer>,
}

/// The service with its limits.
pub(crate) fn service(server: Arc<AuthzServer>) -> AuthorizationServer<GrpcCheck> {
    AuthorizationServer::new(GrpcCheck { server }).max_decoding_message_size(MAX_CHECK)
}

#[tonic::async_trait]
impl Authorization for GrpcCheck {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(check(&self.server, request.into_inner()).await))
    }
}
