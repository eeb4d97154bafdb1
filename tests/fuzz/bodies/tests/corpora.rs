//! Every input that is checked in runs through its target, and for the targets
//! about policies so do inputs that are made of them.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic; that is how it fails"
)]

use std::{fs, path::Path};

use portcullis_fuzz::Mutations;

/// How many inputs are made of those of a corpus.
const MUTATIONS: usize = 3_000;

fn run(target: &str, body: fn(&[u8])) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 8, "{target} has {} inputs", files.len());
    let read = |file| {
        // The name stands above the panic of a bad one.
        println!("{}", Path::display(file));
        let input = fs::read(file).unwrap();
        body(&input);
        input
    };
    files.iter().map(|file| read(file)).collect()
}

/// The corpus, and what is made of it.
fn run_more(target: &str, body: fn(&[u8])) {
    let corpus = run(target, body);
    for input in Mutations::new(&corpus).take(MUTATIONS) {
        println!("\"{}\"", input.escape_ascii());
        body(&input);
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

#[test]
fn policies() {
    run_more("policy_text", portcullis_fuzz::policy_text);
}

#[test]
fn decisions() {
    run_more("policy_decision", portcullis_fuzz::policy_decision);
}

#[test]
fn check_requests() {
    run_more("check_request", portcullis_fuzz::check_request);
}

#[test]
fn certificates() {
    run_more("certificate", portcullis_fuzz::certificate);
}

#[test]
fn ssh_keys() {
    run_more("ssh_key", portcullis_fuzz::ssh_key);
}

#[test]
fn mcp_bodies() {
    run_more("mcp_body", portcullis_fuzz::mcp_body);
}
