use portcullis_config::{Severity, Source, parse};

use crate::at;

at!(yaml_syntax, 2, 9, "routes:\n  - a: b: c\n");
at!(yaml_duplicate_key, 2, 1, "address: a\naddress: b\n");
at!(yaml_key, 2, 3, "certificates:\n  1: x\n");
at!(yaml_alias, 1, 10, "address: *nowhere\n");
at!(yaml_merge, 3, 9, "routes:\n  - <<:\n      - just text\n");
at!(yaml_tag, 1, 10, "address: !thing x\n");
at!(yaml_control_character, 2, 8, "address: x\nroutes:\u{7}\n");
at!(yaml_too_deep, 1, 73, format!("address: {}\n", "[".repeat(100)));
at!(yaml_too_large, 1, 1, "#".repeat(17 * 1024 * 1024));
at!(empty_document, 1, 1, "# nothing\n");

/// `shown!(code, file, line, column, text)`: the one thing that is said of a text in this format.
macro_rules! shown {
    ($code:ident, $file:literal, $line:literal, $column:literal, $text:expr) => {
        #[test]
        fn $code() {
            let name = $file.to_owned();
            let parsed = parse(&[Source {
                name,
                text: $text.into(),
            }]);
            let found: Vec<_> = parsed
                .diagnostics
                .iter()
                .map(|d| (d.code, d.span.line, d.span.column))
                .collect();
            assert_eq!(found, [(stringify!($code), $line, $column)]);
            assert_eq!(&*parsed.diagnostics[0].file, $file);
            assert!(parsed.config.is_none());
        }
    };
}

shown!(json_syntax, "c.json", 2, 12, "{\n\"address\": '' }");
shown!(json_duplicate_key, "c.json", 1, 10, "{\"é\": 1, \"é\": 2}");
shown!(json_control_character, "c.json", 1, 7, "{\"é\": \"\\u0000\"}");
shown!(json_too_deep, "c.json", 1, 65, "[".repeat(100));
shown!(json_too_large, "c.json", 1, 1, " ".repeat(17 * 1024 * 1024));
shown!(toml_syntax, "c.toml", 2, 11, "\naddress = x");
shown!(toml_duplicate_key, "c.toml", 2, 1, "'é' = 1\n'é' = 2");
shown!(toml_control_character, "c.toml", 1, 7, "'é' = \"\\u0000\"");
shown!(toml_too_deep, "c.toml", 1, 69, format!("a = {}", "[".repeat(100)));
shown!(toml_too_large, "c.toml", 1, 1, "#".repeat(17 * 1024 * 1024));

#[test]
fn one_source() {
    let source = Source {
        name: "a.yaml".into(),
        text: "{}".into(),
    };
    let parsed = parse(&[source.clone(), source]);
    assert_eq!(parsed.diagnostics.len(), 1);
    assert_eq!(parsed.diagnostics[0].code, "one_source");
    assert_eq!(parsed.diagnostics[0].span.to_string(), "1:1");
    assert_eq!(parsed.diagnostics[0].severity, Severity::Error);
    assert!(parsed.config.is_none());
}
