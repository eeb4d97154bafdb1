//! The crates depend on each other as `docs/ARCHITECTURE.md` draws it, and in no other way.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use portcullis_arch::{
    EDGE_LIBRARIES, HAS_TONIC_THROUGH_ENVOY_TYPES, IMPURE_TEXT, Kind, NEVER_REACHES, PICTURE, Workspace,
    rust_files,
};

fn workspace() -> Workspace {
    Workspace::read().expect("cargo metadata answers")
}

#[test]
fn every_edge_is_drawn() {
    let mut wrong = Vec::new();
    for member in workspace().members() {
        let Some(drawn) = PICTURE.iter().find(|c| c.name == member.name) else {
            wrong.push(format!("{} is not in the picture", member.name));
            continue;
        };
        for edge in member
            .edges
            .iter()
            .filter(|e| !drawn.may_use.contains(&e.as_str()))
        {
            wrong.push(format!("{} -> {edge} is not in the picture", member.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_picture_has_no_crate_that_is_gone() {
    let members: Vec<String> = workspace().members().into_iter().map(|m| m.name).collect();
    for drawn in PICTURE {
        assert!(
            members.iter().any(|m| m == drawn.name),
            "{} is drawn but does not exist",
            drawn.name
        );
    }
}

#[test]
fn pure_crates_reach_no_edge_library() {
    let mut wrong = Vec::new();
    for member in workspace().members() {
        let pure = PICTURE
            .iter()
            .any(|c| c.name == member.name && c.kind == Kind::Pure);
        if !pure {
            continue;
        }
        let seen = if member.name == HAS_TONIC_THROUGH_ENVOY_TYPES {
            &member.libraries
        } else {
            &member.reaches
        };
        for library in EDGE_LIBRARIES.iter().filter(|l| seen.contains(**l)) {
            wrong.push(format!("{} reaches {library}", member.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_crates_name_no_clock_file_or_socket() {
    let mut wrong = Vec::new();
    for member in workspace().members() {
        if !PICTURE
            .iter()
            .any(|c| c.name == member.name && c.kind == Kind::Pure)
        {
            continue;
        }
        for file in rust_files(&member.folder.join("src")).expect("sources can be read") {
            let text = std::fs::read_to_string(&file).expect("a source file is text");
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in IMPURE_TEXT.iter().filter(|w| code.contains(**w)) {
                    wrong.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn servers_never_reach_what_is_not_theirs() {
    let mut wrong = Vec::new();
    for member in workspace().members() {
        for (name, never) in NEVER_REACHES.iter().filter(|(name, _)| *name == member.name) {
            for library in never.iter().filter(|l| member.reaches.contains(**l)) {
                wrong.push(format!("{name} reaches {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
