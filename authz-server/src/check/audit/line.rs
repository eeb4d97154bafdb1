//! A decision as one line, written by hand: the same bytes that `tracing`'s
//! subscriber would write for the event.

use super::record::{Fields, MESSAGE, Record, TARGET};
use core::fmt;
use jiff::Timestamp;
use std::io::Write;

#[cfg(test)]
mod tests;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// One JSON object, the fields beside `timestamp`, `level`, `message` and
    /// `target`.
    Json,
    /// Text for people, without colours.
    Text,
}

/// Appends the line of `record`.
pub(super) fn line(out: &mut Vec<u8>, format: LineFormat, stamp: &mut Stamp, record: &Record) {
    match format {
        LineFormat::Json => {
            out.extend_from_slice(b"{\"timestamp\":\"");
            stamp.write(out, record.at());
            out.extend_from_slice(b"\",\"level\":\"INFO\",\"message\":\"");
            out.extend_from_slice(MESSAGE.as_bytes());
            out.push(b'"');
            record.say(&mut Json(out));
            out.extend_from_slice(b",\"target\":\"");
            out.extend_from_slice(TARGET.as_bytes());
            out.extend_from_slice(b"\"}\n");
        }
        LineFormat::Text => {
            stamp.write(out, record.at());
            out.extend_from_slice(b"  INFO ");
            out.extend_from_slice(TARGET.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(MESSAGE.as_bytes());
            record.say(&mut Text(out));
            out.push(b'\n');
        }
    }
}

/// Writes times as RFC 3339 in UTC with microseconds; a second is put into words
/// once.
#[derive(Debug, Default)]
pub(super) struct Stamp {
    second: Option<i64>,
    words: String,
}

impl Stamp {
    fn write(&mut self, out: &mut Vec<u8>, at: Timestamp) {
        // Before 1970 the fraction counts backwards; a clock that far off is not
        // worth a second form.
        let at = at.max(Timestamp::UNIX_EPOCH);
        if self.second != Some(at.as_second()) {
            self.second = Some(at.as_second());
            self.words = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        }
        out.extend_from_slice(self.words.as_bytes());
        out.push(b'.');
        // Below a million, so with its leading digit the number has seven.
        decimal(
            out,
            u64::from(at.subsec_microsecond().unsigned_abs()) + 1_000_000,
            1,
        );
        out.push(b'Z');
    }
}

struct Json<'a>(&'a mut Vec<u8>);

impl Json<'_> {
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

impl Fields for Json<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.0.push(b'"');
        escaped(self.0, value);
        self.0.push(b'"');
    }

    fn word(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
    }

    fn words(&mut self, name: &'static str, values: impl Iterator<Item = &'static str>) {
        self.name(name);
        self.0.push(b'"');
        listed(self.0, values);
        self.0.push(b'"');
    }

    fn form(&mut self, name: &'static str, value: impl fmt::Display) {
        self.name(name);
        self.0.push(b'"');
        written(&mut Escaping(self.0), format_args!("{value}"));
        self.0.push(b'"');
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        decimal(self.0, value, 0);
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }
}

struct Text<'a>(&'a mut Vec<u8>);

impl Text<'_> {
    fn pair(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.0.push(b' ');
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'=');
        written(self.0, value);
    }
}

impl Fields for Text<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.pair(name, format_args!("{value:?}"));
    }

    fn word(&mut self, name: &'static str, value: &str) {
        self.pair(name, format_args!("{value}"));
    }

    fn words(&mut self, name: &'static str, values: impl Iterator<Item = &'static str>) {
        self.pair(name, format_args!(""));
        listed(self.0, values);
    }

    fn form(&mut self, name: &'static str, value: impl fmt::Display) {
        self.pair(name, format_args!("{value}"));
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.pair(name, format_args!("{value}"));
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.pair(name, format_args!("{value}"));
    }
}

/// Words with commas between them.
fn listed(out: &mut Vec<u8>, values: impl Iterator<Item = &'static str>) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(value.as_bytes());
    }
}

/// A number without its first `skip` digits.
fn decimal(out: &mut Vec<u8>, mut value: u64, skip: usize) {
    // A u64 has at most twenty digits.
    let mut digits = [b'0'; 20];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
        length += 1;
        if value == 0 {
            break;
        }
    }
    let shown = digits.len() - length + skip;
    out.extend_from_slice(digits.get(shown..).unwrap_or_default());
}

/// Memory takes everything.
fn written(out: &mut impl Write, value: fmt::Arguments<'_>) {
    let _always = out.write_fmt(value);
}

/// Escapes what is written to it.
struct Escaping<'a>(&'a mut Vec<u8>);

impl Write for Escaping<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        escaped_bytes(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `text` as the inside of a JSON string (RFC 8259, 7), with the short escapes
/// where there are any; what need not be escaped is not.
fn escaped(out: &mut Vec<u8>, text: &str) {
    escaped_bytes(out, text.as_bytes());
}

// Every byte of a character beyond ASCII passes as it is, so that a text may come
// in parts.
fn escaped_bytes(out: &mut Vec<u8>, mut bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    while let Some(at) = bytes
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
    {
        let (plain, rest) = bytes.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, rest)) = rest.split_first() else {
            return;
        };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            control => {
                out.extend_from_slice(b"\\u00");
                let digits = [control >> 4, control & 0xf];
                out.extend(digits.iter().filter_map(|digit| HEX.get(usize::from(*digit))));
            }
        }
        bytes = rest;
    }
    out.extend_from_slice(bytes);
}
