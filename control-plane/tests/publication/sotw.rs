//! The state of the world as a client of it sees it: told in the words of delta,
//! so that one test serves both protocols.

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};

use crate::client::{CDS, LDS};

type Content = BTreeMap<String, Vec<u8>>;

/// What the client holds and has said, by type.
#[derive(Clone, Default)]
pub(crate) struct Translation {
    names: BTreeMap<String, BTreeSet<String>>,
    held: BTreeMap<String, Content>,
    versions: BTreeMap<String, String>,
    nonces: BTreeMap<String, String>,
    /// What an ACK of a nonce makes of the type, and its version.
    pending: BTreeMap<String, (Content, String)>,
}

impl Translation {
    /// The same client on a new stream.
    pub(crate) fn begin(&mut self) {
        self.nonces.clear();
        self.pending.clear();
    }

    pub(crate) fn request(&mut self, request: DeltaDiscoveryRequest) -> DiscoveryRequest {
        let DeltaDiscoveryRequest {
            node,
            type_url,
            resource_names_subscribe,
            resource_names_unsubscribe,
            response_nonce,
            error_detail,
            ..
        } = request;
        let names = self.names.entry(type_url.clone()).or_default();
        names.extend(resource_names_subscribe);
        names.retain(|name| !resource_names_unsubscribe.contains(name));
        let done = self.pending.remove(&response_nonce);
        if let (Some((content, version)), None) = (done, &error_detail) {
            self.held.insert(type_url.clone(), content);
            self.versions.insert(type_url.clone(), version);
        }
        let last = self.nonces.get(&type_url).cloned().unwrap_or_default();
        DiscoveryRequest {
            node,
            version_info: self.versions.get(&type_url).cloned().unwrap_or_default(),
            resource_names: names.iter().cloned().collect(),
            type_url,
            response_nonce: if response_nonce.is_empty() {
                last
            } else {
                response_nonce
            },
            error_detail,
            ..DiscoveryRequest::default()
        }
    }

    /// What is new in `response`, and what is gone by it.
    pub(crate) fn response(&mut self, response: DiscoveryResponse) -> DeltaDiscoveryResponse {
        let DiscoveryResponse {
            version_info,
            resources,
            type_url,
            nonce,
            ..
        } = response;
        assert!(resources.iter().all(|any| any.type_url == type_url));
        let held = self.held.entry(type_url.clone()).or_default();
        let whole = type_url == CDS || type_url == LDS;
        let mut content: Content = resources
            .iter()
            .map(|any| (name(&any.value), any.value.clone()))
            .collect();
        let removed = held
            .keys()
            .filter(|name| whole && !content.contains_key(*name))
            .cloned()
            .collect();
        let changed = resources
            .into_iter()
            .filter(|any| !whole || held.get(&name(&any.value)) != Some(&any.value))
            .map(|any| Resource {
                name: name(&any.value),
                resource: Some(any),
                ..Resource::default()
            })
            .collect();
        if !whole {
            let kept = held.iter().filter(|(name, _)| !content.contains_key(*name));
            let kept: Content = kept.map(|(n, c)| (n.clone(), c.clone())).collect();
            content.extend(kept);
        }
        self.nonces.insert(type_url.clone(), nonce.clone());
        self.pending
            .insert(nonce.clone(), (content, version_info.clone()));
        DeltaDiscoveryResponse {
            system_version_info: version_info,
            resources: changed,
            type_url,
            removed_resources: removed,
            nonce,
            ..DeltaDiscoveryResponse::default()
        }
    }
}

/// Of every type that is served the name is the first field.
fn name(message: &[u8]) -> String {
    assert_eq!(message[0], 0x0a, "a name");
    let length = usize::from(message[1]);
    assert!(length < 0x80, "a short name");
    String::from_utf8(message[2..2 + length].to_vec()).unwrap()
}
