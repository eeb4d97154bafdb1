//! One change of many resources on a stream.

use crate::{Run, repeat};
use bytes::Bytes;
use core::hint::black_box;
use portcullis_xds::{DeltaRequest, DeltaResponse, DeltaStream, Limits, Resource, Served, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";

/// One of `count` clusters changes and the client acknowledges it.
pub(crate) fn change(count: usize) -> Run {
    let order = [CLUSTER, LISTENER].map(|type_url| Stage {
        type_url,
        wildcard: true,
        leaf: false,
        lingers: type_url == CLUSTER,
    });
    let mut targets = [served(count, "b"), served(count, "a")];
    let mut stream = DeltaStream::new(&order, Limits::default());
    let mut responses = stream.on_change(Arc::clone(&targets[1]));
    for type_url in [CLUSTER, LISTENER] {
        let ask = DeltaRequest {
            type_url: type_url.to_owned(),
            ..DeltaRequest::default()
        };
        responses.extend(stream.on_request(ask).unwrap().responses);
    }
    while let Some(response) = responses.pop() {
        responses.extend(acknowledge(&mut stream, &response));
    }
    assert!(stream.settled());

    repeat(move || {
        let responses = stream.on_change(Arc::clone(&targets[0]));
        assert_eq!((responses.len(), responses[0].resources.len()), (1, 1));
        black_box(acknowledge(&mut stream, &responses[0]));
        assert!(stream.settled());
        targets.swap(0, 1);
    })
}

fn acknowledge(stream: &mut DeltaStream, response: &DeltaResponse) -> Vec<DeltaResponse> {
    let ack = DeltaRequest {
        type_url: response.type_url.to_owned(),
        nonce: response.nonce.clone(),
        ..DeltaRequest::default()
    };
    stream.on_request(ack).unwrap().responses
}

fn served(count: usize, of_the_middle: &str) -> Arc<Served> {
    let resource = |index: usize| Resource {
        version: format!(
            "{index:064x}-{}",
            if index == count / 2 { of_the_middle } else { "a" }
        ),
        bytes: Bytes::from_static(&[7; 300]),
    };
    let clusters = (0..count).map(|index| (format!("upstream-{index:016x}"), resource(index)));
    let listener = Resource {
        version: "1".to_owned(),
        bytes: Bytes::from_static(&[7; 2_000]),
    };
    let listeners = BTreeMap::from([("https-ingress".to_owned(), listener)]);
    Arc::new(Served {
        version: of_the_middle.to_owned(),
        resources: BTreeMap::from([(CLUSTER, clusters.collect()), (LISTENER, listeners)]),
    })
}
