//! Our own cases, as data in `tests/conformance/policy/cases`.
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

use portcullis_cases::{CaseResult, Suite, Verdict, is_case_file};
use support::{Disk, folder};

/// How many there are at least. A file that is lost would pass in silence.
const AT_LEAST: usize = 425;

fn run_all() -> (Vec<CaseResult>, String) {
    let mut files: Vec<_> = std::fs::read_dir(folder("tests/conformance/policy/cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let mut suite = Suite::new(&Disk);
    let mut results = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        if is_case_file(&text) {
            results.extend(suite.run(&file.to_string_lossy(), &text));
        }
    }
    (results, suite.coverage().to_string())
}

#[test]
fn every_case_passes() {
    let (results, coverage) = run_all();
    let failed: Vec<String> = results
        .iter()
        .filter_map(|result| {
            let name = format!("{}:{} {}", result.file, result.span.line, result.name);
            match &result.verdict {
                Verdict::Passed => None,
                Verdict::Failed { differences, trace } => {
                    let trace = trace.as_deref().unwrap_or_default();
                    Some(format!("{name}: {}\n{trace}", differences.join("; ")))
                }
                Verdict::Broken(problems) => Some(format!("{name}: {}", problems.join("; "))),
            }
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(results.len() >= AT_LEAST, "{}", results.len());
    assert!(
        coverage.contains("no case asks the route `shadowed`"),
        "{coverage}"
    );
}

/// Names tell the cases of a file apart.
#[test]
fn no_name_stands_twice() {
    let (results, _) = run_all();
    let mut names: Vec<_> = results
        .iter()
        .map(|result| (&result.file, &result.name))
        .collect();
    names.sort();
    let twice: Vec<_> = names
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}
