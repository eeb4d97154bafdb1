//! How records look in the file.
//!
//! A record's key is a MAC of its kind (16 bytes) and a MAC of kind and id (32
//! bytes): neither can be read from the file, yet the records of a kind stand
//! together, in an order that does not change. Its blob is
//! `version (8, big endian) | nonce (12) | ciphertext | tag (16)`, AES-256-GCM-SIV,
//! with key and version as associated data: it opens nowhere else, and at no
//! other version.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, hmac, rand};
use bytes::Bytes;
use portcullis_store::{Record, StoreError};
use zeroize::Zeroizing;

const KIND_LEN: usize = 16;
const VERSION_LEN: usize = 8;
const LIVE: u8 = 0;
const DELETED: u8 = 1;

/// The keys, derived from one secret of the caller's (HKDF-SHA256).
pub(crate) struct Sealer {
    seal: LessSafeKey,
    index: hmac::Key,
    /// Tells the secret from others, and nothing else of it.
    name: [u8; 32],
}

/// A record and where it stands.
pub(crate) struct Stored<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) record: &'a Record,
}

impl Sealer {
    pub(crate) fn new(secret: &[u8; 32]) -> Result<Self, Unspecified> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis/v1/store").extract(secret);
        let derive = |label: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            root.expand(&[label], hkdf::HKDF_SHA256)?
                .fill(key.as_mut_slice())?;
            Ok::<_, Unspecified>(key)
        };
        Ok(Self {
            seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, derive(b"seal")?.as_slice())?),
            index: hmac::Key::new(hmac::HMAC_SHA256, derive(b"index")?.as_slice()),
            name: *derive(b"name")?,
        })
    }

    /// Whether both are of the same secret.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// What the keys of all records of a kind begin with.
    pub(crate) fn kind(&self, kind: &str) -> Vec<u8> {
        let tag = hmac::sign(&self.index, kind.as_bytes());
        tag.as_ref().iter().copied().take(KIND_LEN).collect()
    }

    /// A record's key.
    pub(crate) fn key(&self, kind: &str, id: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.index);
        // The length keeps kind and id apart, and this from `kind` above.
        context.update(&(kind.len() as u64).to_be_bytes());
        context.update(kind.as_bytes());
        context.update(id.as_bytes());
        let mut key = self.kind(kind);
        key.extend_from_slice(context.sign().as_ref());
        key
    }

    pub(crate) fn seal(&self, stored: &Stored<'_>) -> Result<Vec<u8>, StoreError> {
        let Stored {
            key,
            record:
                Record {
                    kind,
                    id,
                    version,
                    data,
                    deleted,
                },
        } = stored;
        let mut plain = vec![if *deleted { DELETED } else { LIVE }];
        for name in [kind, id] {
            let length = u32::try_from(name.len()).map_err(|_| StoreError::TooLarge)?;
            plain.extend_from_slice(&length.to_be_bytes());
            plain.extend_from_slice(name.as_bytes());
        }
        plain.extend_from_slice(data);
        self.seal_bytes(key, *version, plain)
    }

    pub(crate) fn seal_bytes(
        &self,
        key: &[u8],
        version: u64,
        mut plain: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::Unavailable("sealing failed".to_owned());
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(failed)?;
        let aad = Aad::from(associated_data(key, version));
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut plain)
            .map_err(failed)?;
        let mut blob = Vec::with_capacity(plain.len().saturating_add(VERSION_LEN + NONCE_LEN));
        blob.extend_from_slice(&version.to_be_bytes());
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(&plain);
        Ok(blob)
    }

    /// The record in a blob that stands under this key.
    pub(crate) fn open(&self, key: &[u8], blob: &[u8]) -> Option<Record> {
        let version = version(blob)?;
        let plain = self.open_bytes(key, blob)?;
        let (flag, rest) = plain.split_first()?;
        let deleted = match *flag {
            LIVE => false,
            DELETED => true,
            _ => return None,
        };
        let (kind, rest) = name(rest)?;
        let (id, data) = name(rest)?;
        (self.key(&kind, &id) == key).then(|| Record {
            kind,
            id,
            version,
            data: Bytes::copy_from_slice(data),
            deleted,
        })
    }

    pub(crate) fn open_bytes(&self, key: &[u8], blob: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = blob.split_first_chunk::<VERSION_LEN>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let aad = Aad::from(associated_data(key, u64::from_be_bytes(*version)));
        let mut plain = sealed.to_vec();
        let length = self
            .seal
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut plain)
            .ok()?
            .len();
        plain.truncate(length);
        Some(plain)
    }
}

/// The version that a blob claims, whether or not it opens.
pub(crate) fn version(blob: &[u8]) -> Option<u64> {
    blob.split_first_chunk::<VERSION_LEN>()
        .map(|(version, _)| u64::from_be_bytes(*version))
}

fn associated_data(key: &[u8], version: u64) -> Vec<u8> {
    [key, &version.to_be_bytes()].concat()
}

fn name(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((core::str::from_utf8(name).ok()?.to_owned(), rest))
}
