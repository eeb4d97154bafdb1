//! The configuration as files: one that is named on the command line, if any, and
//! those that it refers to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use portcullis_bundle::Bundle;
use portcullis_config::codes::HOSTED_AUTHENTICATE;
use portcullis_config::{Config, Diagnostic, Severity, Source, Span};
use portcullis_snapshot::{Materials, Snapshot, Version};

use super::{
    fingerprint::{Fingerprint, Fingerprints},
    generated::Material,
    read::{self, MAX_CONFIG, MAX_REFERENCED, MAX_TOTAL},
};

/// Code of the diagnostic that the configuration file itself cannot be read.
pub const UNREADABLE_CONFIG: &str = "unreadable_config";

/// Code of the diagnostic that a secret must be configured.
pub const MISSING_SECRET: &str = "missing_secret";

/// A configuration file (YAML, JSON or TOML by its extension) under an environment,
/// or an environment alone. Generated keys and the self-signed certificate live as
/// long as it does.
#[derive(Debug)]
pub struct FileSource {
    name: Arc<str>,
    path: Option<PathBuf>,
    material: Material,
    ipv4_only: bool,
    environment: Vec<(String, String)>,
    requires_secrets: bool,
    each_host_logs_in: bool,
}

/// Why no source can be made.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The machine gives no random numbers.
    #[error("no random numbers are to be had")]
    Random,
    /// The self-signed certificate cannot be made.
    #[error("the self-signed certificate cannot be made: {0}")]
    Certificate(String),
}

/// What came of one reading.
#[derive(Debug)]
pub struct Loaded {
    /// Names this state of the configuration file: a hash of its text. Empty
    /// when it could not be read; always the same without a file.
    pub version: String,
    /// The configuration; `None` when an error is not confined to one route.
    pub config: Option<Arc<Config>>,
    /// Envoy's side; `None` when this state must not take effect.
    pub snapshot: Option<Snapshot>,
    /// The authz-servers' side; `None` when this state must not take effect.
    pub bundle: Option<Arc<Bundle>>,
    /// Every problem, sorted by position.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was looked at, as it was before it was read.
    pub(crate) files: Fingerprints,
}

impl Loaded {
    /// Whether this state may take effect.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.snapshot.is_some() && self.bundle.is_some()
    }
}

impl FileSource {
    /// A source that reads `path`, and names it so in diagnostics.
    ///
    /// # Errors
    ///
    /// When keys or the certificate that serve where the configuration has none
    /// cannot be made.
    pub fn new(path: &Path) -> Result<Self, SourceError> {
        Self::make(path.to_string_lossy().into(), Some(path.to_owned()))
    }

    /// A source without a file: its environment says everything.
    ///
    /// # Errors
    ///
    /// As [`FileSource::new`].
    pub fn without_file() -> Result<Self, SourceError> {
        Self::make("environment".into(), None)
    }

    fn make(name: Arc<str>, path: Option<PathBuf>) -> Result<Self, SourceError> {
        Ok(Self {
            name,
            path,
            material: Material::make()?,
            ipv4_only: ipv4_only(),
            environment: Vec::new(),
            requires_secrets: false,
            each_host_logs_in: false,
        })
    }

    /// The same source under an environment: its variables win over the file
    /// where they name an option.
    #[must_use]
    pub fn with_environment(self, environment: Vec<(String, String)>) -> Self {
        Self { environment, ..self }
    }

    /// The same source for roles apart: secrets that several processes must share
    /// are not made up, so a configuration without them must not take effect.
    #[must_use]
    pub fn requiring_secrets(self) -> Self {
        Self {
            requires_secrets: true,
            ..self
        }
    }

    /// The same source for an authz-server behind an Envoy that is not ours: every host
    /// of a route logs in for itself where the configuration names no authenticate
    /// service of its own.
    #[must_use]
    pub fn for_any_envoy(self) -> Self {
        Self {
            each_host_logs_in: true,
            ..self
        }
    }

