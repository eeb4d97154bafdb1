//! The reference: an authorization server that decides nothing. It gives every
//! Check the same answer, on the runtime and with the settings of HTTP/2 of the
//! one that is shipped.
//!
//! `noop ADDRESS answer FILE` answers with the message in FILE; `noop ADDRESS
//! capture FILE` writes the first Check there and denies all of them.

use envoy_types::ext_authz::v3::pb::{Authorization, AuthorizationServer, CheckRequest, CheckResponse};
use envoy_types::pb::google::rpc::Status as Verdict;
use portcullis_bench::address::Address;
use prost::Message as _;
use std::error::Error;
use std::path::PathBuf;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

enum Noop {
    Answer(CheckResponse),
    Capture(PathBuf),
}

#[tonic::async_trait]
impl Authorization for Noop {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        match self {
            Self::Answer(answer) => Ok(Response::new(answer.clone())),
            Self::Capture(path) => {
                let message = request.into_inner().encode_to_vec();
                std::fs::write(path, message).map_err(|error| Status::internal(error.to_string()))?;
                let denied = Verdict {
                    code: 7,
                    ..Verdict::default()
                };
                Ok(Response::new(CheckResponse {
                    status: Some(denied),
                    ..CheckResponse::default()
                }))
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, what, file] = arguments.as_slice() else {
        return Err("usage: noop ADDRESS answer|capture FILE".into());
    };
    let service = match what.as_str() {
        "answer" => Noop::Answer(CheckResponse::decode(&*std::fs::read(file)?)?),
        _ => Noop::Capture(file.into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(&address.parse()?, service))
}

async fn serve(address: &Address, service: Noop) -> Result<(), Box<dyn Error>> {
    let service = AuthorizationServer::new(service).max_decoding_message_size(1024 * 1024);
    let router = portcullis_authz_server::transport().add_service(service);
    match address {
        Address::Unix(path) => {
            let listener = UnixListener::bind(path)?;
            println!("ready");
            router
                .serve_with_incoming(UnixListenerStream::new(listener))
                .await?;
        }
        Address::Tcp(address) => {
            let listener = TcpListener::bind(address).await?;
            println!("ready");
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            router.serve_with_incoming(incoming).await?;
        }
    }
    Ok(())
}
