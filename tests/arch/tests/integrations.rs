//! The pages about other people's Envoys and meshes say what the examples say, which
//! tests run: every YAML block is an excerpt of one of their files.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_arch::Workspace;

const EXAMPLES: [&str; 2] = ["examples/plain-envoy", "examples/istio"];

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found
}

/// The lines that say something, each with its depth below the first.
fn lines(text: &str) -> Vec<(isize, &str)> {
    let depth = |line: &str| (line.len() - line.trim_start().len()).cast_signed();
    let said: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let first = said.first().map_or(0, |line| depth(line));
    said.iter()
        .map(|line| (depth(line) - first, line.trim()))
        .collect()
}

fn is_excerpt(block: &str, file: &str) -> bool {
    let (wanted, there) = (lines(block), lines(file));
    !wanted.is_empty()
        && there.windows(wanted.len()).any(|window| {
            let first = window.first().map_or(0, |(depth, _)| *depth);
            let same = |((depth, said), (wanted, text)): (&(isize, &str), &(isize, &str))| {
                depth - first == *wanted && said == text
            };
            window.iter().zip(&wanted).all(same)
        })
}

fn root() -> PathBuf {
    Workspace::read()
        .expect("cargo metadata answers")
        .root()
        .to_path_buf()
}

#[test]
fn every_block_of_the_integration_pages_is_an_excerpt_of_an_example() {
    let root = root();
    let examples: Vec<String> = EXAMPLES
        .iter()
        .flat_map(|place| files(&root.join(place), "yaml"))
        .map(|path| fs::read_to_string(path).expect("an example is text"))
        .collect();
    let mut count = 0;
    for page in files(&root.join("docs/integrations"), "md") {
        let text = fs::read_to_string(&page).expect("a page is text");
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            let found = examples.iter().any(|example| is_excerpt(block, example));
            assert!(found, "{}: in no example:\n{block}", page.display());
            count += 1;
        }
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn every_link_of_the_integration_pages_leads_to_a_file() {
    let root = root();
    let mut pages = files(&root.join("docs/integrations"), "md");
    pages.extend(EXAMPLES.iter().flat_map(|place| files(&root.join(place), "md")));
    assert!(pages.len() >= 5);
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page is text");
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            let place = page.parent().expect("a page is in a directory").join(target);
            assert!(
                target.is_empty() || target.contains("://") || place.exists(),
                "{}: {target}",
                page.display()
            );
        }
    }
}

#[test]
fn a_block_that_says_otherwise_is_no_excerpt() {
    let file = "a:\n  # why\n  b: 1\n  c:\n    d: 2\n";
    for block in ["b: 1\nc:\n  d: 2\n", "# other words\nb: 1\n", file] {
        assert!(is_excerpt(block, file), "{block}");
    }
    for block in ["", "b: 2\n", "b: 1\nd: 2\n", "b: 1\n  c:\n    d: 2\n"] {
        assert!(!is_excerpt(block, file), "{block}");
    }
}
