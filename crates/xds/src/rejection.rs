//! What a client refused, in words that may be shown.

use std::collections::BTreeSet;

use crate::TypeUrl;

/// The longest reason that is kept, in characters.
pub const MAX_REASON: usize = 500;

/// One resource that the client refused (a NACK).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its type.
    pub type_url: TypeUrl,
    /// Its name.
    pub name: String,
    /// The version that was refused.
    pub refused_version: String,
    /// The version that the client accepted before and serves on; `None` when
    /// it holds none.
    pub held_version: Option<String>,
    /// The client's words, cut by [`reason`].
    pub reason: String,
}

/// Cuts a client's error text to what may be logged.
///
/// Envoy's text goes on after `goo.gle/debugonly` with the whole resource,
/// which may hold secrets; so what comes from there on, and every line but the
/// first, is dropped, control characters are replaced, and the rest is bounded
/// by [`MAX_REASON`] characters.
#[must_use]
pub fn reason(text: &str) -> String {
    let shown = text.split("goo.gle/debugonly").next().unwrap_or_default();
    let line = shown.trim_start().lines().next().unwrap_or_default().trim_end();
    line.chars()
        .take(MAX_REASON)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// How much of an error text is searched for names, in bytes.
const MAX_SEARCHED: usize = 64 << 10;

/// The words of a client's error text that may be names of resources, as in
/// Envoy's `Error adding/updating cluster(s) a: malformed IP address, b: …`.
/// Nothing from `goo.gle/debugonly` on, where whole resources stand.
pub(crate) fn words(text: &str) -> BTreeSet<&str> {
    let end = (0..=MAX_SEARCHED.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let shown = text.get(..end.unwrap_or_default()).unwrap_or_default();
    let shown = shown.split("goo.gle/debugonly").next().unwrap_or_default();
    let between = |c: char| c.is_whitespace() || ",;()[]{}<>'\"`".contains(c);
    let words = shown.split(between).map(|word| word.trim_end_matches([':', '.']));
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_that_follows_debugonly_is_cut() {
        let text = "Error adding listener(s) l9: bad value goo.gle/debugonly\nprivate_key: \"SECRET\"";
        assert_eq!(reason(text), "Error adding listener(s) l9: bad value");
        assert_eq!(reason("goo.gle/debugonly SECRET"), "");
    }

    #[test]
    fn names_are_found_among_the_words_of_an_error() {
        let text =
            "Error adding/updating cluster(s) up:1: malformed IP address: x, 'b': bad.\ngoo.gle/debugonly c";
        let found = words(text);
        for name in ["up:1", "b", "bad"] {
            assert!(found.contains(name), "{found:?}");
        }
        assert!(!found.contains("c") && !found.contains(""));
        let long = format!("{}ä name", "x".repeat(MAX_SEARCHED - 1));
        assert_eq!(words(&long).len(), 1, "cut at a character's boundary");
    }

    #[test]
    fn only_the_first_line_and_at_most_500_characters_stay() {
        assert_eq!(reason("missing ]: [\nkey: SECRET"), "missing ]: [");
        assert_eq!(reason(&"ä".repeat(2000)), "ä".repeat(500));
        assert_eq!(reason("a\tb\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(reason(""), "");
    }
}
