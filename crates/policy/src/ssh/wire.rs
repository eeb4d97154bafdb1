//! The data types of RFC 4251, section 5.

/// A reader of bytes that somebody else wrote. Nothing is copied, and every
/// length is checked.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.bytes(8)?.try_into().ok()?))
    }

    /// A length and so many bytes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.bytes(usize::try_from(length).ok()?)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.string()?).ok()
    }

    /// The magnitude of a positive integer, without zeros in front. Only the
    /// shortest form is an integer: zero is empty, and a zero byte stands in
    /// front only where the next would look negative.
    pub(super) fn positive(&mut self) -> Option<&'a [u8]> {
        let bytes = self.string()?;
        let high = |bytes: &[u8]| bytes.first().is_some_and(|first| *first >= 0x80);
        match bytes {
            [0, magnitude @ ..] => high(magnitude).then_some(magnitude),
            _ => (!bytes.is_empty() && !high(bytes)).then_some(bytes),
        }
    }

    /// The end: nothing may be left.
    pub(super) fn end(self) -> Option<()> {
        self.is_empty().then_some(())
    }
}
