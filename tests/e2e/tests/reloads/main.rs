//! Traffic while the configuration changes: 200 reloads that add, edit and remove
//! routes under the eyes of clients that never pause, and an oracle that knows what
//! every answer may be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod clients;
mod oracle;

use std::sync::atomic::Ordering;
use std::thread::{scope, sleep};
use std::time::Duration;

use oracle::{History, STAYING, USERS};
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::wait::{poll, until};
use portcullis_harness::{Client, Echo, Site};

const RELOADS: usize = 200;
/// Every so many reloads a few files are written one upon the other.
const BURST_EVERY: usize = 8;
const BURST: usize = 3;
/// Requests that each client must at least have had answered for the test to mean
/// anything.
const ENOUGH: usize = 500;

#[test]
fn two_hundred_reloads_disturb_nobody() {
    let echo = Echo::start();
    let history = History::new(&echo.url());
    let site = Site::start(&history.first());
    let base = std::fs::read_to_string(site.gateway.config_path()).unwrap();
    let (globals, _) = base.split_once("\nroutes:\n").unwrap();
    let log_before = site.gateway.log().len();

    let people = sign_in(&site);
    let failures = scope(|threads| {
        let clients: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(user, client)| {
                let (site, history) = (&site, &history);
                threads.spawn(move || clients::ask_without_pause(site, history, user, client))
            })
            .collect();
        let sockets = threads.spawn(|| clients::keep_sockets_open(&site, &history, &people[1]));

        let mut number = 0;
        while number < RELOADS {
            let writes = if number % BURST_EVERY == 0 { BURST } else { 1 };
            for _ in 0..writes {
                number += 1;
                let routes = history.change(number, site.port());
                site.gateway
                    .write_config(&format!("{globals}\ngeneration_{number}: x\nroutes:\n{routes}"));
            }
            until(&format!("reload {number} is in force"), || {
                is_in_force(&site, number)
            });
            history.settle();
        }
        history.over.store(true, Ordering::SeqCst);
        let mut failures = Vec::new();
        for (user, client) in clients.into_iter().enumerate() {
            let (answered, failed) = client.join().unwrap();
            assert!(answered >= ENOUGH, "{} asked only {answered} times", USERS[user]);
            failures.extend(failed);
        }
        failures.extend(sockets.join().unwrap());
        failures
    });
    let shown: Vec<_> = failures.iter().take(20).collect();
    assert!(failures.is_empty(), "{} failures: {shown:#?}", failures.len());

    // Said in the log: no decision was made by the policy of another route.
    let log = site.gateway.log();
    let decisions = history.strangers(&log[log_before..]);
    let (seen, strange) = decisions;
    assert!(seen >= ENOUGH, "only {seen} decisions in the log");
    assert!(strange.is_empty(), "decided by another route: {strange:#?}");
}

/// Nobody, then everybody who can log in, with a session on both hosts.
fn sign_in(site: &Site) -> Vec<Client> {
    USERS
        .iter()
        .map(|user| {
            let mut client = site.client();
            if !user.is_empty() {
                let page = client.login(&site.url("stay", "/any/"), user, PASSWORD);
                assert_eq!(page.status, 200, "{}", page.text());
                assert_eq!(client.open(&site.url("churn", "/any/")).status, 200);
            }
            client
        })
        .collect()
}

/// Whether the file of this number decides and Envoy has taken all of it: what an
/// operator would read off `/status`. Seen twice, since reading and publishing are
/// two steps, and the second look also gives Envoy's workers the time to take over.
fn is_in_force(site: &Site, number: usize) -> bool {
    let look = || {
        let status = site.gateway.status();
        let read = status["config"]["diagnostics"]
            .to_string()
            .contains(&format!("generation_{number}`"));
        let settled = status["xds"]["settled"] == true && status["bundle"]["acknowledged"] == 1;
        (read && settled).then(|| {
            (
                status["bundle"]["routes"].clone(),
                status["xds"]["version"].clone(),
            )
        })
    };
    let Some(first) = look() else { return false };
    sleep(Duration::from_millis(100));
    look().is_some_and(|second| second.1 == first.1)
}

/// The test's own ground: a policy edit is seen within a moment, so that the window in
/// which the oracle allows two answers stays small.
#[test]
fn an_edit_under_traffic_decides_soon() {
    let echo = Echo::start();
    let history = History::new(&echo.url());
    let site = Site::start(&history.first());
    let mut user = sign_in(&site).remove(1);
    let url = site.url("stay", &format!("/{}/", STAYING[2].name));
    assert_eq!(user.get(&url).status, 200);
    site.gateway.edit(USERS[1], "nobody@example.com");
    let denied = poll(Duration::from_secs(5), || {
        (user.get(&url).status == 403).then_some(())
    });
    assert!(denied.is_some(), "the edit does not decide within five seconds");
}
