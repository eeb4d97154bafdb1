//! `portcullis sessions`: what stands in the store of a running instance, and its end.

mod revoke;
mod show;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use portcullis_admin::client::Client;
use portcullis_admin::printable;
use portcullis_admin::protocol::{self, ListAnswer, ListRequest, Row, State};
use serde_json::json;

use crate::admin;
use crate::args::{Sessions, SessionsFormat, SessionsList};
use crate::check::{counted, fail, write};
use crate::process::Failure;

/// Exits 0 when it was done, whatever there was to find; 1 when it was not, or not
/// wholly.
pub(crate) fn sessions(command: &Sessions) -> ExitCode {
    match try_sessions(command) {
        Ok(code) => code,
        Err(error) => fail(&error.to_string()),
    }
}

fn try_sessions(command: &Sessions) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let instance = match command {
            Sessions::List(arguments) => &arguments.instance,
            Sessions::Show(arguments) => &arguments.instance,
            Sessions::Revoke(arguments) => &arguments.instance,
        };
        let client = admin::instance(&instance.wanted()).await?.client;
        match command {
            Sessions::List(arguments) => list(&client, arguments).await,
            Sessions::Show(arguments) => show::show(&client, arguments).await,
            Sessions::Revoke(arguments) => revoke::revoke(&client, arguments).await,
        }
    })
}

async fn list(client: &Client, arguments: &SessionsList) -> Result<ExitCode, Failure> {
    let limit = usize::try_from(arguments.limit)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut unreadable = 0;
    let mut after = None;
    // One more tells whether there are more.
    while rows.len() <= limit {
        let asked = ListRequest {
            selection: arguments.conditions.selection(),
            limit: (limit + 1).saturating_sub(rows.len()),
            after: after.clone(),
        };
        let page: ListAnswer = client.ask(protocol::SESSIONS_LIST, &asked).await?;
        rows.extend(page.sessions);
        unreadable += page.unreadable;
        after = forward(after, page.next)?;
        if after.is_none() {
            break;
        }
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.sort_by_key(|row| core::cmp::Reverse(row.issued_at));
    let shown = match arguments.format {
        SessionsFormat::Text => table::text(&rows),
        SessionsFormat::Json => {
            let document = json!({"sessions": rows, "more": more, "unreadable": unreadable});
            printable::json(&document)
        }
    };
    write(&shown)?;
    if arguments.format == SessionsFormat::Text {
        note_unreadable(unreadable);
        if more {
            note(&format!(
                "there are more than these {limit}; --limit shows more of them, conditions such as --user fewer"
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where to go on. An instance that stays where it is would be asked for ever.
fn forward(before: Option<String>, next: Option<String>) -> Result<Option<String>, Failure> {
    if next.is_some() && next == before {
        return Err("the instance does not come forward in its store".into());
    }
    Ok(next)
}

fn note_unreadable(unreadable: usize) {
    if unreadable > 0 {
        let records = counted(unreadable, "record");
        note(&format!(
            "{records} of sessions cannot be read and count as absent: nobody is let in by them"
        ));
    }
}

/// Says something beside the result.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {}", printable::lines(text));
}

/// Why it lets nobody in; empty for one that does.
fn ended(state: State) -> &'static str {
    match state {
        State::Live => "",
        State::Expired => "ended",
        State::TokenExpired => "ended: the provider's token has expired and nothing renews it",
        State::NotYetValid => "not valid yet: made in the future",
    }
}

#[cfg(test)]
mod tests;