    /// The file, as named on the command line; `environment` without one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the file and what it refers to, and builds what follows from it.
    /// Reads the disk and takes time in proportion to the configuration: not for
    /// an async task.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let looked_at = |path: &PathBuf| (path.clone(), Fingerprint::of(path));
        let mut files: Fingerprints = self.path.iter().map(looked_at).collect();
        let text = match self.path.as_deref().map(text_of).transpose() {
            Ok(text) => text,
            Err(problem) => return self.unreadable(problem, files),
        };
        let version = Version::of(text.as_deref().unwrap_or_default()).to_string();
        let sources: Vec<Source> = text
            .into_iter()
            .map(|text| Source {
                name: self.name.as_ref().to_owned(),
                text,
            })
            .collect();
        let parsed = portcullis_config::parse_with_environment(&sources, self.environment.iter().cloned());
        let mut diagnostics = parsed.diagnostics;
        let (mut snapshot, mut bundle) = (None, None);
        if let Some(config) = &parsed.config {
            let materials = self.materials(config, &mut files);
            let built = portcullis_snapshot::build(config, &materials);
            (snapshot, bundle) = (built.snapshot, built.bundle);
            diagnostics.extend(built.diagnostics);
            let missing = self.missing_secrets(config);
            if !missing.is_empty() {
                (snapshot, bundle) = (None, None);
                diagnostics.extend(missing);
            }
            if self.each_host_logs_in {
                // That nobody could log in is not so.
                diagnostics.retain(|diagnostic| diagnostic.code != HOSTED_AUTHENTICATE);
            }
            diagnostics.sort_by_key(|d| (d.file.clone(), d.span));
        }
        Loaded {
            version,
            config: parsed.config.map(Arc::new),
            snapshot,
            bundle,
            diagnostics,
            files,
        }
    }

    fn missing_secrets(&self, config: &Config) -> Vec<Diagnostic> {
        let secrets = [
            ("shared_secret", config.global.shared_secret.is_empty()),
            ("cookie_secret", config.global.cookie_secret.is_empty()),
        ];
        let missing = secrets
            .iter()
            .filter(|(_, missing)| *missing && self.requires_secrets);
        let diagnostic = |key: &str| Diagnostic {
            severity: Severity::Error,
            code: MISSING_SECRET,
            file: self.name.clone(),
            span: Span { line: 1, column: 1 },
            message: format!("`{key}` is not set, and a control plane of its own cannot make one up"),
            help: Some(format!(
                "set `{key}` or `{key}_file`: 32 random bytes in base64, without a line end: `head -c32 /dev/urandom | base64 | tr -d '\\n'`"
            )),
            route: None,
        };
        missing.map(|(key, _)| diagnostic(key)).collect()
    }

    fn unreadable(&self, problem: String, files: Fingerprints) -> Loaded {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            code: UNREADABLE_CONFIG,
            file: self.name.clone(),
            span: Span { line: 1, column: 1 },
            message: format!("the configuration cannot be read: {problem}"),
            help: None,
            route: None,
        };
        let diagnostics = vec![diagnostic];
        Loaded {
            version: String::new(),
            config: None,
            snapshot: None,
            bundle: None,
            diagnostics,
            files,
        }
    }

    fn materials(&self, config: &Config, looked_at: &mut Fingerprints) -> Materials {
        let mut files = BTreeMap::new();
        let mut total = 0;
        for reference in portcullis_config::file_references(config) {
            let path = reference.path;
            if files.contains_key(&path) {
                continue;
            }
            looked_at.insert(path.clone(), Fingerprint::of(&path));
            let limit = MAX_REFERENCED.min(MAX_TOTAL.saturating_sub(total));
            let content = read::bounded(&path, limit);
            total += content.as_ref().map_or(0, |bytes| bytes.len() as u64);
            files.insert(path, content);
        }
        Materials {
            files,
            generated: self.material.keys(),
            self_signed: Some(self.material.certificate()),
            ipv4_only: self.ipv4_only,
            each_host_logs_in: self.each_host_logs_in,
        }
    }
}

/// The text of a configuration file.
fn text_of(path: &Path) -> Result<String, String> {
    let bytes = read::bounded(path, MAX_CONFIG)?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    if text.trim().is_empty() {
        // Half of a write, or a slip; no routes at all is written `routes: []`.
        return Err("the file is empty".to_owned());
    }
    Ok(text)
}

/// Whether the machine has no IPv6, so that a listener on `[::]` would fail.
fn ipv4_only() -> bool {
    let unspecified = std::net::Ipv6Addr::UNSPECIFIED;
    std::net::TcpListener::bind((unspecified, 0)).is_err()
}

#[cfg(test)]
mod tests;
