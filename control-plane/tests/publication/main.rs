//! Two-phase publication, seen from both sides: the authz-servers that get
//! bundles and the client that gets resources.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic; that is how it fails"
)]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use portcullis_control_plane::Reloaded;
use tokio::time::{self, Instant};

use client::{CDS, LDS, Protocol, RDS};
use ports::{Manner, Port};
use timeline::{Event, Timeline};
use world::{World, config};

mod apart;
mod client;
mod doors;
mod follower;
mod ports;
mod protocols;
mod sotw;
mod streams;
mod timeline;
mod world;

const HELD: Duration = Duration::from_millis(500);

fn ads(type_url: &str) -> Event {
    Event::Ads(type_url.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_nothing_leaves_on_the_stream_before_the_bundle_is_acknowledged() {
    nothing_leaves_on_the_stream_before_the_bundle_is_acknowledged(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_nothing_leaves_on_the_stream_before_the_bundle_is_acknowledged() {
    nothing_leaves_on_the_stream_before_the_bundle_is_acknowledged(Protocol::Sotw).await;
}

async fn nothing_leaves_on_the_stream_before_the_bundle_is_acknowledged(protocol: Protocol) {
    let timeline = Timeline::default();
    let port = Port::new(Manner::After(HELD), &timeline);
    let world = World::start(&config(&[("a", 9001, "x@example.com")]), &[port], &timeline).speaking(protocol);
    let mut client = world.client().await;
    client.take_all().await;
    let events = timeline.take();
    let expected = [
        Event::Given(1),
        Event::Acknowledged(1),
        ads(CDS),
        ads(LDS),
        ads(RDS),
    ];
    assert_eq!(events, expected, "the first publication");

    // Another destination: another id.
    world.write(&config(&[("a", 9002, "x@example.com")]));
    world.until(|| world.handle.status().config.reloads == 1).await;
    client.accept_rest().await;
    world
        .until(|| !world.handle.status().bundle.holds_former_ids)
        .await;
    let events = timeline.take();
    let expected = [
        // Phase 1: both ids.
        Event::Given(2),
        Event::Acknowledged(2),
        // Phase 2: the new cluster, the routes, then the old cluster goes.
        ads(CDS),
        ads(RDS),
        ads(CDS),
        // Phase 3: the new id alone.
        Event::Given(1),
        Event::Acknowledged(1),
    ];
    assert_eq!(events, expected, "the second publication");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_a_policy_edit_decides_when_reload_returns_and_pushes_nothing() {
    a_policy_edit_decides_when_reload_returns_and_pushes_nothing(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_a_policy_edit_decides_when_reload_returns_and_pushes_nothing() {
    a_policy_edit_decides_when_reload_returns_and_pushes_nothing(Protocol::Sotw).await;
}

async fn a_policy_edit_decides_when_reload_returns_and_pushes_nothing(protocol: Protocol) {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    let world = World::start(
        &config(&[("a", 9001, "x@example.com")]),
        &[Arc::clone(&port)],
        &timeline,
    )
    .speaking(protocol);
    let mut client = world.settled_client().await;
    let before = port.bundle();

    world.write(&config(&[("a", 9001, "y@example.com")]));
    assert!(matches!(
        world.handle.reload().await,
        Reloaded::Accepted { .. } | Reloaded::Unchanged
    ));
    let after = port.bundle();
    assert_ne!(before.version, after.version);
    assert_eq!(
        before.routes.keys().collect::<Vec<_>>(),
        after.routes.keys().collect::<Vec<_>>()
    );
    assert!(client.is_quiet().await);
    assert_eq!(timeline.take(), [Event::Given(1), Event::Acknowledged(1)]);
    assert!(world.handle.is_ready());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_reload_keeps_the_last_good_state_and_says_why() {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    let good = config(&[("a", 9001, "x@example.com")]);
    let world = World::start(&good, &[Arc::clone(&port)], &timeline);
    let mut client = world.settled_client().await;
    let before = port.bundle().version.clone();

    for bad in [
        "routes: [\n",
        "",
        "   \n",
        "address: 127.0.0.1:8443\nroutes:\n  - from: [\n",
    ] {
        world.write(bad);
        let Reloaded::Rejected { diagnostics } = world.handle.reload().await else {
            panic!("`{bad}` is accepted");
        };
        assert!(!diagnostics.is_empty());
        assert!(world.handle.is_ready());
        let status = world.handle.status().config;
        let rejected = status.rejected.unwrap();
        assert_ne!(rejected.version, status.version);
        let place = format!("{}:", world.path().display());
        assert!(
            rejected.diagnostics.iter().all(|d| d.at.starts_with(&place)),
            "{rejected:?}"
        );
    }
    std::fs::remove_file(world.path()).unwrap();
    let reloaded = world.handle.reload().await;
    let Reloaded::Rejected { diagnostics } = reloaded else {
        panic!("{reloaded:?}")
    };
    let expected = format!(
        "error: unreadable_config: {}:1:1: the configuration cannot be read: no such file or directory",
        world.path().display()
    );
    assert_eq!(diagnostics[0].to_string(), expected);
    assert!(client.is_quiet().await);
    assert_eq!(timeline.take(), []);
    assert_eq!(port.bundle().version, before);
    assert!(world.metric("portcullis_config_reload_total{result=\"rejected\"}") >= Some(5));

    world.write(&good);
    world
        .until(|| world.handle.status().config.rejected.is_none())
        .await;
    assert_eq!(timeline.take(), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_the_former_id_is_known_until_the_client_has_taken_the_new_routes() {
    the_former_id_is_known_until_the_client_has_taken_the_new_routes(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_the_former_id_is_known_until_the_client_has_taken_the_new_routes() {
    the_former_id_is_known_until_the_client_has_taken_the_new_routes(Protocol::Sotw).await;
}

async fn the_former_id_is_known_until_the_client_has_taken_the_new_routes(protocol: Protocol) {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    let two = config(&[("a", 9001, "x@example.com"), ("b", 9002, "x@example.com")]);
    let world = World::start(&two, &[Arc::clone(&port)], &timeline).speaking(protocol);
    let mut client = world.settled_client().await;
    let both = port.bundle();

    world.write(&config(&[("a", 9001, "x@example.com")]));
    let routes = client.next().await;
    assert_eq!(routes.type_url, RDS);
    // The client has not answered yet: it may still send the old id.
    time::sleep(HELD).await;
    let ids = |bundle: &portcullis_bundle::Bundle| -> BTreeSet<_> { bundle.routes.keys().copied().collect() };
    assert_eq!(ids(&port.bundle()), ids(&both));
    assert!(world.handle.status().bundle.holds_former_ids);
    client.ack(&routes).await;
    let gone = client.next().await;
    assert_eq!((gone.type_url.as_str(), gone.removed_resources.len()), (CDS, 1));
    client.ack(&gone).await;
    world.until(|| port.bundle().routes.len() == 1).await;
    world
        .until(|| !world.handle.status().bundle.holds_former_ids)
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_a_refusal_is_recorded_keeps_the_former_ids_and_is_not_repeated() {
    a_refusal_is_recorded_keeps_the_former_ids_and_is_not_repeated(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sotw_a_refusal_is_recorded_keeps_the_former_ids_and_is_not_repeated() {
    a_refusal_is_recorded_keeps_the_former_ids_and_is_not_repeated(Protocol::Sotw).await;
}

async fn a_refusal_is_recorded_keeps_the_former_ids_and_is_not_repeated(protocol: Protocol) {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    let world = World::start(
        &config(&[("a", 9001, "x@example.com")]),
        &[Arc::clone(&port)],
        &timeline,
    )
    .speaking(protocol);
    let mut client = world.settled_client().await;

    world.write(&config(&[("a", 9002, "x@example.com")]));
    let clusters = client.next().await;
    client.ack(&clusters).await;
    let routes = client.next().await;
    assert_eq!(routes.type_url, RDS);
    client
        .nack(&routes, "bad regex goo.gle/debugonly\nprivate: SECRET")
        .await;
    assert!(
        client.is_quiet().await,
        "the old cluster stays: the old routes name it"
    );
    let status = world.handle.status();
    let rejection = &status.xds.rejections[0];
    assert_eq!(
        (rejection.r#type.as_str(), rejection.resource.as_str()),
        ("RouteConfiguration", "main")
    );
    assert_eq!(rejection.reason, "bad regex");
    if protocol == Protocol::Delta {
        assert_eq!(rejection.refused_version, routes.resources[0].version);
    }
    assert!(
        rejection
            .serving_version
            .as_ref()
            .is_some_and(|v| *v != rejection.refused_version)
    );
    assert_eq!(
        world.metric("portcullis_xds_nack_total{type=\"RouteConfiguration\"}"),
        Some(1)
    );
    assert_eq!(world.metric("portcullis_xds_rejected_resources"), Some(1));
    assert_eq!(port.bundle().routes.len(), 2, "the client still sends the old id");

    // A policy edit repeats nothing to the client.
    world.write(&config(&[("a", 9002, "y@example.com")]));
    world.until(|| world.handle.status().config.reloads == 2).await;
    assert!(client.is_quiet().await);
    assert_eq!(port.bundle().routes.len(), 2);

    // What the client accepts again ends it.
    world.write(&config(&[("a", 9003, "y@example.com")]));
    client.accept_rest().await;
    world.until(|| port.bundle().routes.len() == 1).await;
    assert_eq!(world.metric("portcullis_xds_rejected_resources"), Some(0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_authz_server_holds_publication_up_for_two_seconds_and_is_counted() {
    let timeline = Timeline::default();
    let prompt = Port::new(Manner::Prompt, &timeline);
    let silent = Port::new(Manner::Prompt, &timeline);
    let ports = [Arc::clone(&prompt), Arc::clone(&silent)];
    let world = World::start(&config(&[("a", 9001, "x@example.com")]), &ports, &timeline);
    let mut client = world.settled_client().await;
    silent.be(Manner::Silent);

    let begun = Instant::now();
    world.write(&config(&[("a", 9002, "x@example.com")]));
    let clusters = client.next().await;
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(
        world.metric("portcullis_publication_unacknowledged_total"),
        Some(1)
    );
    let status = world.handle.status().bundle;
    assert_eq!((status.authz_servers, status.acknowledged), (2, 1));
    assert_eq!(prompt.bundle().routes.len(), 2);

    // When it answers again it is given the present bundle unasked.
    client.ack(&clusters).await;
    client.accept_rest().await;
    silent.be(Manner::Prompt);
    world
        .until(|| prompt.bundle().routes.len() == 1 && silent.bundle().version == prompt.bundle().version)
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_no_authz_server_that_decides_the_stream_waits() {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Refusing, &timeline);
    let world = World::start(
        &config(&[("a", 9001, "x@example.com")]),
        &[Arc::clone(&port)],
        &timeline,
    );
    let mut client = world.client().await;
    client.subscribe(CDS, &[]).await;
    time::sleep(Duration::from_millis(1200)).await;
    assert!(client.is_quiet().await);
    assert!(!world.handle.is_ready());
    assert_eq!(world.handle.status().xds.version, None);

    port.be(Manner::Prompt);
    assert_eq!(client.next().await.type_url, CDS);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_file_that_the_configuration_names_takes_effect() {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
    let text = config(&[("a", 9001, "x@example.com")]);
    let text = format!("shared_secret_file: {}\n{text}", secret.display());
    let world = World::start(&text, &[Arc::clone(&port)], &timeline);
    let mut client = world.settled_client().await;
    let before = port.bundle().version.clone();

    // As a Secret is swapped: another file takes the name.
    let new = directory.path().join("new");
    std::fs::write(&new, "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=").unwrap();
    std::fs::rename(&new, &secret).unwrap();
    world.until(|| port.bundle().version != before).await;
    assert!(client.is_quiet().await, "no key of ours concerns the client");

    // Without the file the configuration is not whole: the last good one serves on.
    let before = port.bundle().version.clone();
    std::fs::remove_file(&secret).unwrap();
    world
        .until(|| world.handle.status().config.rejected.is_some())
        .await;
    let rejected = world.handle.status().config.rejected.unwrap();
    assert_eq!(
        rejected
            .diagnostics
            .iter()
            .filter(|d| d.severity == "error")
            .count(),
        1
    );
    assert_eq!(port.bundle().version, before);
    assert!(world.handle.is_ready());
    world.stop().await;
}
