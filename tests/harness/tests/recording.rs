//! The recording upstream by itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use portcullis_harness::certificates::Authority;
use portcullis_harness::process::Process;
use portcullis_harness::{Client, Upstream, ports, wait};

#[test]
fn keeps_every_byte_and_the_trailers() {
    let upstream = Upstream::start();
    let client = Client::new(Authority::new("unused").unwrap().der());
    let request = "POST /a?mark=1 HTTP/1.1\r\nHost: x\r\nX-Odd:  Value \r\nx-odd: again\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
    let answer = client.raw(&upstream.url(), request.as_bytes());
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "hello from the upstream\n")
    );
    let seen = upstream.one("mark=1");
    assert_eq!(seen.body, b"abcde");
    assert_eq!(seen.trailers, [("X-Trailer".to_owned(), "t".to_owned())]);
    assert_eq!(seen.head.all("X-ODD").collect::<Vec<_>>(), ["Value", "again"]);
    assert!(seen.text().starts_with("POST /a?mark=1 HTTP/1.1\r\nHost: x\r\n"));
    assert!(!upstream.saw("mark=2"));
}

#[test]
fn ports_are_given_once() {
    let given: Vec<u16> = (0..50).map(|_| ports::free()).collect();
    let mut sorted = given.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), given.len());
}

#[test]
fn a_process_ends_with_its_handle_and_outlives_the_thread_that_made_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut process = std::thread::spawn(move || {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo hello; exec sleep 60"]);
        Process::spawn("a sleeper", command, &log).unwrap()
    })
    .join()
    .unwrap();
    process.wait_for(wait::PATIENCE, || true.then_some(())).unwrap();
    wait::until("it has spoken", || process.log().contains("hello"));
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        process.exited().is_none(),
        "the end of the making thread is not the end of the process"
    );
    let status = format!("/proc/{}/status", process.id());
    assert!(std::fs::exists(&status).unwrap());
    drop(process);
    assert!(!std::fs::exists(&status).unwrap());
}
