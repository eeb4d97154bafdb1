//! Where sessions are kept.

use std::path::PathBuf;

use super::text;
use crate::codes::{NOT_IMPLEMENTED, STORAGE_CONNECTION, STORAGE_NEEDS_SECRET};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{GoUrl, Storage};

const CONNECTION: &str = "databroker_storage_connection_string";

pub(super) fn read(report: &mut Report, fields: &Fields<'_>, has_shared_secret: bool) -> Storage {
    let Some(field) = fields.get("databroker_storage_type") else {
        return Storage::Memory;
    };
    let kind = text(fields, "databroker_storage_type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    match kind.as_str() {
        "file" => {
            if !has_shared_secret {
                let message = "file storage needs `shared_secret`, from which its encryption key derives";
                let problem = Problem::error(STORAGE_NEEDS_SECRET, field.node.span, message);
                report.add(problem.help("make one with `head -c32 /dev/urandom | base64`"));
            }
            match path(fields) {
                Ok(path) => Storage::File(path),
                Err(message) => {
                    let span = fields
                        .present(CONNECTION)
                        .map_or(field.node.span, |field| field.node.span);
                    let problem = Problem::error(STORAGE_CONNECTION, span, message);
                    report.add(problem.help("write `file:///path/to/sessions.redb`"));
                    Storage::Memory
                }
            }
        }
        "postgres" => {
            // Nobody gets further for it: who is not known here has to log in here.
            let message = "`postgres` is not implemented yet: sessions stay in memory, a restart ends them, \
                           and other processes do not know them";
            let problem = Problem::warning(NOT_IMPLEMENTED, field.node.span, message);
            report.add(problem.help("use `file` or `memory`"));
            Storage::Memory
        }
        _ => Storage::Memory,
    }
}

/// The connection string may hold a password for other storages, so it is never shown.
fn path(fields: &Fields<'_>) -> Result<PathBuf, String> {
    let text = text(fields, CONNECTION).ok_or_else(|| format!("file storage needs `{CONNECTION}`"))?;
    let wrong = || format!("`{CONNECTION}` of file storage is no URL of the form `file:///path`");
    let url = GoUrl::parse(&text).map_err(|_| wrong())?;
    let plain = url.host.is_empty() && url.user.is_none() && url.raw_query.is_empty();
    if url.scheme != "file" || !plain || url.path.len() < 2 || url.path.ends_with('/') {
        return Err(wrong());
    }
    Ok(PathBuf::from(url.path))
}
