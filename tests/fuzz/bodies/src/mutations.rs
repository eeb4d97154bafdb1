//! Inputs near those of a corpus, the same in every run.

/// An endless stream of inputs, each made of a given one by a few small changes.
pub struct Mutations<'a> {
    corpus: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutations<'a> {
    /// Of these inputs. Without any there is nothing to change and no stream.
    #[must_use]
    pub fn new(corpus: &'a [Vec<u8>]) -> Self {
        Self {
            corpus,
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// A number below `bound`, by xorshift: quick, and random enough.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.state % bound).unwrap_or_default()
    }

    fn pick(&mut self) -> Option<&'a [u8]> {
        let at = self.below(self.corpus.len());
        self.corpus.get(at).map(Vec::as_slice)
    }

    /// A part of some input.
    fn part(&mut self) -> &'a [u8] {
        let input = self.pick().unwrap_or_default();
        let start = self.below(input.len());
        let longest = input.len().saturating_sub(start).min(64);
        let length = self.below(longest.saturating_add(1));
        input.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len().saturating_add(1));
        let end = at.saturating_add(self.below(16)).min(input.len());
        match self.below(6) {
            0 => {
                let bit = self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let value = u8::try_from(self.below(256)).unwrap_or_default();
                if let Some(byte) = input.get_mut(at) {
                    *byte = value;
                }
            }
            2 => drop(input.drain(at..end)),
            3 => {
                let part = self.part();
                drop(input.splice(at..at, part.iter().copied()));
            }
            4 => {
                let part = self.part();
                drop(input.splice(at..end, part.iter().copied()));
            }
            _ => input.truncate(at.max(input.len() / 2)),
        }
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.pick()?.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        Some(input)
    }
}
