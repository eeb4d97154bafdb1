//! Requests as bytes over HTTP/1.1, without a library's work on each.

use portcullis_bench::address::Address;
use portcullis_bench::http1::Client;
use portcullis_bench::rpc::Failure;
use std::time::Instant;
use tokio::task::JoinSet;

/// Asks from now to `end`, one request at a time on each connection.
pub(crate) async fn start(
    address: &Address,
    connections: usize,
    request: &[u8],
    end: Instant,
) -> Result<JoinSet<Result<u64, Failure>>, Failure> {
    let mut load = JoinSet::new();
    for _ in 0..connections {
        let mut client = Client::open(address).await?;
        let request = request.to_vec();
        load.spawn(async move {
            let mut answers = 0;
            while Instant::now() < end {
                let status = client.ask(&request).await?;
                if status != 200 {
                    return Err(format!("an answer with status {status}").into());
                }
                answers += 1;
            }
            Ok(answers)
        });
    }
    Ok(load)
}
