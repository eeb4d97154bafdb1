//! Rules of the house that a machine can hold: the fixed top level, file
//! sizes, module names, and that nothing generated hides among what is written.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;

use portcullis_arch::{Workspace, rust_files};

/// What of design stands at the top level; other files there are not folders.
const TOP_LEVEL: &[&str] = &[
    "authz-server",
    "charts",
    "control-plane",
    "crates",
    "docs",
    "envoy",
    "examples",
    "proto",
    "tests",
];

const LONGEST_FILE: usize = 600;

fn root() -> std::path::PathBuf {
    Workspace::read()
        .expect("cargo metadata answers")
        .root()
        .to_path_buf()
}

#[test]
fn the_top_level_is_fixed() {
    let mut folders: Vec<String> = std::fs::read_dir(root())
        .expect("the root can be read")
        .filter_map(Result::ok)
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with('.') && n != "target")
        .collect();
    folders.sort();
    assert_eq!(folders, TOP_LEVEL);
}

#[test]
fn no_file_is_too_long() {
    let root = root();
    let mut wrong = Vec::new();
    for file in sources(&root) {
        let lines = std::fs::read_to_string(&file)
            .expect("a source file is text")
            .lines()
            .count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn modules_have_names_that_say_something() {
    let mut wrong = Vec::new();
    for file in sources(&root()) {
        let name = file
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        if [
            "mod.rs",
            "utils.rs",
            "util.rs",
            "common.rs",
            "manager.rs",
            "helpers.rs",
        ]
        .contains(&name.as_str())
        {
            wrong.push(file.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_test_is_ignored() {
    let needle = concat!("#[", "ignore");
    let wrong: Vec<String> = sources(&root())
        .into_iter()
        .filter(|f| {
            std::fs::read_to_string(f)
                .expect("a source file is text")
                .contains(needle)
        })
        .map(|f| f.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sources(root: &Path) -> Vec<std::path::PathBuf> {
    TOP_LEVEL
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)).expect("sources can be read"))
        .filter(|f| !f.components().any(|c| c.as_os_str() == "generated"))
        .collect()
}
