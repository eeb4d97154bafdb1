//! Configurations of any size: the demo's, with more routes behind it.

use core::fmt::Write as _;
use portcullis_bundle::Bundle;
use portcullis_config::{Config, Source};
use portcullis_snapshot::{Generated, Materials, Snapshot, build};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The configuration of `make demo`.
pub const DEMO: &str = include_str!("../../../examples/demo/config.yaml");

/// Which of the added routes differs, and in what.
#[derive(Clone, Copy)]
pub(crate) enum Edit {
    None,
    /// Its policy.
    Policy,
    /// Where it leads.
    Destination,
}

/// The demo with as many more routes as make `routes` in all.
pub(crate) fn text(routes: usize, edit: Edit) -> String {
    let mut text = DEMO.to_owned();
    let more = routes.saturating_sub(3);
    for index in 0..more {
        let edited = index == more / 2;
        let (upstream, team) = match edit {
            Edit::Policy if edited => (index, 9_999),
            Edit::Destination if edited => (99_999, index % 50),
            _ => (index, index % 50),
        };
        add_route(
            &mut text,
            index,
            &format!("http://app-{upstream}.internal:8080"),
            team,
        );
    }
    text
}

/// Writes the route of one application at the end of a configuration.
pub fn add_route(text: &mut String, index: usize, upstream: &str, team: usize) {
    write!(
        text,
        "
- name: app-{index}
  from: https://app-{index}.apps.localhost:8443
  to: {upstream}
  prefix: /
  policy:
  - allow:
      and:
      - claim/groups: team-{team}
      - domain:
          is: example.com
  - deny:
      or:
      - email:
          is: former-{index}@example.com
"
    )
    .unwrap();
}

pub(crate) fn source(routes: usize, edit: Edit) -> Vec<Source> {
    vec![Source {
        name: "config.yaml".to_owned(),
        text: text(routes, edit),
    }]
}

/// A configuration that has to be one.
pub fn config(source: &[Source]) -> Config {
    let parsed = portcullis_config::parse(source);
    parsed
        .config
        .unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
}

/// What a configuration without files and with secrets of its own needs.
pub fn materials() -> Materials {
    Materials {
        files: BTreeMap::new(),
        generated: Generated {
            shared_secret: [1; 32],
            cookie_secret: [2; 32],
        },
        self_signed: None,
        ipv4_only: false,
        each_host_logs_in: false,
    }
}

/// What Envoy and the authz-server must have.
pub fn built(config: &Config) -> (Snapshot, Arc<Bundle>) {
    let built = build(config, &materials());
    match (built.snapshot, built.bundle) {
        (Some(snapshot), Some(bundle)) => (snapshot, bundle),
        _ => panic!("{:?}", built.diagnostics),
    }
}
