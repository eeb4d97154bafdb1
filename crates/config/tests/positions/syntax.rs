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
at!(yaml_too_large, 1, 1, "#".repeat(9 * 1024 * 1024));
at!(empty_document, 1, 1, "# nothing\n");

#[test]
fn toml_format() {
    let parsed = parse(&[Source {
        name: "Config.TOML".into(),
        text: "a = 1".into(),
    }]);
    assert_eq!(parsed.diagnostics.len(), 1);
    assert_eq!(parsed.diagnostics[0].code, "toml_format");
    assert_eq!(parsed.diagnostics[0].span.to_string(), "1:1");
    assert!(parsed.config.is_none());
}

#[test]
fn one_source() {
    let source = Source {
        name: "a.yaml".into(),
        text: "{}".into(),
    };
    for sources in [vec![], vec![source.clone(), source]] {
        let parsed = parse(&sources);
        assert_eq!(parsed.diagnostics.len(), 1);
        assert_eq!(parsed.diagnostics[0].code, "one_source");
        assert_eq!(parsed.diagnostics[0].span.to_string(), "1:1");
        assert_eq!(parsed.diagnostics[0].severity, Severity::Error);
        assert!(parsed.config.is_none());
    }
}
