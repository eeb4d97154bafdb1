//! Whatever the text: no panic, and an answer for every case.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use portcullis_cases::{Files, Suite, is_case_file, junit, run_vectors};
use proptest::prelude::*;

const CASES: &str = include_str!("../../../tests/conformance/policy/cases/outcomes.yaml");
const VECTORS: &str = include_str!("../../../tests/conformance/policy/pomerium.json");

struct Nothing;

impl Files for Nothing {
    fn text(&self, path: &Path) -> Result<String, String> {
        Err(format!("{} is not there", path.display()))
    }
}

/// A piece of `text` is taken out, and another put in its place.
fn altered(text: &'static str) -> impl Strategy<Value = String> {
    let at = || 0..text.len();
    (at(), 0_usize..40, "[\\PC\\n]{0,12}").prop_map(move |(start, length, other)| {
        let mut bytes = text.as_bytes().to_vec();
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, other.bytes());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn cases(text: &str) {
    let _ = is_case_file(text);
    let mut suite = Suite::new(&Nothing);
    let results = suite.run("cases.yaml", text);
    let _ = (junit(&results), suite.coverage().to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_answered(text in "[\\PC\\n]{0,400}") {
        cases(&text);
        prop_assert!(run_vectors(&text).is_err());
    }

    #[test]
    fn a_file_of_cases_with_a_mistake_is_answered(text in altered(CASES)) {
        cases(&text);
    }

    #[test]
    fn a_file_of_vectors_with_a_mistake_is_answered(text in altered(VECTORS)) {
        if let Ok(ran) = run_vectors(&text) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok() && !ran.is_empty());
        }
    }
}
