//! Sessions as lines of a table.

use jiff::Timestamp;
use portcullis_admin::printable::printable;
use portcullis_admin::protocol::Row;

use super::ended;

const HEAD: [&str; 7] = [
    "ID",
    "E-MAIL",
    "USER ID",
    "PROVIDER",
    "ISSUED",
    "EXPIRES",
    "LAST REFRESHED",
];
/// What stands where there is nothing.
const NOTHING: &str = "-";

/// A line a session below a head, or a word that there is none.
pub(super) fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no sessions\n".to_owned();
    }
    let cells: Vec<[String; 7]> = core::iter::once(HEAD.map(str::to_owned))
        .chain(rows.iter().map(line))
        .collect();
    let mut widths = [0; 7];
    for line in &cells {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &cells {
        let mut shown = String::new();
        for (cell, width) in line.iter().zip(widths) {
            shown.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

fn line(row: &Row) -> [String; 7] {
    let Row {
        id,
        log_name: _,
        email,
        user_id,
        provider_id,
        state,
        issued_at,
        expires_at,
        refreshed_at,
    } = row;
    let expires = match ended(*state) {
        "" => time(*expires_at),
        why => format!("{} ({why})", time(*expires_at)),
    };
    [
        id.to_string(),
        or_nothing(email),
        or_nothing(user_id),
        or_nothing(provider_id),
        time(*issued_at),
        expires,
        refreshed_at.map_or_else(|| NOTHING.to_owned(), time),
    ]
}

pub(super) fn or_nothing(text: &str) -> String {
    if text.is_empty() {
        NOTHING.to_owned()
    } else {
        printable(text)
    }
}

/// To the second, in UTC.
pub(super) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
