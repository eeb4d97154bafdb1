//! Field sections of HTTP/2 (RFC 7541): written without any compression, so that every
//! byte is the test's; read with all of it, as Envoy writes them.

use std::collections::VecDeque;
use std::io;

use super::Fields;
use super::huffman;

/// Appendix A; names that have no value of their own have an empty one.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The size of the dynamic table that a client has unless it says otherwise.
const TABLE: usize = 4096;

/// Literals without indexing (section 6.2.2).
pub(super) fn encode(fields: &Fields) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend(text);
        }
    }
    block
}

/// An integer with a prefix of seven bits (section 5.1).
fn length(mut number: usize, into: &mut Vec<u8>) {
    if number < 127 {
        into.push(u8::try_from(number).unwrap_or_default());
        return;
    }
    into.push(127);
    number -= 127;
    while number >= 128 {
        into.push(u8::try_from(number % 128).unwrap_or_default() | 128);
        number /= 128;
    }
    into.push(u8::try_from(number).unwrap_or_default());
}

/// What a peer may refer to.
#[derive(Default)]
pub(super) struct Table {
    dynamic: VecDeque<(String, String)>,
}

impl Table {
    /// Reads a field section.
    pub(super) fn decode(&mut self, block: &[u8]) -> io::Result<Vec<(String, String)>> {
        let (mut rest, mut fields) = (block, Vec::new());
        while let Some(first) = rest.first().copied() {
            if first & 0x80 != 0 {
                let index = integer(&mut rest, 7)?;
                fields.push(self.entry(index)?);
                continue;
            }
            if first & 0xe0 == 0x20 {
                // A new bound for the table, which stays below the one that we know.
                integer(&mut rest, 5)?;
                continue;
            }
            let keeps = first & 0x40 != 0;
            let index = integer(&mut rest, if keeps { 6 } else { 4 })?;
            let name = if index == 0 {
                text(&mut rest)?
            } else {
                self.entry(index)?.0
            };
            let field = (name, text(&mut rest)?);
            if keeps {
                self.keep(field.clone());
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn entry(&self, index: usize) -> io::Result<(String, String)> {
        let fixed = index.checked_sub(1).and_then(|at| STATIC.get(at));
        let fixed = fixed.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = fixed.or_else(|| self.dynamic.get(index.checked_sub(STATIC.len() + 1)?).cloned());
        found.ok_or_else(|| broken("an index beyond the tables"))
    }

    fn keep(&mut self, field: (String, String)) {
        self.dynamic.push_front(field);
        let size = |(name, value): &(String, String)| name.len() + value.len() + 32;
        while self.dynamic.iter().map(size).sum::<usize>() > TABLE {
            self.dynamic.pop_back();
        }
    }
}

fn integer(rest: &mut &[u8], prefix: u32) -> io::Result<usize> {
    let full = (1 << prefix) - 1;
    let mut number = usize::from(byte(rest)?) & full;
    if number < full {
        return Ok(number);
    }
    for shift in (0..28).step_by(7) {
        let next = usize::from(byte(rest)?);
        number += (next & 127) << shift;
        if next < 128 {
            return Ok(number);
        }
    }
    Err(broken("an integer without an end"))
}

fn text(rest: &mut &[u8]) -> io::Result<String> {
    let huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer(rest, 7)?;
    let (bytes, after) = rest
        .split_at_checked(length)
        .ok_or_else(|| broken("a text beyond its section"))?;
    *rest = after;
    let bytes = if huffman {
        huffman::decode(bytes)
    } else {
        bytes.to_vec()
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn byte(rest: &mut &[u8]) -> io::Result<u8> {
    let (first, after) = rest
        .split_first()
        .ok_or_else(|| broken("a section that ends too soon"))?;
    *rest = after;
    Ok(*first)
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::{Table, encode};

    /// RFC 7541, C.6.1 and C.6.2.
    #[test]
    fn reads_what_a_server_writes() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let first = "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3";
        let mut table = Table::default();
        let fields = table.decode(&hex(first)).unwrap();
        assert_eq!(fields[0], (":status".to_owned(), "302".to_owned()));
        assert_eq!(fields[1], ("cache-control".to_owned(), "private".to_owned()));
        assert_eq!(fields[2].1, "Mon, 21 Oct 2013 20:13:21 GMT");
        assert_eq!(fields[3].1, "https://www.example.com");
        let second = table.decode(&hex("4883640effc1c0bf")).unwrap();
        assert_eq!(second[0].1, "307");
        assert_eq!(second[1..], fields[1..]);
    }

    #[test]
    fn reads_what_it_writes() {
        let long = vec![b'a'; 70_000];
        let fields = vec![(b":path".to_vec(), b"/x".to_vec()), (b"x".to_vec(), long)];
        let read = Table::default().decode(&encode(&fields)).unwrap();
        assert_eq!((read[0].1.as_str(), read[1].1.len()), ("/x", 70_000));
    }
}
