//! Whatever the text: no panic, and what is said lies in it.

use portcullis_config::{Diagnostic, Severity};
use proptest::prelude::*;

use super::{cases, read};

/// Whatever comes out hangs together, and lies in the text.
fn sound(name: &str, text: &str) {
    let parsed = read(name, Some(text), []);
    let fatal = |d: &Diagnostic| d.severity == Severity::Error && d.route.is_none();
    assert_eq!(parsed.config.is_none(), parsed.diagnostics.iter().any(fatal));
    let lines: Vec<_> = text.trim_start_matches('\u{feff}').split('\n').collect();
    for diagnostic in &parsed.diagnostics {
        let line = lines.get(diagnostic.span.line as usize - 1).unwrap();
        assert!(
            diagnostic.span.column as usize <= line.chars().count() + 1,
            "{diagnostic}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        sound("config.json", &text);
        sound("config.toml", &text);
    }

    #[test]
    fn mutations_are_answered(
        case in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, "[-\\[\\]{}=:.,'\"a-z0-9é \n]{0,6}"), 1..6)
    ) {
        for (name, file) in [
            ("config.json", include_str!("../../../../tests/conformance/config/json.cases")),
            ("config.toml", include_str!("../../../../tests/conformance/config/toml.cases")),
        ] {
            let cases = cases(file);
            let mut chars: Vec<char> = cases[case.index(cases.len())].lines.join("\n").chars().collect();
            for (at, remove, insert) in &edits {
                let at = at.index(chars.len().max(1)).min(chars.len());
                let end = (at + remove).min(chars.len());
                chars.splice(at..end, insert.chars());
            }
            sound(name, &chars.into_iter().collect::<String>());
        }
    }
}
