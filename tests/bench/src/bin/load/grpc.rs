//! Checks straight to the server.

use envoy_types::ext_authz::v3::pb::CheckResponse;
use portcullis_bench::address::Address;
use portcullis_bench::rpc::{Connection, Failure, frame};
use prost::Message as _;
use std::time::Instant;
use tokio::task::JoinSet;

/// Every answer's size is looked at, and the whole of one in so many: to decode
/// each would cost as much as the server's work.
const DECODED: u64 = 256;

/// Asks from now to `end`, `in_flight` Checks at a time on each connection.
pub(crate) async fn start(
    address: &Address,
    connections: usize,
    in_flight: usize,
    check: &[u8],
    end: Instant,
) -> Result<JoinSet<Result<u64, Failure>>, Failure> {
    let check = frame(check);
    let mut load = JoinSet::new();
    for _ in 0..connections {
        let connection = Connection::open(address).await?;
        for _ in 0..in_flight {
            let (connection, check) = (connection.clone(), check.clone());
            load.spawn(async move {
                let mut answers = 0;
                let mut size = None;
                while Instant::now() < end {
                    let message = connection.check(&check).await?;
                    if answers % DECODED == 0 || size != Some(message.len()) {
                        allowed(&message)?;
                        size = Some(message.len());
                    }
                    answers += 1;
                }
                Ok(answers)
            });
        }
    }
    Ok(load)
}

fn allowed(message: &[u8]) -> Result<(), Failure> {
    let status = CheckResponse::decode(message)?.status;
    match status.as_ref().map(|status| status.code) {
        Some(0) => Ok(()),
        _ => Err(format!("the check was denied: {status:?}").into()),
    }
}
