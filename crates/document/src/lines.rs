//! Byte offsets to positions.

use crate::Span;

/// How many bytes lie between two counts.
const STEP: usize = 256;

/// Where the lines of a text begin, and how many characters stand before every [`STEP`]th byte, so that
/// also a text of one long line costs little.
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    starts: Vec<usize>,
    counts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let text = text.as_bytes();
        let breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let mut counts = Vec::with_capacity(text.len().div_ceil(STEP).saturating_add(1));
        let mut count = 0_usize;
        for step in text.chunks(STEP) {
            counts.push(count);
            count = count.saturating_add(characters(step));
        }
        counts.push(count);
        Self {
            text,
            starts: core::iter::once(0)
                .chain(breaks.map(|(at, _)| at.saturating_add(1)))
                .collect(),
            counts,
        }
    }

    /// The position of the character that begins at `offset`; beyond the text it is its end.
    pub(crate) fn span(&self, offset: usize) -> Span {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self
            .characters_before(offset)
            .saturating_sub(self.characters_before(start));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            line: number(line),
            column: number(before).saturating_add(1),
        }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let step = offset / STEP;
        let counted = self.counts.get(step).copied().unwrap_or(0);
        let rest = self
            .text
            .get(step.saturating_mul(STEP)..offset)
            .unwrap_or_default();
        counted.saturating_add(characters(rest))
    }
}

/// How many characters begin in these bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use crate::Span;

    #[test]
    fn columns_count_characters() {
        let text = format!("é\n{}x\r\n\u{1f600}y", "ü".repeat(1_000));
        let lines = Lines::new(&text);
        let (mut line, mut column) = (1, 1);
        for (offset, c) in text.char_indices() {
            assert_eq!(lines.span(offset), Span { line, column }, "{offset}");
            (line, column) = if c == '\n' {
                (line + 1, 1)
            } else {
                (line, column + 1)
            };
        }
        assert_eq!(lines.span(text.len()), Span { line: 3, column: 3 });
        assert_eq!(lines.span(usize::MAX), Span { line: 3, column: 3 });
        assert_eq!(Lines::new("").span(0), Span::START);
    }
}
