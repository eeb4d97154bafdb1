//! Texts of others on a terminal: nothing in them moves the cursor, or hides what stands
//! beside it. What a provider says of a user is its own choice, and who answers at a
//! socket may not be who was meant.

use serde_json::Value;

/// `text` in one line.
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, |c| c.escape_unicode().to_string())
}

/// `text` with the line ends that it has.
#[must_use]
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// `value` as indented JSON that says the same, and a line end.
#[must_use]
pub fn json(value: &Value) -> String {
    // Whatever is to be escaped stands in a text, where JSON has its own way (RFC 8259
    // section 7); none of it lies beyond what four digits say.
    let text = format!("{value:#}");
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| escaped(line, |c| format!("\\u{:04x}", u32::from(c))))
        .collect();
    lines.join("\n") + "\n"
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            shown.push_str(&escape(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks of direction and of no width, line and paragraph separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NASTY: &str = "a\u{1b}[2Kb\r\nc\u{202e}d\u{200b}e\u{9b}f";

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(
            printable(NASTY),
            r"a\u{1b}[2Kb\u{d}\u{a}c\u{202e}d\u{200b}e\u{9b}f"
        );
        assert_eq!(lines("one\n\ttwo\n"), "one\n\\u{9}two\n");
        for plain in ["", "Zoë Müller 松本", r"a \ b"] {
            assert_eq!(
                (printable(plain), lines(plain)),
                (plain.to_owned(), plain.to_owned())
            );
        }
        // Twice does no harm.
        assert_eq!(lines(&printable(NASTY)), printable(NASTY));
    }

    #[test]
    fn json_says_the_same_in_letters_that_stay_where_they_are() {
        let value = json!({"Zoë": [NASTY, 1, {"\u{2028}\u{7f}": null}], "b": "\u{feff}"});
        let text = json(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        let plain = |c: char| c == '\n' || !(c.is_control() || is_invisible(c));
        assert!(text.chars().all(plain), "{text}");
        assert!(text.contains("Zoë") && text.contains(r"\u202e"), "{text}");
        assert_eq!(json(&json!({"a": 1})), format!("{:#}\n", json!({"a": 1})));
    }
}
