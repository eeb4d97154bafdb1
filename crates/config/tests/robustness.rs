//! Whatever the text: no panic, an answer soon, and bounded output.

#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;

use std::time::{Duration, Instant};

use portcullis_config::schema::{Scope, keys};
use portcullis_config::{Action, Route, RouteResponseHeaders, Severity};
use proptest::prelude::*;

use support::read;

/// Parses within the time, errs with this code, and takes no effect.
fn refused(text: &str, code: &str) {
    let begin = Instant::now();
    let parsed = read(text);
    assert!(
        begin.elapsed() < Duration::from_secs(60),
        "{code} took {:?}",
        begin.elapsed()
    );
    assert!(parsed.config.is_none());
    let found: Vec<_> = parsed.diagnostics.iter().map(|d| (d.severity, d.code)).collect();
    assert_eq!(found, [(Severity::Error, code)]);
}

#[test]
fn alias_bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    refused(&laughs, "yaml_too_large");
    let merged = format!("a: &a {{k: v}}\nb: [{}]\n", "*a, ".repeat(1_400_000));
    refused(&merged, "yaml_too_large");
    let fat = format!(
        "a: &a \"{}\"\nb: [{}]\n",
        "x".repeat(100_000),
        "*a, ".repeat(1_000)
    );
    refused(&fat, "yaml_too_large");
    refused("a: &a [*a]\n", "yaml_alias");
}

#[test]
fn depth_is_refused() {
    refused(&"[".repeat(10_000), "yaml_too_deep");
    refused(&format!("a: {}", "{a: ".repeat(10_000)), "yaml_too_deep");
    let block: String = (0..10_000)
        .map(|i| format!("{}a:\n", " ".repeat(i % 3_000)))
        .collect();
    assert!(read(&block).config.is_none());
    refused(&"- ".repeat(10_000), "yaml_too_deep");
}

#[test]
fn size_is_refused() {
    refused(&"a".repeat(100 * 1024 * 1024), "yaml_too_large");
    refused(&"- a\n".repeat(2_100_000), "yaml_too_large");
    refused("a\0b: c\n", "yaml_control_character");
    refused("address: \"a\\0b\"\n", "yaml_control_character");
}

#[test]
fn a_flood_of_problems_is_cut() {
    let text: String = (0..20_000)
        .map(|i| format!("- {{from: https://h{i}.example, to: ftp://x}}\n"))
        .collect();
    let begin = Instant::now();
    let parsed = read(&format!("routes:\n{text}"));
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    assert_eq!(parsed.diagnostics.len(), 1_001);
    assert_eq!(parsed.diagnostics.last().unwrap().code, "too_many_problems");
    // Also those whose error is not listed are invalid.
    let routes = parsed.config.unwrap().routes;
    assert_eq!(routes.len(), 20_000);
    assert!(routes.iter().all(|route| route.invalid.is_some()));
}

#[test]
fn a_flood_of_unlisted_errors_still_refuses_the_file() {
    let mut text: String = (0..2_000).map(|i| format!("unknown{i}: 1\n")).collect();
    text.push_str("shared_secret: wrong\n");
    let parsed = read(&text);
    assert!(parsed.config.is_none());
    assert_eq!(parsed.diagnostics.last().unwrap().severity, Severity::Error);
}

const SEED: &str = include_str!("seed.yaml");

#[test]
fn the_seed_of_the_mutations_is_good() {
    let parsed = read(SEED);
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.config.unwrap().routes.len(), 6);
}

/// Whatever comes out hangs together.
fn sound(text: &str) {
    let parsed = read(text);
    let fatal = parsed
        .diagnostics
        .iter()
        .any(|d| d.severity == Severity::Error && d.route.is_none());
    assert_eq!(parsed.config.is_none(), fatal);
    assert!(parsed.diagnostics.is_sorted_by_key(|diagnostic| diagnostic.span));
    // YAML ends a line at a lone carriage return too.
    let lines = text.split(['\n', '\r']).count();
    for diagnostic in &parsed.diagnostics {
        assert!(
            diagnostic.span.line >= 1 && diagnostic.span.column >= 1,
            "{diagnostic}"
        );
        assert!(
            diagnostic.span.line as usize <= lines + 1,
            "{diagnostic} of {lines} lines"
        );
    }
    for route in parsed.config.iter().flat_map(|config| &config.routes) {
        let wrong = parsed
            .diagnostics
            .iter()
            .any(|d| d.route == Some(route.index) && d.severity == Severity::Error);
        assert_eq!(route.invalid.is_some(), wrong);
        assert!(route.action.is_some() || wrong);
        if !wrong {
            consistent(route);
        }
    }
}

