//! For each code a text and the exact place of the one diagnostic that has it.

#[cfg(test)]
#[path = "positions/global.rs"]
mod global;
#[cfg(test)]
#[path = "positions/route.rs"]
mod route;
#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;
#[cfg(test)]
#[path = "positions/syntax.rs"]
mod syntax;

use portcullis_config::codes::CODES;
use portcullis_document::SYNTAX_CODES;

/// `at!(code, line, column, text)`: a test named after the code.
macro_rules! at {
    ($code:ident, $line:literal, $column:literal, $text:expr) => {
        #[test]
        fn $code() {
            let diagnostic = crate::support::only(&$text, stringify!($code));
            assert_eq!(
                (diagnostic.span.line, diagnostic.span.column),
                ($line, $column),
                "{diagnostic}"
            );
            assert_eq!(&*diagnostic.file, "config.yaml");
        }
    };
}
pub(crate) use at;

#[test]
fn every_code_has_its_place() {
    let sources = [
        include_str!("positions/global.rs"),
        include_str!("positions/route.rs"),
        include_str!("positions/syntax.rs"),
    ];
    for (code, meaning) in CODES.iter().chain(SYNTAX_CODES) {
        assert!(!meaning.is_empty());
        let found = sources.iter().any(|source| {
            let compact: String = source.split_whitespace().collect();
            compact.contains(&format!("at!({code},"))
                || compact.contains(&format!("shown!({code},"))
                || compact.contains(&format!("#[test]fn{code}()"))
        });
        assert!(found, "`{code}` has no test");
    }
}

#[test]
fn codes_are_unique() {
    let mut codes: Vec<_> = CODES.iter().chain(SYNTAX_CODES).map(|(code, _)| code).collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), count);
}
