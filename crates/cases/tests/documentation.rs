//! `docs/policy-tests.md` names every key, and its example passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[cfg(test)]
#[path = "support/disk.rs"]
mod support;

use portcullis_cases::{Suite, Verdict};
use support::{Disk, folder};

const PAGE: &str = include_str!("../../../docs/policy-tests.md");

#[test]
fn the_example_of_the_page_passes() {
    let example = PAGE
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    // Beside the configuration that it names.
    let name = folder("examples/policy-tests").join("page.yaml");
    let mut suite = Suite::new(&Disk);
    let results = suite.run(&name.to_string_lossy(), example);
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result.verdict, Verdict::Passed, "{}", result.name);
    }
}

/// The keys are those that the message about an unknown one lists.
#[test]
fn every_key_is_on_the_page() {
    let mut count = 0;
    for (part, text) in [
        ("given", "cases: [{given: {'?': 1}, then: allow}]"),
        (
            "when",
            "cases: [{given: {policy: []}, when: {'?': 1}, then: allow}]",
        ),
        ("then", "cases: [{given: {policy: []}, then: {'?': 1}}]"),
    ] {
        let results = Suite::new(&Disk).run("cases.yaml", text);
        let Verdict::Broken(problems) = &results[0].verdict else {
            panic!("{results:?}")
        };
        let listed = problems
            .iter()
            .find_map(|problem| problem.split("expected one of ").nth(1))
            .unwrap();
        let section = PAGE.split(&format!("### `{part}`")).nth(1).unwrap();
        let section = section.split("\n### ").next().unwrap();
        let rows: Vec<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split(" |").next())
            .collect();
        for key in listed.split(", ") {
            let named = rows
                .iter()
                .any(|row| row.split("`, `").any(|name| name.trim_matches('`') == key));
            assert!(named, "`{part}.{key}` is not on the page");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}
