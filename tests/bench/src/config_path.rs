//! From a configuration text to encoded resources.

use crate::deployment::{self, Edit, built, materials, source};
use crate::{Run, repeat};
use core::hint::black_box;
use portcullis_envoy_config::{ResourceSet, Sockets, resources};
use portcullis_snapshot::{Snapshot, build as build_both, diff};

fn sockets() -> Sockets {
    Sockets {
        authz: "/run/portcullis/authz.sock".into(),
        web: "/run/portcullis/web.sock".into(),
    }
}

/// Everything, with nothing known from before.
pub(crate) fn cold(routes: usize) -> Run {
    let (source, materials, sockets) = (source(routes, Edit::None), materials(), sockets());
    repeat(move || {
        let config = deployment::config(black_box(&source));
        let built = build_both(&config, &materials);
        let snapshot = built.snapshot.unwrap();
        black_box((resources(&snapshot, &sockets, None), built.bundle));
    })
}

/// The first third: text to configuration.
pub(crate) fn parse(routes: usize) -> Run {
    let source = source(routes, Edit::None);
    repeat(move || {
        black_box(deployment::config(black_box(&source)));
    })
}

/// The second third: configuration to snapshot and bundle.
pub(crate) fn build(routes: usize) -> Run {
    let (config, materials) = (deployment::config(&source(routes, Edit::None)), materials());
    repeat(move || {
        black_box(build_both(black_box(&config), &materials));
    })
}

/// The last third: snapshot to encoded resources.
pub(crate) fn encode(routes: usize) -> Run {
    let (snapshot, _) = built(&deployment::config(&source(routes, Edit::None)));
    let sockets = sockets();
    repeat(move || {
        black_box(resources(black_box(&snapshot), &sockets, None));
    })
}

/// One policy differs: build, look for differences, encode what changed.
pub(crate) fn edit_policy(routes: usize) -> Run {
    edited(routes, Edit::Policy)
}

/// One route leads elsewhere.
pub(crate) fn edit_route(routes: usize) -> Run {
    edited(routes, Edit::Destination)
}

fn edited(routes: usize, edit: Edit) -> Run {
    let of = |edit| deployment::config(&source(routes, edit));
    let (materials, sockets) = (materials(), sockets());
    let mut configs = [of(edit), of(Edit::None)];
    let (first, _) = built(&configs[1]);
    let set = resources(&first, &sockets, None);
    let mut known: (Snapshot, ResourceSet) = (first, set);
    // To and fro, so that every run meets one change.
    repeat(move || {
        let built = build_both(black_box(&configs[0]), &materials);
        let snapshot = built.snapshot.unwrap();
        let changes = diff(&known.0, &snapshot);
        assert_eq!(changes.is_empty(), matches!(edit, Edit::Policy));
        let set = resources(&snapshot, &sockets, Some(&known.1));
        known = (snapshot, set);
        configs.swap(0, 1);
    })
}
