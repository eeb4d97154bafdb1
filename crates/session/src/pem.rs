//! PEM blocks (RFC 7468), as far as signing keys need them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Bytes of a text of keys.
const MAX_TEXT: usize = 64 * 1024;
/// Blocks of one text.
const MAX_BLOCKS: usize = 16;

/// One block: its label and its content.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// The blocks of a text that is PEM, or base64 of PEM. None if it is neither,
/// or over the bounds; an empty list if it has no block.
pub(crate) fn blocks(text: &str) -> Option<Vec<Block>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    if text.contains("-----BEGIN ") {
        return split(text);
    }
    let squeezed: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
    let decoded = Zeroizing::new(STANDARD.decode(squeezed.as_bytes()).ok()?);
    split(core::str::from_utf8(&decoded).ok()?)
}

fn split(text: &str) -> Option<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once(&format!("-----END {label}-----"))?;
        if blocks.len() >= MAX_BLOCKS {
            return None;
        }
        // A header line (`Proc-Type: 4,ENCRYPTED`) has a colon, which base64 has
        // not: an encrypted key is refused here.
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
        blocks.push(Block {
            label: label.to_owned(),
            der,
        });
        rest = after;
    }
    Some(blocks)
}

/// The block as text.
#[must_use]
pub(crate) fn encode(block: &Block) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(block.der.as_slice()));
    let Block { label, .. } = block;
    Zeroizing::new(format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        body.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_plain_or_in_base64() {
        let one = "-----BEGIN A-----\nAAEC\n-----END A-----\n";
        let text = format!("remark\n{one}\n-----BEGIN B C-----\r\nAw\r\n==\r\n-----END B C-----");
        let read = |text: &str| -> Vec<(String, Vec<u8>)> {
            blocks(text)
                .unwrap()
                .iter()
                .map(|block| (block.label.clone(), block.der.to_vec()))
                .collect()
        };
        let expected = [("A".to_owned(), vec![0, 1, 2]), ("B C".to_owned(), vec![3])];
        assert_eq!(read(&text), expected);
        let wrapped = STANDARD.encode(&text);
        assert_eq!(read(&wrapped), expected);
        assert_eq!(
            read(&format!(" {}\n{}\n", &wrapped[..20], &wrapped[20..])),
            expected
        );
        assert_eq!(*encode(&blocks(one).unwrap()[0]), one);
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        for text in [
            "-----BEGIN A-----\nAAEC\n",
            "-----BEGIN A",
            "-----BEGIN A-----\nAAEC\n-----END B-----",
            "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAEC\n-----END A-----",
            "-----BEGIN A-----\n???\n-----END A-----",
            "???",
            "/w==",
        ] {
            assert!(blocks(text).is_none(), "{text}");
        }
        assert!(blocks("").unwrap().is_empty());
        assert!(blocks(&"-----BEGIN A-----\nAAEC\n-----END A-----\n".repeat(17)).is_none());
        assert!(blocks(&"A".repeat(MAX_TEXT + 1)).is_none());
    }
}
