//! The dependency picture of `docs/ARCHITECTURE.md` as data, and what reads
//! the workspace to hold it against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Whether a crate may do input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decides: values in, values out; time, randomness and ids are arguments.
    Pure,
    /// Does input and output, and holds no decision.
    Edge,
    /// Test support; never part of the product.
    Test,
}

/// One crate of the picture: its kind and the only crates it may name.
pub struct Crate {
    /// Folder-derived name, without the `portcullis-` prefix.
    pub name: &'static str,
    /// Whether it may do input and output.
    pub kind: Kind,
    /// Every workspace crate that it may depend on.
    pub may_use: &'static [&'static str],
}

/// The whole picture. A crate that is not here fails the test, as does an edge that is not.
pub const PICTURE: &[Crate] = &[
    Crate {
        name: "model",
        kind: Kind::Pure,
        may_use: &[],
    },
    Crate {
        name: "document",
        kind: Kind::Pure,
        may_use: &[],
    },
    Crate {
        name: "policy",
        kind: Kind::Pure,
        may_use: &["document", "model"],
    },
    Crate {
        name: "config",
        kind: Kind::Pure,
        may_use: &["document", "model", "policy"],
    },
    Crate {
        name: "bundle",
        kind: Kind::Pure,
        may_use: &["model", "policy"],
    },
    Crate {
        name: "cases",
        kind: Kind::Pure,
        may_use: &["bundle", "config", "document", "model", "policy"],
    },
    Crate {
        name: "snapshot",
        kind: Kind::Pure,
        may_use: &["bundle", "config", "document", "model", "policy"],
    },
    Crate {
        name: "envoy-config",
        kind: Kind::Pure,
        may_use: &["model", "snapshot"],
    },
    Crate {
        name: "xds",
        kind: Kind::Pure,
        may_use: &[],
    },
    Crate {
        name: "session",
        kind: Kind::Pure,
        may_use: &["model", "policy"],
    },
    Crate {
        name: "store",
        kind: Kind::Pure,
        may_use: &[],
    },
    Crate {
        name: "store-redb",
        kind: Kind::Edge,
        may_use: &["model", "store"],
    },
    Crate {
        name: "proto",
        kind: Kind::Edge,
        may_use: &["bundle", "model", "policy", "store"],
    },
    Crate {
        name: "store-remote",
        kind: Kind::Edge,
        may_use: &["proto", "store"],
    },
    Crate {
        name: "idp",
        kind: Kind::Edge,
        may_use: &["model"],
    },
    Crate {
        name: "admin",
        kind: Kind::Edge,
        may_use: &["model", "session", "store"],
    },
    Crate {
        name: "authz-server",
        kind: Kind::Edge,
        may_use: &["bundle", "idp", "model", "policy", "proto", "session", "store"],
    },
    Crate {
        name: "control-plane",
        kind: Kind::Edge,
        may_use: &[
            "bundle",
            "config",
            "envoy-config",
            "model",
            "proto",
            "snapshot",
            "store",
            "xds",
        ],
    },
    Crate {
        name: "cli",
        kind: Kind::Edge,
        may_use: &[
            "admin",
            "authz-server",
            "bundle",
            "cases",
            "config",
            "control-plane",
            "envoy-config",
            "idp",
            "model",
            "policy",
            "proto",
            "session",
            "snapshot",
            "store",
            "store-redb",
            "store-remote",
        ],
    },
    Crate {
        name: "harness",
        kind: Kind::Test,
        may_use: &[],
    },
    Crate {
        name: "e2e",
        kind: Kind::Test,
        may_use: &["bundle", "harness"],
    },
    Crate {
        name: "arch",
        kind: Kind::Test,
        may_use: &["config", "document", "policy", "snapshot"],
    },
    Crate {
        name: "fuzz",
        kind: Kind::Test,
        may_use: &["authz-server", "config", "document", "model", "policy", "xds"],
    },
    Crate {
        name: "demo",
        kind: Kind::Test,
        may_use: &["harness"],
    },
];

