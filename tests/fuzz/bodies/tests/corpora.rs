//! Every input that is checked in runs through its target.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic; that is how it fails"
)]

use std::{fs, path::Path};

fn run(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 8, "{target} has {} inputs", files.len());
    for file in files {
        // The name stands above the panic of a bad one.
        println!("{}", file.display());
        body(&fs::read(&file).unwrap());
    }
}

#[test]
fn discovery_requests() {
    run("discovery_request", portcullis_fuzz::discovery_request);
}

#[test]
fn configuration_texts() {
    run("config_text", portcullis_fuzz::config_text);
}
