//! Configuration texts in every format.

use portcullis_config::{Parsed, Severity, Source, parse};

/// Reads `data` as a configuration in each of the formats. Nothing panics, what
/// does not take effect says why, and every problem stands at a place of the
/// text and can be shown.
pub fn config_text(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    for name in ["config.yaml", "config.json", "config.toml"] {
        let source = Source {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        let Parsed { config, diagnostics } = parse(&[source]);
        let mut errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
        assert!(
            config.is_some() || errors.next().is_some(),
            "no effect and no reason"
        );
        // One more: the end of a text may stand on a line of its own.
        let lines = 2 + text
            .matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
            .count();
        for diagnostic in &diagnostics {
            let (line, column) = (diagnostic.span.line, diagnostic.span.column);
            assert!(
                (1..=lines).contains(&(line as usize)) && column >= 1,
                "{diagnostic}"
            );
            assert!(!diagnostic.to_string().is_empty());
        }
    }
}
