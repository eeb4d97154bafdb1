//! The gRPC door: `envoy.service.auth.v3.Authorization`.
//!
//! The service is written by hand where `tonic` would generate it, because neither
//! message is built as a whole: a check is read from its bytes, and of the answer
//! the part that many have in common is kept as bytes.

use crate::check::{Reply, check};
use crate::state::AuthzServer;
use bytes::{Buf as _, Bytes};
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Body as HttpBody, BoxFuture, Service, StdError, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

/// Largest check: Envoy's own limit for request headers is far below.
const MAX_CHECK: usize = 1024 * 1024;

/// The service; clones share the server.
#[derive(Clone)]
pub struct CheckService {
    server: Arc<AuthzServer>,
    /// The longest time for one Check, where the listener sets no such limit.
    deadline: Option<Duration>,
}

impl CheckService {
    pub(crate) fn new(server: Arc<AuthzServer>, deadline: Option<Duration>) -> Self {
        Self { server, deadline }
    }

    async fn answer(&self, bytes: Bytes) -> Result<Response<Reply>, Status> {
        let mut answer = pin!(check(&self.server, &bytes));
        // A warm Check waits for nothing and needs no timer.
        let answer = match poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
            Poll::Ready(answer) => answer,
            Poll::Pending => match self.deadline {
                None => answer.await,
                Some(deadline) => tokio::time::timeout(deadline, answer)
                    .await
                    .map_err(|_| Status::deadline_exceeded("the check took too long"))?,
            },
        };
        answer
            .map(Response::new)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl NamedService for CheckService {
    const NAME: &'static str = "envoy.service.auth.v3.Authorization";
}

impl<B> Service<http::Request<B>> for CheckService
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let method = Method(self.clone());
        Box::pin(async move {
            if request.uri().path() != "/envoy.service.auth.v3.Authorization/Check" {
                return Ok(Status::unimplemented("there is no such method").into_http());
            }
            let mut grpc = Grpc::new(CheckCodec).max_decoding_message_size(MAX_CHECK);
            Ok(grpc.unary(method, request).await)
        })
    }
}

/// The one method.
struct Method(CheckService);

impl UnaryService<Bytes> for Method {
    type Response = Reply;
    type Future = BoxFuture<Response<Reply>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move { service.answer(request.into_inner()).await })
    }
}

/// Bytes in, an answer out.
#[derive(Clone, Copy)]
struct CheckCodec;

impl Codec for CheckCodec {
    type Encode = Reply;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for CheckCodec {
    type Item = Reply;
    type Error = Status;

    fn encode(&mut self, reply: Reply, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        reply.encode(out);
        Ok(())
    }
}

impl Decoder for CheckCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        // Without a copy: the buffer gives away what it holds.
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}
