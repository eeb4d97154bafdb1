//! Where the texts of a configuration stand: the file, and the environment variables over it.

use std::sync::Arc;

use portcullis_document::Span;

/// Lines from here on are those of variables; no file is so long.
const FIRST_OF_VARIABLES: u32 = 1 << 31;

/// Tells the places in the file from those in variables. The spans of a [`crate::Config`] run through all
/// of its texts, one after the other; here each finds its text again.
#[derive(Debug, Clone)]
pub struct Places {
    file: Arc<str>,
    /// The line at which each variable's text begins, and `$NAME`; in order.
    variables: Vec<(u32, Arc<str>)>,
    next: u32,
}

impl Places {
    /// Of a configuration that is a file alone, named as on the command line.
    #[must_use]
    pub fn new(file: impl Into<Arc<str>>) -> Self {
        Self {
            file: file.into(),
            variables: Vec::new(),
            next: FIRST_OF_VARIABLES,
        }
    }

    /// The file as named on the command line.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The name of the text in which a place lies (that of the file, or `$NAME`), and line and column
    /// there.
    #[must_use]
    pub fn find(&self, span: Span) -> (Arc<str>, Span) {
        let after = self.variables.partition_point(|(first, _)| *first <= span.line);
        match after.checked_sub(1).and_then(|at| self.variables.get(at)) {
            None => (Arc::clone(&self.file), span),
            Some((first, name)) => {
                let line = span.line.saturating_sub(*first).saturating_add(1);
                let column = span.column;
                (Arc::clone(name), Span { line, column })
            }
        }
    }

    /// Adds a variable with the text that it holds; where that begins.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> Span {
        let line = self.next;
        self.variables.push((line, format!("${name}").into()));
        let breaks = u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        self.next = line.saturating_add(breaks).saturating_add(1);
        Span { line, column: 1 }
    }
}

/// A place in a text that begins at `start`, which is at the beginning of a line.
pub(crate) fn within(start: Span, span: Span) -> Span {
    Span {
        line: start.line.saturating_add(span.line.saturating_sub(1)),
        column: span.column,
    }
}

#[cfg(test)]
mod tests {
    use super::{Places, within};
    use portcullis_document::Span;

    #[test]
    fn each_place_finds_its_text() {
        let mut places = Places::new("config.yaml");
        let one = places.add("ONE", "a\nb\n");
        let two = places.add("TWO", "");
        let three = places.add("THREE", "x");
        let find = |span| {
            let (name, span) = places.find(span);
            format!("{name}:{span}")
        };
        assert_eq!(find(Span { line: 7, column: 2 }), "config.yaml:7:2");
        assert_eq!(find(one), "$ONE:1:1");
        assert_eq!(find(within(one, Span { line: 3, column: 4 })), "$ONE:3:4");
        assert_eq!(find(two), "$TWO:1:1");
        assert_eq!(find(within(three, Span { line: 1, column: 9 })), "$THREE:1:9");
    }
}
