//! The streams themselves: what is refused, and what a new stream gets.

use std::{os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use tokio::time;
use tonic::Code;

use crate::{
    client::{CDS, LDS, RDS, SDS},
    ports::{Manner, Port},
    timeline::Timeline,
    world::{World, config},
};

fn world() -> World {
    let timeline = Timeline::default();
    let port = Port::new(Manner::Prompt, &timeline);
    World::start(
        &config(&[("a", 9001, "x@example.com")]),
        &[Arc::clone(&port)],
        &timeline,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_type_and_too_many_names_end_the_stream() {
    let world = world();
    let mut client = world.client().await;
    client.subscribe("type.googleapis.com/made.up", &[]).await;
    assert_eq!(client.next_error().await.code(), Code::InvalidArgument);

    let mut client = world.client().await;
    let names: Vec<String> = (0..200_001).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    client.subscribe(SDS, &names).await;
    assert_eq!(client.next_error().await.code(), Code::ResourceExhausted);

    let mut client = world.client().await;
    client.take_all().await;
    world.until(|| world.handle.is_ready()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_streams_are_refused() {
    let world = world();
    let mut clients = Vec::new();
    for _ in 0..16 {
        let mut client = world.client().await;
        client.subscribe(CDS, &[]).await;
        assert_eq!(client.next().await.type_url, CDS);
        clients.push(client);
    }
    let mut client = world.client().await;
    client.subscribe(CDS, &[]).await;
    assert_eq!(client.next_error().await.code(), Code::ResourceExhausted);
    drop(clients);
    world.until(|| world.handle.status().xds.streams == 0).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_without_a_resource_is_answered_and_readiness_follows_the_stream() {
    let world = world();
    assert!(!world.handle.is_ready());
    let mut client = world.settled_client().await;
    client.subscribe(SDS, &["nobody"]).await;
    let answer = client.next().await;
    assert_eq!(
        (answer.type_url.as_str(), answer.removed_resources),
        (SDS, vec!["nobody".to_owned()])
    );
    drop(client);
    world.until(|| !world.handle.is_ready()).await;

    // A stream that comes anew, as after a restart of Envoy, gets everything.
    let mut client = world.client().await;
    client.subscribe(CDS, &[]).await;
    client.subscribe(LDS, &[]).await;
    client.subscribe(RDS, &["main"]).await;
    let taken = client.accept_rest().await;
    let types: Vec<&str> = taken.iter().map(|response| response.type_url.as_str()).collect();
    assert_eq!(types, [CDS, LDS, RDS]);
    assert!(
        taken
            .iter()
            .flat_map(|t| &t.resources)
            .all(|r| r.resource.as_ref().is_some_and(|any| !any.value.is_empty()))
    );
    time::timeout(Duration::from_secs(10), world.handle.until_ready())
        .await
        .unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_stands_in_a_private_directory() {
    let world = world();
    let _client = world.client().await;
    let mode = std::fs::metadata(world.run.xds().parent().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    world.stop().await;
}
