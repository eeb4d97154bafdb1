//! `portcullis keys generate`: a new key, from this process alone.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use portcullis_control_plane::rotate;
use secrecy::ExposeSecret as _;

use crate::args::KeysGenerate;
use crate::process::Failure;

/// Prints it, or writes it to a new file. A secret has no line end, which the
/// configuration would refuse; only a terminal gets one.
pub(super) fn generate(arguments: &KeysGenerate) -> Result<(), Failure> {
    let KeysGenerate { name, output } = arguments;
    let key = rotate::generate(*name)?;
    let key = key.expose_secret();
    if let Some(path) = output {
        return write_new(path, key);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(key.as_bytes())?;
    if out.is_terminal() && !key.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn write_new(path: &Path, key: &str) -> Result<(), Failure> {
    let shown = path.display();
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!("`{shown}` is there already, and is not overwritten"),
        _ => format!("`{shown}` cannot be made: {error}"),
    })?;
    let written = file.write_all(key.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a key is worse than none.
        let _ = fs::remove_file(path);
        format!("`{shown}` cannot be written: {error}").into()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use portcullis_config::{key_from_base64, pem_text};
    use portcullis_model::KeyName;

    use super::*;

    #[test]
    fn a_file_is_new_private_and_what_its_option_takes() {
        let directory = tempfile::tempdir().unwrap();
        for name in KeyName::ALL {
            let path = directory.path().join(name.as_str());
            let arguments = KeysGenerate {
                name,
                output: Some(path.clone()),
            };
            generate(&arguments).unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{name}");
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                key_from_base64(&text).is_ok() || pem_text(&text).is_ok(),
                "{name}"
            );
            let again = generate(&arguments).unwrap_err().to_string();
            assert_eq!(
                again,
                format!("`{}` is there already, and is not overwritten", path.display())
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}");
        }
    }

    #[test]
    fn a_place_that_is_not_there_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let arguments = KeysGenerate {
            name: KeyName::CookieSecret,
            output: Some(directory.path().join("none/key")),
        };
        let error = generate(&arguments).unwrap_err().to_string();
        assert!(error.contains("cannot be made: No such file"), "{error}");
    }
}
