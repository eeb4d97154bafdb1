//! The encoding of Protocol Buffers, read without copies.

use super::Malformed;

/// The fields of one message.
pub(super) struct Reader<'a>(&'a [u8]);

/// The value of a field.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    /// One with its length in front: a text, bytes or a message.
    Bytes(&'a [u8]),
    /// A number, of whatever kind: none is looked at.
    Number,
}

impl<'a> Field<'a> {
    /// The bytes of a field that has its length in front.
    pub(super) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number => Err(Malformed),
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Hands each field to `take`, in order.
    pub(super) fn each(
        mut self,
        mut take: impl FnMut(u32, Field<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        while !self.0.is_empty() {
            let key = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
            let (number, kind) = (key >> 3, key & 7);
            if number == 0 {
                return Err(Malformed);
            }
            let field = match kind {
                0 => {
                    self.varint()?;
                    Field::Number
                }
                1 => {
                    self.skip(8)?;
                    Field::Number
                }
                2 => {
                    let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                    Field::Bytes(self.skip(length)?)
                }
                5 => {
                    self.skip(4)?;
                    Field::Number
                }
                // Groups are of a time before Envoy's; the rest is nothing.
                _ => return Err(Malformed),
            };
            take(number, field)?;
        }
        Ok(())
    }

    #[inline]
    fn skip(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (skipped, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(skipped)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        // Nearly every number has one byte.
        match self.0 {
            [byte @ 0..=0x7f, rest @ ..] => {
                self.0 = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for at in 0..10_u32 {
            let (byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            // The tenth byte has room for one bit.
            if at == 9 && *byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}
