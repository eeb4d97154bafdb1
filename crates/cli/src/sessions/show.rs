//! `portcullis sessions show`.

use std::process::ExitCode;

use jiff::Timestamp;
use portcullis_admin::client::Client;
use portcullis_admin::printable::{self, printable};
use portcullis_admin::protocol::{self, Details, Row, ShowRequest, State};

use super::ended;
use super::table::{or_nothing, time};
use crate::args::{SessionsFormat, SessionsShow};
use crate::check::write;
use crate::process::Failure;

/// The column at which values stand.
const WIDTH: usize = 22;

pub(super) async fn show(client: &Client, arguments: &SessionsShow) -> Result<ExitCode, Failure> {
    let asked = ShowRequest { id: arguments.id };
    let details: Details = client.ask(protocol::SESSIONS_SHOW, &asked).await?;
    let shown = match arguments.format {
        SessionsFormat::Text => text(&details),
        SessionsFormat::Json => printable::json(&serde_json::to_value(&details)?),
    };
    write(&shown)?;
    Ok(ExitCode::SUCCESS)
}

/// A line a fact, then the claims.
pub(super) fn text(details: &Details) -> String {
    let Details {
        row,
        name,
        access_token_expires_at,
        id_token_expires_at,
        refreshable,
        refresh_due_at,
        refresh_failures,
        userinfo_at,
        record_version,
        claims,
    } = details;
    let Row {
        id,
        log_name,
        email,
        user_id,
        provider_id,
        state,
        issued_at,
        expires_at,
        refreshed_at,
    } = row;
    let when = |at: Option<Timestamp>| at.map_or_else(|| or_nothing(""), time);
    let state = match state {
        State::Live => "live",
        other => ended(*other),
    };
    let facts = [
        ("id", id.to_string()),
        ("name in logs", printable(log_name)),
        ("state", state.to_owned()),
        ("e-mail", or_nothing(email)),
        ("name", or_nothing(name)),
        ("user id", or_nothing(user_id)),
        ("provider", or_nothing(provider_id)),
        ("issued", time(*issued_at)),
        ("expires", time(*expires_at)),
        ("access token expires", when(*access_token_expires_at)),
        ("id token expires", when(*id_token_expires_at)),
        (
            "refresh token",
            if *refreshable { "yes" } else { "no" }.to_owned(),
        ),
        ("refresh due", when(*refresh_due_at)),
        ("last refreshed", when(*refreshed_at)),
        ("failed refreshes", refresh_failures.to_string()),
        ("userinfo read", when(*userinfo_at)),
        ("record version", record_version.to_string()),
    ];
    let mut text: String = facts
        .iter()
        .map(|(what, value)| format!("{what:WIDTH$}{value}\n"))
        .collect();
    text.push_str(if claims.is_empty() {
        "no claims\n"
    } else {
        "claims\n"
    });
    for (name, values) in claims {
        text.push_str(&format!(
            "  {}: {}\n",
            printable(name),
            printable(&values.to_string())
        ));
    }
    text
}
