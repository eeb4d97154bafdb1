//! The code under `src/generated/` is what the `.proto` files say today.
//! `UPDATE_PROTO=1 cargo test -p portcullis-proto --test generated` writes it anew.

use std::fs;
use std::path::Path;

const FILES: [&str; 2] = ["portcullis/feed/v1/feed.proto", "portcullis/store/v1/store.proto"];

#[test]
fn the_generated_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(FILES, [root]).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .build_transport(true)
        .bytes(".portcullis")
        .skip_debug(SECRET)
        .emit_rerun_if_changed(false)
        .out_dir(fresh.path())
        .compile_fds(descriptors)
        .unwrap();

    let checked_in = root.join("src/generated");
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    if std::env::var_os("UPDATE_PROTO").is_some() {
        for stale in names(&checked_in) {
            fs::remove_file(checked_in.join(stale)).unwrap();
        }
        for name in names(fresh.path()) {
            fs::copy(fresh.path().join(&name), checked_in.join(&name)).unwrap();
        }
    }
    assert_eq!(names(&checked_in), names(fresh.path()));
    for name in names(fresh.path()) {
        let read = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap();
        assert!(
            read(&checked_in) == read(fresh.path()),
            "{name:?} is stale; run this test with UPDATE_PROTO=1"
        );
    }
}

/// What holds a secret must not show it: no `Debug` is derived for these.
const SECRET: [&str; 6] = [
    "portcullis.feed.v1.Keys",
    "portcullis.feed.v1.Provider",
    "portcullis.feed.v1.Update",
    "portcullis.feed.v1.Settings",
    "portcullis.store.v1.Record",
    "portcullis.store.v1.PutRequest",
];
