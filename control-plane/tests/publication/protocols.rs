//! What holds in either protocol and what is particular to the one.

use std::{collections::BTreeSet, sync::Arc};

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse;

use crate::{
    client::{CDS, Client, LDS, Protocol, RDS, SDS},
    ports::{Manner, Port},
    timeline::Timeline,
    world::{World, config},
};

fn world(protocol: Protocol, text: &str) -> (World, Arc<Port>) {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    let world = World::start(text, &[Arc::clone(&port)], &timeline).speaking(protocol);
    (world, port)
}

fn names(response: &DeltaDiscoveryResponse) -> Vec<String> {
    response.resources.iter().map(|r| r.name.clone()).collect()
}

/// Refuses whatever has `bad` in it and does not say why; what was refused.
async fn answer_all(client: &mut Client, bad: &str) -> Vec<Vec<String>> {
    let mut refused = Vec::new();
    while let Some(response) = client.next_if_any().await {
        let names = names(&response);
        if names.iter().any(|name| name == bad) {
            client.nack(&response, "missing ]: [").await;
            refused.push(names);
        } else {
            client.ack(&response).await;
        }
    }
    refused
}

async fn a_culprit_that_nobody_names_is_found(protocol: Protocol) {
    let mut routes: Vec<(String, u16)> = (0..8).map(|n| (format!("r{n}"), 9000 + n)).collect();
    let text = |routes: &[(String, u16)], email: &str| {
        let routes: Vec<_> = routes.iter().map(|(n, p)| (n.as_str(), *p, email)).collect();
        config(&routes)
    };
    let (world, _port) = world(protocol, &text(&routes, "x@example.com"));
    let mut client = world.client().await;
    client.subscribe(CDS, &[]).await;
    client.subscribe(LDS, &[]).await;
    client.subscribe(RDS, &["main"]).await;
    let first = client.next().await;
    let clusters = names(&first);
    let bad = clusters[5].clone();
    assert!(bad.starts_with("upstream-"), "{clusters:?}");
    client.nack(&first, "missing ]: [").await;
    let refused = answer_all(&mut client, &bad).await;
    assert_eq!(refused.last().unwrap(), std::slice::from_ref(&bad), "{refused:?}");
    assert!(refused.len() <= 4, "{refused:?}");

    let status = world.handle.status().xds;
    assert_eq!(status.rejections.len(), 1);
    let rejection = &status.rejections[0];
    assert_eq!(
        (rejection.r#type.as_str(), &rejection.resource),
        ("Cluster", &bad)
    );
    assert_eq!(
        (rejection.reason.as_str(), &rejection.serving_version),
        ("missing ]: [", &None)
    );
    let nacks = world.metric("portcullis_xds_nack_total{type=\"Cluster\"}");
    assert_eq!(nacks, Some(refused.len() as u64 + 1));
    assert_eq!(world.metric("portcullis_xds_rejected_resources"), Some(1));

    // Another policy repeats nothing, another route not what is refused.
    world.write(&text(&routes, "y@example.com"));
    world.until(|| world.handle.status().config.reloads == 1).await;
    assert!(client.is_quiet().await);
    routes.push(("r8".to_owned(), 9008));
    world.write(&text(&routes, "y@example.com"));
    let more = client.next().await;
    assert_eq!((more.type_url.as_str(), names(&more).len()), (CDS, 1));
    assert!(!names(&more).contains(&bad) && more.removed_resources.is_empty());
    client.ack(&more).await;
    client.accept_rest().await;

    // With the stream its refusals end.
    drop(client);
    world
        .until(|| world.metric("portcullis_xds_rejected_resources") == Some(0))
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_a_culprit_that_nobody_names_is_found() {
    a_culprit_that_nobody_names_is_found(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_a_culprit_that_nobody_names_is_found() {
    a_culprit_that_nobody_names_is_found(Protocol::Sotw).await;
}

async fn a_refused_listener_keeps_its_last_good_version(protocol: Protocol) {
    let good = config(&[("a", 9001, "x@example.com"), ("b", 9002, "x@example.com")]);
    let (world, _port) = world(protocol, &good);
    let mut client = world.settled_client().await;

    // The listener is changed in place; the client refuses it.
    let changed = good.replace("routes:", "timeout_idle: 77s\nroutes:");
    world.write(&changed);
    let listener = client.next().await;
    assert_eq!((listener.type_url.as_str(), listener.resources.len()), (LDS, 1));
    assert_eq!(listener.removed_resources, Vec::<String>::new());
    client
        .nack(&listener, "Error adding/updating listener(s) it: no")
        .await;
    assert!(client.is_quiet().await);
    let status = world.handle.status().xds;
    assert_eq!(status.rejections[0].r#type, "Listener");
    assert!(status.rejections[0].serving_version.is_some());

    // New routes still come, and no set lacks the listener.
    world.write(&changed.replace("9002", "9003"));
    let taken = client.accept_rest().await;
    assert!(
        !taken.iter().any(|response| response.type_url == LDS),
        "{taken:?}"
    );
    assert!(taken.iter().any(|response| response.type_url == RDS));
    world.write(&good);
    world
        .until(|| world.handle.status().xds.rejections.is_empty())
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_a_refused_listener_keeps_its_last_good_version() {
    a_refused_listener_keeps_its_last_good_version(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_a_refused_listener_keeps_its_last_good_version() {
    a_refused_listener_keeps_its_last_good_version(Protocol::Sotw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_a_name_without_a_resource_is_answered_and_does_not_hold_others_up() {
    let (world, _port) = world(Protocol::Sotw, &config(&[("a", 9001, "x@example.com")]));
    let mut client = world.settled_client().await;
    client.subscribe(SDS, &["nobody"]).await;
    let answer = client.next().await;
    assert_eq!((answer.type_url.as_str(), answer.resources.len()), (SDS, 0));
    client.ack(&answer).await;
    assert!(client.is_quiet().await);
    world.write(&config(&[("a", 9002, "x@example.com")]));
    let types: BTreeSet<String> = client
        .accept_rest()
        .await
        .into_iter()
        .map(|r| r.type_url)
        .collect();
    assert_eq!(types, BTreeSet::from([CDS.to_owned(), RDS.to_owned()]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_a_client_that_comes_again_keeps_its_cluster_until_its_routes_are_new() {
    let (world, _port) = world(Protocol::Sotw, &config(&[("a", 9001, "x@example.com")]));
    let client = world.settled_client().await;
    let held = client.hang_up();
    world.until(|| world.handle.status().xds.streams == 0).await;
    world.write(&config(&[("a", 9002, "x@example.com")]));
    world.until(|| world.handle.status().config.reloads == 1).await;

    let mut client = world.client_again(held).await;
    client.subscribe(CDS, &[]).await;
    client.subscribe(LDS, &[]).await;
    client.subscribe(RDS, &[]).await;
    let taken = client.accept_rest().await;
    let shown: Vec<_> = taken
        .iter()
        .map(|r| (r.type_url.as_str(), r.resources.len(), r.removed_resources.len()))
        .collect();
    assert_eq!(shown, [(CDS, 1, 0), (LDS, 0, 0), (RDS, 1, 0), (CDS, 0, 1)]);
    world.stop().await;
}
