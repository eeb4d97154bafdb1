//! Canonical hashing: every part is framed by its length, so that two different
//! contents never feed the same bytes to the hash.

use aws_lc_rs::digest::{Context, SHA256};

pub(crate) struct Digest(Context);

impl Digest {
    /// `label` separates the domains: a route never hashes like a setting.
    pub(crate) fn new(label: &str) -> Self {
        let mut digest = Self(Context::new(&SHA256));
        digest.text(label);
        digest
    }

    pub(crate) fn count(&mut self, count: usize) {
        // Lossless on every supported target: usize is at most 64 bits.
        self.0.update(&(count as u64).to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn number(&mut self, number: u128) {
        self.0.update(&number.to_be_bytes());
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.0.update(&[u8::from(flag)]);
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        self.text(text.unwrap_or_default());
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        out
    }
}
