//! Where things stand: the repository, built binaries, the pinned Envoy.

use std::path::{Path, PathBuf};

/// The root of the repository that this crate was built in.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// A binary of the workspace, from the target directory of the running program.
///
/// # Errors
///
/// A message that says how to build it, when it is not there.
pub fn binary(name: &str) -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| format!("the running program is not known: {e}"))?;
    // Tests stand in `deps/` below the directory of the binaries.
    let found = program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|p| p.is_file());
    found.ok_or_else(|| {
        let directory = program.parent().unwrap_or(&program).display();
        format!("no binary `{name}` near {directory}: build it with `cargo build --profile ci --bin {name}`")
    })
}

/// The pinned Envoy.
///
/// # Errors
///
/// A message that says how to install it, when it is not there.
pub fn envoy() -> Result<PathBuf, String> {
    let path = root().join(".cache/envoy/1.40.0/envoy");
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("no Envoy at {}: run `envoy/install.sh`", path.display()))
    }
}
