//! Makes load, and is the upstream that the load goes to.
//!
//! * `load http ADDRESS SECONDS CONNECTIONS FILE` sends the request in FILE over
//!   kept connections, one at a time on each;
//! * `load grpc ADDRESS SECONDS CONNECTIONS IN_FLIGHT FILE` sends the Check in
//!   FILE;
//! * `load upstream ADDRESS` answers every request with the same 200.
//!
//! The first two print `{"answers": N, "seconds": S}`. An answer other than the
//! one wanted ends the program: figures of refusals would mean nothing.

mod grpc;
mod http;
mod upstream;

use core::time::Duration;
use portcullis_bench::rpc::Failure;
use std::time::Instant;
use tokio::task::JoinSet;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.as_slice() {
            ["http", address, seconds, connections, file] => {
                let request = std::fs::read(file)?;
                let end = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
                let load = http::start(&address.parse()?, connections.parse()?, &request, end).await?;
                report(load).await
            }
            ["grpc", address, seconds, connections, in_flight, file] => {
                let check = std::fs::read(file)?;
                let end = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
                let (connections, in_flight) = (connections.parse()?, in_flight.parse()?);
                let load = grpc::start(&address.parse()?, connections, in_flight, &check, end).await?;
                report(load).await
            }
            ["upstream", address] => upstream::serve(&address.parse()?).await,
            _ => Err("usage: load http|grpc|upstream ADDRESS ...".into()),
        }
    })
}

/// Waits for all, and says how many answers came in which time.
async fn report(mut load: JoinSet<Result<u64, Failure>>) -> Result<(), Failure> {
    let started = Instant::now();
    let mut answers = 0;
    while let Some(one) = load.join_next().await {
        answers += one??;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({"answers": answers, "seconds": seconds}));
    Ok(())
}
