//! What lingers goes late and holds nothing up.

use super::*;
use crate::{Resource, Stage, TypeUrl};

const CDS: TypeUrl = "cluster";
const RDS: TypeUrl = "route";

const ORDER: [Stage; 2] = [
    Stage {
        type_url: CDS,
        wildcard: true,
        leaf: false,
        lingers: true,
    },
    Stage {
        type_url: RDS,
        wildcard: false,
        leaf: false,
        lingers: false,
    },
];

/// One route and the cluster that it names.
fn served(cluster: &str) -> Arc<Served> {
    let resource = |version: &str| Resource {
        version: version.to_owned(),
        bytes: version.to_owned().into(),
    };
    Arc::new(Served {
        version: format!("to {cluster}"),
        resources: [
            (CDS, [(cluster.to_owned(), resource("1"))].into()),
            (RDS, [("main".to_owned(), resource(cluster))].into()),
        ]
        .into(),
    })
}

fn request(type_url: TypeUrl, names: &[&str]) -> DeltaRequest {
    DeltaRequest {
        type_url: type_url.to_owned(),
        subscribe: names.iter().map(ToString::to_string).collect(),
        ..DeltaRequest::default()
    }
}

/// Answers everything, and says which clusters went.
fn settle(stream: &mut DeltaStream, mut responses: Vec<DeltaResponse>) -> Vec<String> {
    let mut gone = Vec::new();
    while let Some(response) = responses.pop() {
        let ack = DeltaRequest {
            nonce: response.nonce,
            ..request(response.type_url, &[])
        };
        gone.extend(response.removed);
        responses.extend(stream.on_request(ack).unwrap().responses);
    }
    gone
}

fn connected() -> DeltaStream {
    let mut stream = DeltaStream::new(&ORDER, Limits::default());
    let mut first = stream.on_change(served("a"));
    for ask in [request(CDS, &[]), request(RDS, &["main"])] {
        first.extend(stream.on_request(ask).unwrap().responses);
    }
    assert!(settle(&mut stream, first).is_empty());
    assert!(!stream.lingers());
    stream
}

fn change(stream: &mut DeltaStream, cluster: &str) -> Vec<String> {
    let responses = stream.on_change(served(cluster));
    settle(stream, responses)
}

fn tick(stream: &mut DeltaStream) -> Vec<String> {
    let responses = stream.on_tick();
    settle(stream, responses)
}

#[test]
fn a_cluster_that_no_route_names_any_more_goes_at_the_second_tick() {
    let mut stream = connected();
    assert!(change(&mut stream, "b").is_empty());
    assert_eq!(
        stream.acknowledged(),
        Some("to b"),
        "that one lingers holds nothing up"
    );
    assert!(stream.lingers());
    assert!(tick(&mut stream).is_empty(), "it may have become due just now");
    assert_eq!(tick(&mut stream), ["a"]);
    assert!(!stream.lingers());
    assert_eq!(stream.acknowledged(), Some("to b"));
}

#[test]
fn what_is_served_again_begins_its_time_anew() {
    let mut stream = connected();
    assert!(change(&mut stream, "b").is_empty());
    assert!(tick(&mut stream).is_empty());
    assert!(change(&mut stream, "a").is_empty());
    assert!(change(&mut stream, "b").is_empty());
    assert!(tick(&mut stream).is_empty(), "a was named since the tick before");
    assert_eq!(tick(&mut stream), ["a"]);
}

#[test]
fn changes_without_end_keep_nothing_for_ever() {
    let mut stream = connected();
    let mut gone = Vec::new();
    for n in 0..50 {
        gone.extend(change(&mut stream, &format!("c{n}")));
        gone.extend(tick(&mut stream));
    }
    assert_eq!(
        gone.len(),
        49,
        "all but the one that is served and the one before: {gone:?}"
    );
}
