//! The code of HTTP/2's texts (RFC 7541, appendix B), as far as printable ASCII goes: no
//! field of an answer here has more.

/// How many bits each character has, from the space on. The codes follow from that: they
/// are counted up, the shorter first, and of one length in the order of the characters.
/// (No other character has a code of fewer bits than any of these.)
#[rustfmt::skip]
const BITS: [u8; 95] = [
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6,
    6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
];

/// Decodes a text; what is no printable ASCII ends it.
pub(super) fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut order: Vec<(u8, u8)> = (b' '..)
        .zip(BITS)
        .map(|(character, bits)| (bits, character))
        .collect();
    order.sort_unstable();
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let mut text = Vec::new();
    loop {
        // `first` is the first code of as many bits as were read.
        let (mut code, mut first, mut read, mut at) = (0_u32, 0_u32, 0_u8, 0);
        let character = loop {
            let Some(bit) = bits.next() else {
                // What is left is padding.
                return text;
            };
            code = code << 1 | u32::from(bit);
            first <<= 1;
            read += 1;
            let of_length = order[at..].iter().take_while(|(bits, _)| *bits == read).count();
            let Some(place) = usize::try_from(code - first)
                .ok()
                .filter(|place| *place < of_length)
            else {
                first += u32::try_from(of_length).unwrap_or_default();
                at += of_length;
                if read == 30 {
                    return text;
                }
                continue;
            };
            break order[at + place].1;
        };
        text.push(character);
    }
}