/// Libraries that do input and output: none may stand in a pure crate.
pub const EDGE_LIBRARIES: &[&str] = &[
    "axum",
    "hyper",
    "hyper-util",
    "notify",
    "reqwest",
    "tokio",
    "tonic",
];

/// The pure crate that has tonic through `envoy-types`, whose message types it builds.
pub const HAS_TONIC_THROUGH_ENVOY_TYPES: &str = "envoy-config";

/// What a pure crate's source must not name: the file system, sockets, the
/// environment and every clock.
pub const IMPURE_TEXT: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "Uuid::new_v4",
    "Uuid::now_v7",
    "thread_rng",
];

/// Libraries that one side of the product must never reach, not even through others.
pub const NEVER_REACHES: &[(&str, &[&str])] = &[
    (
        "authz-server",
        &[
            "portcullis-config",
            "portcullis-snapshot",
            "portcullis-xds",
            "kube",
            "sqlx",
        ],
    ),
    (
        "control-plane",
        &["openidconnect", "portcullis-session", "webauthn-rs"],
    ),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<ResolveNode>,
}

#[derive(Deserialize)]
struct ResolveNode {
    id: String,
    deps: Vec<ResolveDep>,
}

#[derive(Deserialize)]
struct ResolveDep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

/// The workspace as cargo sees it.
pub struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks `cargo metadata` (locked and offline, so that it changes nothing).
    ///
    /// # Errors
    /// When cargo does not run, or answers something unreadable.
    pub fn read() -> Result<Self, Box<dyn std::error::Error>> {
        let cargo = option_env!("CARGO").unwrap_or("cargo");
        let output = std::process::Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(Self {
            metadata: serde_json::from_slice(&output.stdout)?,
        })
    }

    /// The repository's root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.metadata.workspace_root
    }

    /// Every member with its folder, its workspace edges and its direct libraries;
    /// dev-dependencies are left out, since they never reach the product.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let mut members = Vec::new();
        for package in &self.metadata.packages {
            if !self.metadata.workspace_members.contains(&package.id) {
                continue;
            }
            let direct: BTreeSet<String> = package
                .dependencies
                .iter()
                .filter(|d| d.kind.as_deref() != Some("dev"))
                .map(|d| d.name.clone())
                .collect();
            members.push(Member {
                name: package.name.trim_start_matches("portcullis-").to_owned(),
                folder: package
                    .manifest_path
                    .parent()
                    .map(Path::to_path_buf)
                    .unwrap_or_default(),
                edges: direct
                    .iter()
                    .filter_map(|d| d.strip_prefix("portcullis-"))
                    .map(str::to_owned)
                    .collect(),
                libraries: direct,
                reaches: self.reaches(&package.id),
            });
        }
        members
    }

    /// Names of all packages that `id` reaches by normal and build dependencies.
    fn reaches(&self, id: &str) -> BTreeSet<String> {
        let nodes: BTreeMap<&str, &ResolveNode> = self
            .metadata
            .resolve
            .nodes
            .iter()
            .map(|n| (n.id.as_str(), n))
            .collect();
        let names: BTreeMap<&str, &str> = self
            .metadata
            .packages
            .iter()
            .map(|p| (p.id.as_str(), p.name.as_str()))
            .collect();
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let Some(node) = nodes.get(id) else { continue };
            for dep in &node.deps {
                let counts = dep.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev"));
                if counts && seen.insert(dep.pkg.as_str()) {
                    open.push(&dep.pkg);
                }
            }
        }
        seen.iter()
            .filter_map(|id| names.get(id))
            .map(|n| (*n).to_owned())
            .collect()
    }
}

/// One workspace member.
pub struct Member {
    /// Name without the `portcullis-` prefix.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Workspace crates that it names.
    pub edges: BTreeSet<String>,
    /// Every direct dependency.
    pub libraries: BTreeSet<String>,
    /// Everything it reaches, however far.
    pub reaches: BTreeSet<String>,
}

/// Every Rust file below `folder`.
///
/// # Errors
/// When a folder cannot be read.
pub fn rust_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if path
                    .file_name()
                    .is_none_or(|n| n != "target" && n != "node_modules")
                {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
