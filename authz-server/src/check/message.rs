//! A check as it came over the wire, and what of it we look at.
//!
//! `CheckRequest` has some thirty texts for each request, of which a decision reads
//! a few. They are read where they lie: to build the whole message would cost more
//! than the decision. Whatever `CheckRequest::decode` takes is read to the same
//! effect, which a test holds against it; fields that we do not look at are passed
//! over by their length alone.

mod reader;

#[cfg(test)]
mod tests;

use super::intake::Context;
use reader::{Field, Reader};

/// The bytes are no `CheckRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the check is malformed")]
pub struct Malformed;

/// Name and value of a header line.
pub type Line<'a> = (&'a str, &'a [u8]);

/// What a check says, before anything of it is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// `attributes.source.address.socket_address.address`; empty where the source
    /// is no socket.
    pub source: &'a str,
    /// Whether there is an `attributes.request.http` at all.
    pub has_http: bool,
    /// Of that, `method`.
    pub method: &'a str,
    /// `path`, with the query.
    pub path: &'a str,
    /// `host`.
    pub host: &'a str,
    /// `scheme`.
    pub scheme: &'a str,
    /// `protocol`, as in `HTTP/1.1`.
    pub protocol: &'a str,
    /// `header_map`: a line each, bytes as they came.
    pub lines: Vec<Line<'a>>,
    /// `headers`: lines of one name joined by commas, other bytes replaced.
    pub joined: Vec<Line<'a>>,
    /// `body`: what the filter was told to send of it.
    pub text_body: &'a str,
    /// `raw_body`: the same, where the filter was told to `pack_as_bytes`.
    pub raw_body: &'a [u8],
    /// `attributes.source.certificate`.
    pub certificate: &'a str,
    /// `attributes.context_extensions`.
    pub context: Context<'a>,
}

type Read = Result<(), Malformed>;

impl<'a> Message<'a> {
    /// Reads the bytes of a `CheckRequest`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where they are none.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut message = Self::default();
        Reader::new(bytes).each(|number, field| match number {
            1 => message.attributes(field.bytes()?),
            _ => Ok(()),
        })?;
        Ok(message)
    }

    /// What the check holds of the body; the filter sends one of the two.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        match self.raw_body {
            [] => self.text_body.as_bytes(),
            raw => raw,
        }
    }

    fn attributes(&mut self, bytes: &'a [u8]) -> Read {
        Reader::new(bytes).each(|number, field| match number {
            1 => self.peer(field.bytes()?),
            4 => self.request(field.bytes()?),
            10 => self.extension(field.bytes()?),
            _ => Ok(()),
        })
    }

    fn peer(&mut self, bytes: &'a [u8]) -> Read {
        Reader::new(bytes).each(|number, field| match number {
            1 => self.address(field.bytes()?),
            5 => field.store(&mut self.certificate),
            _ => Ok(()),
        })
    }

    fn address(&mut self, bytes: &'a [u8]) -> Read {
        Reader::new(bytes).each(|number, field| match number {
            1 => self.socket_address(field.bytes()?),
            // A pipe or one inside of Envoy: of the three the last counts.
            2 | 3 => {
                field.bytes()?;
                self.source = "";
                Ok(())
            }
            _ => Ok(()),
        })
    }

    fn socket_address(&mut self, bytes: &'a [u8]) -> Read {
        Reader::new(bytes).each(|number, field| match number {
            2 => field.store(&mut self.source),
            _ => Ok(()),
        })
    }

    fn request(&mut self, bytes: &'a [u8]) -> Read {
        Reader::new(bytes).each(|number, field| match number {
            2 => self.http(field.bytes()?),
            _ => Ok(()),
        })
    }

    fn http(&mut self, bytes: &'a [u8]) -> Read {
        self.has_http = true;
        Reader::new(bytes).each(|number, field| match number {
            2 => field.store(&mut self.method),
            3 => {
                let (name, value) = entry(field.bytes()?)?;
                self.joined.push((name, value.as_bytes()));
                Ok(())
            }
            4 => field.store(&mut self.path),
            5 => field.store(&mut self.host),
            6 => field.store(&mut self.scheme),
            10 => field.store(&mut self.protocol),
            11 => field.store(&mut self.text_body),
            12 => {
                self.raw_body = field.bytes()?;
                Ok(())
            }
            13 => self.header_map(field.bytes()?),
            _ => Ok(()),
        })
    }

    fn header_map(&mut self, bytes: &'a [u8]) -> Read {
        if self.lines.is_empty() {
            // A browser sends some twenty.
            self.lines.reserve(32);
        }
        Reader::new(bytes).each(|number, field| match number {
            1 => {
                self.lines.push(line(field.bytes()?)?);
                Ok(())
            }
            _ => Ok(()),
        })
    }

    fn extension(&mut self, bytes: &'a [u8]) -> Read {
        let (name, value) = entry(bytes)?;
        match name {
            "internal" => self.context.internal = Some(value),
            "route_id" => self.context.route_id = Some(value),
            "terminal" => self.context.terminal = Some(value),
            "route" => self.context.route = Some(value),
            _ => {}
        }
        Ok(())
    }
}

/// A `HeaderValue`: `raw_value` where there is any, else `value`.
fn line(bytes: &[u8]) -> Result<Line<'_>, Malformed> {
    let (mut name, mut value, mut raw) = ("", "", &[][..]);
    Reader::new(bytes).each(|number, field| match number {
        1 => field.store(&mut name),
        2 => field.store(&mut value),
        3 => {
            raw = field.bytes()?;
            Ok(())
        }
        _ => Ok(()),
    })?;
    Ok((name, if raw.is_empty() { value.as_bytes() } else { raw }))
}

/// An entry of a map from texts to texts.
fn entry(bytes: &[u8]) -> Result<(&str, &str), Malformed> {
    let (mut name, mut value) = ("", "");
    Reader::new(bytes).each(|number, field| match number {
        1 => field.store(&mut name),
        2 => field.store(&mut value),
        _ => Ok(()),
    })?;
    Ok((name, value))
}

impl<'a> Field<'a> {
    fn store(self, slot: &mut &'a str) -> Read {
        *slot = core::str::from_utf8(self.bytes()?).map_err(|_| Malformed)?;
        Ok(())
    }
}
