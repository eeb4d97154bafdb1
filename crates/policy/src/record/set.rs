//! Records in memory.

use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{ForeignKey, RecordKeys, Records};

/// How many records one set may hold.
const MAX_RECORDS: usize = 10_000_000;

/// Records by their types and keys.
#[derive(Clone, Debug, Default)]
pub struct RecordSet {
    types: HashMap<Box<str>, Type>,
    count: usize,
}

#[derive(Clone, Debug, Default)]
struct Type {
    foreign_key: ForeignKey,
    by_text: HashMap<Box<str>, Record>,
    by_range: Ranges,
}

#[derive(Clone, Debug)]
struct Record {
    data: Map<String, Value>,
    expires_at: Option<Timestamp>,
}

/// A record that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordSetError {
    /// The type already has records, which are found by something else.
    #[error("records of type `{0}` are already found by another key")]
    OtherKey(String),
    /// The record is found by address, and has none.
    #[error("`{0}` is neither an IP address nor a range, by which the record is to be found")]
    Address(String),
    /// Ten million records are there already.
    #[error("there are more than {MAX_RECORDS} records")]
    TooMany,
}

impl RecordSet {
    /// A set without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says by what the records of a type are found, if not by the user's id.
    ///
    /// # Errors
    /// If the type has records that are found by something else.
    pub fn set_foreign_key(
        &mut self,
        record_type: &str,
        foreign_key: ForeignKey,
    ) -> Result<(), RecordSetError> {
        let of_type = self.types.entry(record_type.into()).or_default();
        let empty = of_type.by_text.is_empty() && of_type.by_range.is_empty();
        if of_type.foreign_key != foreign_key && !empty {
            return Err(RecordSetError::OtherKey(record_type.to_owned()));
        }
        of_type.foreign_key = foreign_key;
        Ok(())
    }

    /// Adds a record under its id, which is what the type's foreign key is
    /// compared with: a user id, an e-mail address, a fingerprint in lower-case
    /// hex. Records that are found by address may name address or range in their
    /// data as `$index.cidr` (`{"$index": {"cidr": "10.0.0.0/8"}}`); otherwise the
    /// id is one. A record of the same id (the same range) is replaced.
    ///
    /// # Errors
    /// If it cannot be found by address, or there are too many.
    pub fn insert(
        &mut self,
        record_type: &str,
        id: &str,
        data: Map<String, Value>,
        expires_at: Option<Timestamp>,
    ) -> Result<(), RecordSetError> {
        if self.count == MAX_RECORDS {
            return Err(RecordSetError::TooMany);
        }
        let of_type = self.types.entry(record_type.into()).or_default();
        let replaced = if of_type.foreign_key == ForeignKey::Ip {
            let text =
                super::walk(&data, "$index.cidr").map_or(id, |index| index.as_str().unwrap_or_default());
            let range = range(text).ok_or_else(|| RecordSetError::Address(text.to_owned()))?;
            of_type.by_range.insert(range, Record { data, expires_at })
        } else {
            of_type.by_text.insert(id.into(), Record { data, expires_at })
        };
        self.count += usize::from(replaced.is_none());
        Ok(())
    }

    /// How many records there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no record.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Records for RecordSet {
    fn foreign_key(&self, record_type: &str) -> ForeignKey {
        self.types
            .get(record_type)
            .map_or(ForeignKey::default(), |of_type| of_type.foreign_key)
    }

    fn find(&self, record_type: &str, keys: &RecordKeys<'_>) -> Option<&Map<String, Value>> {
        let of_type = self.types.get(record_type)?;
        let by_text = |key: &str| {
            of_type
                .by_text
                .get(key)
                .filter(|record| !key.is_empty() && record.is_live(keys.now))
        };
        let record = match of_type.foreign_key {
            ForeignKey::UserId => by_text(keys.user?.0),
            ForeignKey::UserEmail => by_text(keys.user?.1),
            ForeignKey::Ip => of_type.by_range.find(keys.ip?, keys.now),
            ForeignKey::CertificateFingerprint => {
                let mut text = [0; 64];
                hex::encode_to_slice(keys.fingerprint?, &mut text).ok()?;
                by_text(core::str::from_utf8(&text).ok()?)
            }
        };
        record.map(|record| &record.data)
    }
}

impl Record {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end >= now)
    }
}

/// Records by range, one map for each length of prefix that there is, longest
/// first.
#[derive(Clone, Debug, Default)]
struct Ranges {
    v4: BTreeMap<core::cmp::Reverse<u8>, HashMap<IpAddr, Record>>,
    v6: BTreeMap<core::cmp::Reverse<u8>, HashMap<IpAddr, Record>>,
}

impl Ranges {
    fn insert(&mut self, range: IpNet, record: Record) -> Option<Record> {
        let family = match range {
            IpNet::V4(_) => &mut self.v4,
            IpNet::V6(_) => &mut self.v6,
        };
        family
            .entry(core::cmp::Reverse(range.prefix_len()))
            .or_default()
            .insert(range.network(), record)
    }

    /// The live record with the longest prefix that holds the address.
    fn find(&self, address: IpAddr, now: Timestamp) -> Option<&Record> {
        let address = address.to_canonical();
        let family = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        family.iter().find_map(|(length, records)| {
            let network = IpNet::new(address, length.0).ok()?.network();
            records.get(&network).filter(|record| record.is_live(now))
        })
    }

    fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// An address or a range, host bits dropped; one that is mapped into IPv6 is
/// what it stands for.
fn range(text: &str) -> Option<IpNet> {
    let range = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let mapped = match range {
        IpNet::V6(v6) => v6
            .addr()
            .to_ipv4_mapped()
            .zip(v6.prefix_len().checked_sub(96))
            .and_then(|(address, length)| IpNet::new(address.into(), length).ok()),
        IpNet::V4(_) => None,
    };
    Some(mapped.unwrap_or(range).trunc())
}
