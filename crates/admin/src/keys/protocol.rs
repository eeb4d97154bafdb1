//! What passes over the socket about keys. No type here has room for a key.

use std::path::PathBuf;

use portcullis_model::KeyName;
use serde::{Deserialize, Serialize};

/// `GET`: [`KeysStatus`].
pub const STATUS: &str = "/v1/keys/status";
/// `POST` [`Begin`]: [`Work`].
pub const BEGIN: &str = "/v1/keys/begin";
/// `POST` [`Watch`]: [`Work`].
pub const WATCH: &str = "/v1/keys/watch";

/// The keys of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysStatus {
    /// Each name once.
    pub keys: Vec<KeyStatus>,
    /// The authz-servers that are connected.
    pub authz_servers: Vec<ServerStatus>,
    /// What the sessions at rest stand under.
    pub store: StoreStatus,
    /// What is being done, or was done last since the start.
    pub work: Option<Work>,
}

/// The keys of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatus {
    /// Which.
    pub name: KeyName,
    /// Where they come from.
    pub origin: Origin,
    /// Each of them; the first is in use.
    pub keys: Vec<OneKey>,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// Files that the configuration names.
    File {
        /// As they are named there.
        paths: Vec<PathBuf>,
    },
    /// The configuration file itself.
    Configuration {
        /// `FILE:LINE:COL`.
        at: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// Made when the process started.
    Generated,
    /// Derived from the shared secrets.
    Derived,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneKey {
    /// Tells it from others and says nothing else: eight hex digits of a subkey, or
    /// the `kid` in the key set (JWKS) of a signing key.
    pub fingerprint: String,
    /// What it does.
    pub does: Does,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Seals, and opens what it has sealed.
    Seals,
    /// Opens what it has sealed.
    Opens,
    /// Signs, and is published.
    Signs,
    /// Is published.
    Published,
}

/// A connected authz-server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its name for itself.
    pub name: String,
    /// Whether it has acknowledged the keys that are in use.
    pub has_keys: bool,
}

/// What the sessions at rest stand under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreStatus {
    /// Nothing is at rest.
    Memory,
    /// The first shared secret.
    First,
    /// A former one: it is sealed anew as a whole, which has not happened yet.
    Former,
}

/// Asks for something to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// What.
    pub order: Order,
}

/// What can be done with keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Makes a new key, has everybody learn it and puts it to use.
    Rotate {
        /// Of which name.
        name: KeyName,
        /// How many seconds a key that signs is published before it is in use.
        publish_for: u64,
        /// Even if that drops the oldest of eight, whose work may still be good.
        force: bool,
        /// As for [`Order::Retire`], where it drops one.
        confirmed: bool,
    },
    /// Drops all keys but the one in use.
    Retire {
        /// Of which name.
        name: KeyName,
        /// Even if what they made may still be good.
        force: bool,
        /// Whoever must know the new key by other ways does.
        confirmed: bool,
    },
}

/// Asks how far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// [`Work::number`].
    pub number: u64,
}

/// Something that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Its number since the start of the instance.
    pub number: u64,
    /// What was asked.
    pub order: Order,
    /// What has come about, in order.
    pub steps: Vec<Step>,
    /// How many seconds of a pause are left.
    pub remaining: Option<u64>,
    /// How it ended; none while it goes on.
    pub outcome: Option<Outcome>,
}

/// What has come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The new key stands last in the file.
    Added,
    /// Every connected authz-server knows it.
    Known {
        /// How many those are.
        authz_servers: usize,
    },
    /// It is published, and upstreams are given so many seconds to read it.
    Published {
        /// How many.
        seconds: u64,
    },
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The new key is in use.
    Rotated {
        /// Former keys that are still good.
        former: usize,
        /// Of the oldest ones, how many had to go to make room.
        dropped: usize,
        /// Authz-servers that have not yet taken the last step.
        behind: Vec<String>,
    },
    /// One key is left.
    Retired {
        /// How many were dropped.
        dropped: usize,
        /// Authz-servers that have not yet heard of it.
        behind: Vec<String>,
    },
    /// It was not done.
    Failed {
        /// Why not.
        why: String,
        /// What to do about it.
        help: Option<String>,
    },
}
