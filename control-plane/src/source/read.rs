//! Reading a file within bounds.

use std::{fs::File, io::Read, path::Path};

/// The largest configuration file, in bytes.
pub(crate) const MAX_CONFIG: u64 = 8 << 20;
/// The largest file that a configuration names, in bytes.
pub(crate) const MAX_REFERENCED: u64 = 1 << 20;
/// How many bytes all of them may have together.
pub(crate) const MAX_TOTAL: u64 = 64 << 20;

/// The content of a regular file of at most `limit` bytes, or why there is none
/// in a few words. A pipe or device is refused: reading it may never end.
pub(crate) fn bounded(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let too_large = || format!("larger than {limit} bytes");
    let meta = std::fs::metadata(path).map_err(|e| in_words(&e))?;
    if !meta.is_file() {
        return Err("not a regular file".to_owned());
    }
    if meta.len() > limit {
        return Err(too_large());
    }
    let file = File::open(path).map_err(|e| in_words(&e))?;
    let mut content = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    // The file may have grown since.
    file.take(limit + 1)
        .read_to_end(&mut content)
        .map_err(|e| in_words(&e))?;
    if content.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(content)
}

/// An operating system error without its number: `no such file or directory`.
pub(crate) fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = words.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(bounded(&path, 5).unwrap(), b"12345");
        assert_eq!(bounded(&path, 4).unwrap_err(), "larger than 4 bytes");
        assert_eq!(bounded(dir.path(), 4).unwrap_err(), "not a regular file");
        assert_eq!(
            bounded(Path::new("/dev/zero"), 4).unwrap_err(),
            "not a regular file"
        );
        assert_eq!(
            bounded(&dir.path().join("none"), 4).unwrap_err(),
            "no such file or directory"
        );
    }
}
