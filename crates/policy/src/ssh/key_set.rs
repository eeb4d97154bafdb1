//! The keys that a policy lists.

use jiff::Timestamp;
use portcullis_document::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::certificate::Certificate;
use super::{PresentedKey, SshKeyError, authorized_key, blob, fingerprint, line};
use crate::error::code;
use crate::parse::{Problems, shown};

/// Keys as they are sent over the wire, sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub(crate) struct KeySet {
    blobs: Box<[Box<[u8]>]>,
}

impl KeySet {
    /// Reads one text of the form of `authorized_keys` or a list of them, each
    /// with one key. An empty list holds for nobody.
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = node.as_seq().unwrap_or_else(|| core::slice::from_ref(node));
        let mut blobs = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = item.as_str() else {
                problems.add(
                    item.span,
                    code::VALUE_TYPE,
                    format!(
                        "found {}, expected a key such as `ssh-ed25519 AAAA…` or a list of them",
                        item.describe()
                    ),
                );
                continue;
            };
            match listed(text) {
                Ok(blob) => blobs.push(blob),
                Err(error) => problems.add_with_help(
                    item.span,
                    code::VALUE_INVALID,
                    format!(
                        "`{}` is not a key that can be listed: {error}",
                        shown(text.trim())
                    ),
                    (error == SshKeyError::Several).then(|| "make a list, with one key an entry".to_owned()),
                ),
            }
        }
        (blobs.len() == items.len()).then(|| Self::new(blobs))
    }

    fn new(mut blobs: Vec<Box<[u8]>>) -> Self {
        blobs.sort_unstable();
        blobs.dedup();
        Self {
            blobs: blobs.into_boxed_slice(),
        }
    }

    /// Whether the key is listed. A certificate is another key than the one
    /// within.
    pub(crate) fn has_key(&self, key: &PresentedKey) -> bool {
        self.has(&key.blob)
    }

    /// Whether the key is a user's certificate, signed by one of the listed
    /// authorities, for this login name, at this time.
    pub(crate) fn certified(&self, key: &PresentedKey, username: &str, now: Timestamp) -> bool {
        match &key.certificate {
            Some(Certificate::User(user)) => self.has(user.authority()) && user.is_good(username, now),
            Some(Certificate::Invalid(_)) | None => false,
        }
    }

    fn has(&self, blob: &[u8]) -> bool {
        self.blobs
            .binary_search_by(|listed| listed.as_ref().cmp(blob))
            .is_ok()
    }

    /// The value in a policy.
    pub(crate) fn to_json(&self) -> Value {
        self.lines().map(Value::from).collect()
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.blobs.iter().map(|blob| line(blob))
    }
}

impl core::fmt::Display for KeySet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &*self.blobs {
            [] => f.write_str("no key"),
            [one] => f.write_str(&fingerprint(one)),
            [first, others @ ..] => write!(f, "{} or one of {} more", fingerprint(first), others.len()),
        }
    }
}

impl From<KeySet> for Vec<String> {
    fn from(keys: KeySet) -> Self {
        keys.lines().collect()
    }
}

impl TryFrom<Vec<String>> for KeySet {
    type Error = SshKeyError;

    fn try_from(lines: Vec<String>) -> Result<Self, Self::Error> {
        let blobs: Result<_, _> = lines.iter().map(|line| listed(line)).collect();
        Ok(Self::new(blobs?))
    }
}

fn listed(text: &str) -> Result<Box<[u8]>, SshKeyError> {
    let key = authorized_key(text)?;
    blob::kind(&key)?;
    Ok(key.into_boxed_slice())
}
