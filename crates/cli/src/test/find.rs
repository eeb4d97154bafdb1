//! Which files hold cases.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_cases::is_case_file;

use super::text;

/// How deep folders are searched.
const MAX_DEPTH: usize = 32;
/// How many entries of folders are looked at.
const MAX_ENTRIES: usize = 100_000;

/// The file itself, whatever it holds; of a folder every YAML file below it that is a
/// file of cases, sorted by path. A folder that is met twice, by a link, is searched
/// once.
///
/// # Errors
/// What cannot be read, in words for people.
pub(super) fn case_files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if !kind.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut search = Search::default();
    search.folder(path, 0)?;
    search.found.sort();
    Ok(search.found)
}

#[derive(Default)]
struct Search {
    seen: BTreeSet<PathBuf>,
    entries: usize,
    found: Vec<PathBuf>,
}

impl Search {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), String> {
        let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
        if depth > MAX_DEPTH {
            return Err(format!(
                "{} lies more than {MAX_DEPTH} folders deep",
                folder.display()
            ));
        }
        if !self.seen.insert(folder.canonicalize().map_err(unreadable)?) {
            return Ok(());
        }
        // In the order of their names, so that of two ways to one folder it is always the same that counts.
        let mut paths = Vec::new();
        for entry in folder.read_dir().map_err(unreadable)? {
            self.entries = self.entries.saturating_add(1);
            if self.entries > MAX_ENTRIES {
                return Err(format!("there are more than {MAX_ENTRIES} files to look at"));
            }
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        for path in paths {
            // A link that leads nowhere is no file of cases.
            let Ok(kind) = std::fs::metadata(&path) else {
                continue;
            };
            if kind.is_dir() {
                self.folder(&path, depth.saturating_add(1))?;
            } else if kind.is_file() && is_yaml(&path) && is_case_file(&text(&path)?) {
                self.found.push(path);
            }
        }
        Ok(())
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}
