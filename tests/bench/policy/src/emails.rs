//! Addresses in great number.

/// `length` different addresses, of which the last is Alice's.
pub(crate) fn list(length: usize) -> Vec<String> {
    let mut emails: Vec<String> = (1..length)
        .map(|index| format!("user-{index}@example.com"))
        .collect();
    emails.push("alice@example.com".to_owned());
    emails
}

/// Addresses that are read one after the other, so that reading the next one
/// costs the same wherever it stood in the list.
pub(crate) struct Sequence {
    text: String,
    ends: Vec<usize>,
    next: usize,
}

impl Sequence {
    /// Draws `length` of them.
    pub(crate) fn draw(from: &[String], length: usize) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut text = String::new();
        let mut ends = Vec::new();
        for _ in 0..length {
            text.push_str(&from[random.below(from.len())]);
            ends.push(text.len());
        }
        Self { text, ends, next: 0 }
    }

    /// The next one, for ever.
    pub(crate) fn next(&mut self) -> &str {
        let end = self.ends[self.next];
        let start = self.next.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.next = (self.next + 1) % self.ends.len();
        &self.text[start..end]
    }
}

/// Xorshift: the same numbers in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}
