//! What is written down about a request in three places: Envoy's log, ours, and the
//! upstream's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::asked::Asked;
use crate::upstream::Seen;
use crate::wire::Answer;

/// Bytes of a path that our log has; a longer one is cut.
const MAX_PATH: usize = 1024;

/// One line of Envoy's log. What is not there is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub(crate) mark: String,
    pub(crate) request_id: String,
    /// The name of the route that Envoy chose.
    pub(crate) route: String,
    pub(crate) status: u64,
    pub(crate) details: String,
    pub(crate) method: String,
    /// Path and query as they were in the end.
    pub(crate) path: String,
    /// The same before a rewrite; without one this is the client's word.
    pub(crate) original_path: String,
}

/// One line of our log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision {
    pub(crate) request_id: String,
    pub(crate) route_id: String,
    pub(crate) route_name: String,
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) outcome: String,
    pub(crate) ambiguity: String,
    /// Envoy named a route that is not for such a host or path.
    pub(crate) misnamed: bool,
}

/// All that is known of one request.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) asked: Asked,
    pub(crate) answer: Answer,
    pub(crate) seen: Vec<Seen>,
    pub(crate) access: Vec<Access>,
    pub(crate) decisions: Vec<Decision>,
}

impl Access {
    fn read(line: &Value) -> Option<Self> {
        let text = |name: &str| {
            line[name]
                .as_str()
                .filter(|text| *text != "-")
                .unwrap_or_default()
                .to_owned()
        };
        Some(Self {
            mark: text("mark"),
            request_id: text("request_id"),
            route: text("route"),
            status: line["status"].as_u64().unwrap_or_default(),
            details: text("details"),
            method: text("method"),
            path: text("path"),
            original_path: text("original_path"),
        })
    }
}

impl Decision {
    fn read(line: &Value) -> Option<Self> {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (line["message"] == "authorize check").then(|| Self {
            request_id: text("request_id"),
            route_id: text("route_id"),
            route_name: text("route_name"),
            method: text("method"),
            host: text("host"),
            path: text("path"),
            outcome: text("outcome"),
            ambiguity: text("ambiguity"),
            misnamed: line["misnamed"].as_bool() == Some(true),
        })
    }

    /// Whether the log has this path for `path`, which it may have cut.
    pub(crate) fn is_of(&self, path: &str) -> bool {
        match self.path.strip_suffix('…') {
            Some(begin) if path.len() > MAX_PATH => begin.len() <= MAX_PATH && path.starts_with(begin),
            _ => self.path == path,
        }
    }
}

/// Bytes as Envoy's log has them: text as it is, and where something is no UTF-8 each
/// byte beyond ASCII as the character of its number.
pub(crate) fn as_logged(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A log that is read on from where it was left.
pub(crate) struct Log {
    path: PathBuf,
    read: u64,
    rest: Vec<u8>,
}

impl Log {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            read: 0,
            rest: Vec::new(),
        }
    }

    /// The whole lines that were added.
    fn lines(&mut self) -> Vec<Value> {
        let mut added = Vec::new();
        if let Ok(mut file) = File::open(&self.path) {
            file.seek(SeekFrom::Start(self.read))
                .expect("a file can be sought");
            file.read_to_end(&mut added).expect("a log can be read");
        }
        self.read += added.len() as u64;
        self.rest.extend(added);
        let whole = self
            .rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        let text = String::from_utf8_lossy(&lines);
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// The two logs of a world, and what of them no case has taken yet.
pub(crate) struct Logs {
    envoy: Log,
    ours: Log,
    access: HashMap<String, Vec<Access>>,
    decisions: HashMap<String, Vec<Decision>>,
}

impl Logs {
    pub(crate) fn new(envoy: &Path, ours: &Path) -> Self {
        Self {
            envoy: Log::new(envoy),
            ours: Log::new(ours),
            access: HashMap::new(),
            decisions: HashMap::new(),
        }
    }

    /// Reads on; whether both have the request with this mark, which is forgotten. Lines come in the order
    /// in which requests end, so that one that is asked when all others are over is the
    /// last.
    pub(crate) fn have(&mut self, mark: &str) -> bool {
        for access in self.envoy.lines().iter().filter_map(Access::read) {
            self.access.entry(access.mark.clone()).or_default().push(access);
        }
        for decision in self.ours.lines().iter().filter_map(Decision::read) {
            self.decisions
                .entry(decision.request_id.clone())
                .or_default()
                .push(decision);
        }
        let lines = self.access.get(mark).into_iter().flatten();
        let ids: Vec<String> = lines.map(|access| access.request_id.clone()).collect();
        ids.iter().any(|id| self.decisions.remove(id).is_some())
    }

    /// Joins what is known of a request.
    pub(crate) fn case(&mut self, asked: Asked, answer: Answer, mark: &str, seen: Vec<Seen>) -> Case {
        let access = self.access.remove(mark).unwrap_or_default();
        let ids = access.iter().map(|access| &access.request_id);
        let decisions = ids.filter_map(|id| self.decisions.remove(id)).flatten().collect();
        Case {
            asked,
            answer,
            seen,
            access,
            decisions,
        }
    }

    /// Forgets what no case has taken, and says how many decisions let a request in that
    /// Envoy tells nothing of.
    pub(crate) fn forget(&mut self) -> usize {
        self.access.clear();
        let left = std::mem::take(&mut self.decisions);
        left.into_values()
            .flatten()
            .filter(|decision| decision.outcome == "allowed")
            .count()
    }
}
