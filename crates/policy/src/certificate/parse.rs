//! The value of a `client_certificate` criterion.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_document::{Entry, Node};

use super::{CertificateTest, Digests, Names};
use crate::error::code;
use crate::parse::{Problems, shown, text_clauses};

const KEYS: [&str; 5] = ["fingerprint", "san_dns", "san_email", "san_uri", "spki_hash"];

impl CertificateTest {
    /// Reads an object with any of the five conditions.
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.as_map() else {
            problems.add(
                node.span,
                code::VALUE_TYPE,
                format!(
                    "found {} in `client_certificate`, expected an object with conditions such as \
                     `san_dns`",
                    node.describe()
                ),
            );
            return None;
        };
        let mut test = Self::default();
        let mut whole = true;
        for entry in entries {
            let condition = match entry.key.as_str() {
                "fingerprint" => {
                    test.fingerprint = digests(entry, fingerprint, FINGERPRINT, problems);
                    test.fingerprint.is_some()
                }
                "spki_hash" => {
                    test.spki_hash = digests(entry, spki_hash, SPKI_HASH, problems);
                    test.spki_hash.is_some()
                }
                "san_dns" => read(&mut test.san_dns, entry, problems),
                "san_email" => read(&mut test.san_email, entry, problems),
                "san_uri" => read(&mut test.san_uri, entry, problems),
                _ => {
                    problems.add_with_help(
                        entry.key_span,
                        code::MATCHER_UNKNOWN,
                        format!(
                            "unknown condition `{}`, expected one of `fingerprint`, `spki_hash`, `san_dns`, \
                             `san_email`, `san_uri`",
                            shown(&entry.key)
                        ),
                        problems.did_you_mean(&entry.key, KEYS),
                    );
                    false
                }
            };
            whole &= condition;
        }
        whole.then_some(test)
    }
}

const FINGERPRINT: &str = "a SHA-256 fingerprint: 64 lower-case hex digits, or 32 pairs of upper-case ones \
                           with `:` between them";
const SPKI_HASH: &str = "a SHA-256 hash of a public key: 32 bytes in standard base64 with padding";

/// One digest or a list of them, of which one must be met.
fn digests(
    entry: &Entry,
    read: fn(&str) -> Option<[u8; 32]>,
    expected: &str,
    problems: &mut Problems,
) -> Option<Digests> {
    let items = entry
        .value
        .as_seq()
        .unwrap_or_else(|| core::slice::from_ref(&entry.value));
    let mut digests = Vec::with_capacity(items.len());
    for item in items {
        match item.as_str() {
            None => problems.add(
                item.span,
                code::VALUE_TYPE,
                format!(
                    "found {} in `{}`, expected a string or a list of strings",
                    item.describe(),
                    entry.key
                ),
            ),
            Some(text) => match read(text) {
                Some(digest) => digests.push(digest),
                None => problems.add(
                    item.span,
                    code::VALUE_INVALID,
                    format!("`{}` is not {expected}", shown(text)),
                ),
            },
        }
    }
    (digests.len() == items.len()).then(|| Digests::new(digests))
}

fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let upper = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let mut digest = [0; 32];
    if text.len() == 64 && text.bytes().all(lower) {
        hex::decode_to_slice(text, &mut digest).ok()?;
        return Some(digest);
    }
    let pair = |pair: &str| pair.len() == 2 && pair.bytes().all(upper);
    let mut pairs = text.split(':');
    for byte in &mut digest {
        let digits = pairs.next().filter(|digits| pair(digits))?;
        hex::decode_to_slice(digits, core::slice::from_mut(byte)).ok()?;
    }
    pairs.next().is_none().then_some(digest)
}

fn spki_hash(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Reads a string matcher over names into its place; whether it could.
fn read(place: &mut Option<Names>, entry: &Entry, problems: &mut Problems) -> bool {
    let unsupported = entry
        .value
        .as_map()
        .and_then(|operators| operators.iter().find(|operator| operator.key == "not_in"));
    if let Some(operator) = unsupported {
        // Pomerium cannot compile it. `not` passes if any name differs, so
        // nobody can say what was meant by it.
        problems.add(
            operator.key_span,
            code::MATCHER_UNKNOWN,
            format!(
                "`not_in` does not work with `{}`, which may have several names",
                entry.key
            ),
        );
        return false;
    }
    *place = text_clauses(&entry.value, problems).map(Names::from);
    place.is_some()
}
