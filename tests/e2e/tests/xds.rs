//! The configuration stream with a real Envoy, in the protocol that the suite is
//! run for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::net::TcpListener;

use portcullis_harness::Site;
use portcullis_harness::wait::until;
use serde_json::Value;

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";

fn rejections(site: &Site) -> Vec<Value> {
    site.gateway.status()["xds"]["rejections"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn envoy_speaks_the_protocol_that_it_is_told() {
    let site = Site::start(ROUTES);
    let sotw = std::env::var("PORTCULLIS_TEST_XDS").is_ok_and(|protocol| protocol == "sotw");
    let (spoken, other) = match sotw {
        true => ("\"state of the world\"", "\"delta\""),
        false => ("\"delta\"", "\"state of the world\""),
    };
    let log = site.gateway.log();
    assert!(log.contains(&format!("\"protocol\":{spoken}")), "{log}");
    assert!(!log.contains(&format!("\"protocol\":{other}")), "{log}");
}

#[test]
fn what_envoy_refuses_is_told_and_the_last_good_state_serves_on() {
    let site = Site::start(ROUTES);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = taken.local_addr().unwrap();
    let good = format!("address: 127.0.0.1:{}", site.port());

    // Only Envoy can know that it cannot bind there.
    site.gateway.edit(&good, &format!("address: {busy}"));
    until("the listener is refused", || !rejections(&site).is_empty());
    let refused = rejections(&site);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["type"], "Listener");
    let reason = refused[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("cannot bind") && reason.contains("in use"),
        "{reason}"
    );
    assert!(refused[0]["serving_version"].is_string(), "{refused:?}");
    assert!(
        site.gateway
            .metrics()
            .contains("portcullis_xds_nack_total{type=\"Listener\"} 1\n")
    );
    assert_eq!(site.client().get(&site.url("app", "/")).status, 200);

    // What else changes takes effect, and what is refused is not tried again.
    site.gateway.edit(
        "allow_public_unauthenticated_access: true",
        "allow_public_unauthenticated_access: true, response: {status: 418, body: tea}",
    );
    until("the new route serves", || {
        site.client().get(&site.url("app", "/")).status == 418
    });
    assert!(
        site.gateway
            .metrics()
            .contains("portcullis_xds_nack_total{type=\"Listener\"} 1\n")
    );

    site.gateway.edit(&format!("address: {busy}"), &good);
    until("nothing is refused any more", || rejections(&site).is_empty());
    assert_eq!(site.client().get(&site.url("app", "/")).status, 418);
}