/// What the rest of the product takes for granted of a good route.
fn consistent(route: &Route) {
    let clean = |text: &str| !text.chars().any(|c| c.is_control() && c != '\t');
    match &route.action {
        Some(Action::Upstream(upstream)) => {
            assert!(!upstream.to.is_empty());
            let weighted = upstream.to.iter().filter(|to| to.weight > 0).count();
            assert!(weighted == 0 || weighted == upstream.to.len());
            let rewrite = upstream.prefix_rewrite.as_deref().unwrap_or("/");
            assert!(rewrite.starts_with('/') && clean(rewrite) && rewrite.is_ascii());
        }
        Some(Action::Redirect(redirect)) => {
            assert!(redirect.port_redirect.unwrap_or(0) <= 65_535);
            let scheme = redirect.scheme_redirect.as_deref().unwrap_or_default();
            assert!(["", "http", "https"].contains(&scheme.to_ascii_lowercase().as_str()));
        }
        Some(Action::Respond(respond)) => {
            assert!((200..600).contains(&respond.status) && respond.body.len() <= 4_096);
        }
        None => {}
    }
    assert!(route.set_request_headers.iter().all(|(_, value)| clean(value)));
    if let RouteResponseHeaders::Inherit(headers) = &route.set_response_headers {
        assert!(headers.iter().all(|(_, value)| clean(value)));
    }
}

#[test]
fn long_lists_are_bounded_and_cheap() {
    let begin = Instant::now();
    let route = |lines: &str| format!("routes:\n- from: https://a.example\n{lines}");
    let urls = route(&format!(
        "  to: [{}]\n",
        "\"http://a,4294967295\", ".repeat(10_000)
    ));
    let parsed = read(&urls);
    assert!(parsed.diagnostics.iter().any(|d| d.code == "to_too_many"));
    assert!(parsed.config.unwrap().routes[0].invalid.is_some());
    let headers: String = (0..10_000).map(|i| format!("    x-{i}: $a\n")).collect();
    let removed: String = (0..10_000).map(|i| format!("x-{i}, ")).collect();
    let text = route(&format!(
        "  to: http://a\n  set_request_headers:\n{headers}  remove_request_headers: [{removed}]\n"
    ));
    assert!(read(&text).diagnostics.len() <= 1_001);
    let body = route(&format!(
        "  response: {{status: 200, body: \"{}\"}}\n",
        "x".repeat(1_000_000)
    ));
    assert!(
        read(&body)
            .diagnostics
            .iter()
            .any(|d| d.code == "response_invalid")
    );
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn many_wildcards_and_expressions_are_cheap() {
    let text: String = (0..10_000)
        .map(|i| {
            let policy = "to: http://a, allow_any_authenticated_user: true";
            match i % 4 {
                0 => format!("- {{from: 'https://*.h{i}.example', {policy}}}\n"),
                1 => format!("- {{from: 'https://{}b.example', {policy}}}\n", "a*".repeat(100)),
                2 => format!(
                    "- {{from: https://h{i}.example, regex: '/x{i}/([a-z]+|[0-9]{{1,8}})(/.*)?', {policy}}}\n"
                ),
                _ => format!(
                    "- {{from: https://{}.example, path: /x, {policy}}}\n",
                    "a".repeat(60)
                ),
            }
        })
        .collect();
    let begin = Instant::now();
    let parsed = read(&format!("routes:\n{text}"));
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    let routes = parsed.config.unwrap().routes;
    assert_eq!(routes.len(), 10_000);
    assert!(routes.iter().all(|route| route.invalid.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        sound(&text);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        sound(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn yaml_like_noise_is_answered(text in "[-:?,\\[\\]{}#&*!|>'\"%@`a-c0-9 \n\t~<.]{0,200}") {
        sound(&text);
    }

    #[test]
    fn mutations_are_answered(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, "[-:?,\\[\\]{}#&*!|>'\"a-z0-9 \n~<]{0,6}"), 1..6)
    ) {
        let mut chars: Vec<char> = SEED.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len().max(1)).min(chars.len());
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        sound(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn any_value_of_any_option_is_answered(
        key in 0_usize..500,
        value in prop::sample::select(vec![
            "~", "{}", "[]", "\"\"", "true", "-1", "1e9", "text", "[a, [b]]", "{a: {b: c}}", "[{a: 1}, {from: x}]",
            "2024-01-01", "https://x", "\"a\\nb\"", "0x7f", ".nan",
        ]),
    ) {
        let keys: Vec<_> = keys().collect();
        let key = keys[key % keys.len()];
        let name = key.name.split('.').next().unwrap_or_default();
        sound(&match key.scope {
            Scope::Global => format!("{name}: {value}\n"),
            // What the route begins with cannot stand twice.
            Scope::Route if matches!(name, "from" | "to") => format!("routes:\n- {name}: {value}\n"),
            Scope::Route => {
                format!("routes:\n- from: https://a.example\n  to: http://a\n  {name}: {value}\n")
            }
        });
    }
}
