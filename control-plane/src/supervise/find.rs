//! Where Envoy's binary is.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The version of Envoy that this is made for.
pub const ENVOY_VERSION: &str = "1.40.0";

/// No Envoy, or not where it was said to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvoyNotFound {
    /// It was named, and is not there.
    #[error("`{path}`, named by {by}, is no executable file; `envoy/install.sh` installs Envoy")]
    NotThere {
        /// What was named.
        path: String,
        /// Who named it: `--envoy` or `PORTCULLIS_ENVOY`.
        by: &'static str,
    },
    /// Nobody named it and it is in none of the usual places.
    #[error(
        "no Envoy was found: run `envoy/install.sh`, or name the binary of Envoy {ENVOY_VERSION} by `--envoy` or \
         `PORTCULLIS_ENVOY`, or put it on the `PATH`"
    )]
    Nowhere,
}

/// Finds Envoy: by `flag` (`--envoy`), by `variable` (`PORTCULLIS_ENVOY`), on
/// `path` (`PATH`), then as `.cache/envoy/1.40.0/envoy`, where `envoy/install.sh`
/// puts it, in one of `starts` (the current directory, the executable's) or any
/// directory above.
///
/// # Errors
///
/// When there is none. What `flag` or `variable` name must be there: nothing else
/// is taken in its place.
pub fn find_envoy(
    flag: Option<&Path>,
    variable: Option<&OsStr>,
    path: Option<&OsStr>,
    starts: &[PathBuf],
) -> Result<PathBuf, EnvoyNotFound> {
    let variable = variable.filter(|v| !v.is_empty()).map(Path::new);
    for (named, by) in [(flag, "--envoy"), (variable, "PORTCULLIS_ENVOY")] {
        if let Some(named) = named {
            let not_there = || EnvoyNotFound::NotThere {
                path: named.display().to_string(),
                by,
            };
            return executable(named).then(|| named.to_owned()).ok_or_else(not_there);
        }
    }
    let on_path = path
        .into_iter()
        .flat_map(std::env::split_paths)
        .map(|directory| directory.join("envoy"));
    let cached = Path::new(".cache/envoy").join(ENVOY_VERSION).join("envoy");
    let above = starts
        .iter()
        .flat_map(|start| start.ancestors())
        .map(|directory| directory.join(&cached));
    on_path
        .chain(above)
        .find(|candidate| executable(candidate))
        .ok_or(EnvoyNotFound::Nowhere)
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(at: &Path) -> PathBuf {
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, "").unwrap();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        at.to_owned()
    }

    #[test]
    fn the_flag_goes_before_the_variable_the_path_and_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let flag = binary(&dir.path().join("flag/e"));
        let variable = binary(&dir.path().join("variable/e"));
        let on_path = binary(&dir.path().join("bin/envoy"));
        let cached = binary(&dir.path().join(".cache/envoy/1.40.0/envoy"));
        let path = std::env::join_paths([dir.path().join("none"), dir.path().join("bin")]).unwrap();
        let starts = [dir.path().join("a/b/c")];
        let find = |f: Option<&Path>, v: Option<&Path>, p: Option<&OsStr>, s: &[PathBuf]| {
            find_envoy(f, v.map(Path::as_os_str), p, s)
        };
        assert_eq!(find(Some(&flag), Some(&variable), Some(&path), &starts), Ok(flag));
        assert_eq!(find(None, Some(&variable), Some(&path), &starts), Ok(variable));
        assert_eq!(find(None, Some(Path::new("")), Some(&path), &starts), Ok(on_path));
        assert_eq!(find(None, None, None, &starts), Ok(cached));
        assert_eq!(find(None, None, None, &[]), Err(EnvoyNotFound::Nowhere));
    }

    #[test]
    fn what_is_named_must_be_there_and_executable() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("plain");
        fs::write(&plain, "").unwrap();
        binary(&dir.path().join(".cache/envoy/1.40.0/envoy"));
        let error = find_envoy(Some(&plain), None, None, &[dir.path().to_owned()]).unwrap_err();
        assert_eq!(
            error,
            EnvoyNotFound::NotThere {
                path: plain.display().to_string(),
                by: "--envoy"
            }
        );
        let error = find_envoy(None, Some(OsStr::new("/none")), None, &[dir.path().to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/none`, named by PORTCULLIS_ENVOY, is no executable file; `envoy/install.sh` installs Envoy"
        );
    }

    #[test]
    fn the_absence_is_one_line_that_names_the_installer() {
        let text = EnvoyNotFound::Nowhere.to_string();
        assert!(
            text.contains("envoy/install.sh") && !text.contains('\n'),
            "{text}"
        );
    }
}
