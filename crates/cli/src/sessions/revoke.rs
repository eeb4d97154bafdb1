//! `portcullis sessions revoke`.

use std::process::ExitCode;

use portcullis_admin::client::Client;
use portcullis_admin::protocol::{self, MAX_IDS, RevokeAnswer, RevokeRequest, Row};
use portcullis_model::SessionId;

use super::table::or_nothing;
use super::{forward, note_unreadable};
use crate::args::SessionsRevoke;
use crate::check::{counted, fail, write};
use crate::process::Failure;

/// Says each session that has ended as it does, and last how many there were. Exits 1
/// when one that was named is not there.
pub(super) async fn revoke(client: &Client, arguments: &SessionsRevoke) -> Result<ExitCode, Failure> {
    let mut telling = Telling {
        dry_run: arguments.dry_run,
        ..Telling::default()
    };
    let done = tell_all(client, arguments, &mut telling).await;
    if !arguments.ids.is_empty() {
        telling.missed += telling.unreadable;
    }
    // Also where it broke off: so many are gone.
    let last = telling.last();
    telling.say(&last);
    note_unreadable(telling.unreadable);
    done?;
    Ok(telling.code())
}

async fn tell_all(client: &Client, arguments: &SessionsRevoke, telling: &mut Telling) -> Result<(), Failure> {
    let steps: Vec<Vec<SessionId>> = match arguments.ids.as_slice() {
        [] => vec![Vec::new()],
        ids => ids.chunks(MAX_IDS).map(<[SessionId]>::to_vec).collect(),
    };
    for ids in steps {
        let mut asked = RevokeRequest {
            ids,
            selection: arguments.conditions.selection(),
            all: arguments.all,
            dry_run: arguments.dry_run,
            after: None,
        };
        loop {
            let answer: RevokeAnswer = client.ask(protocol::SESSIONS_REVOKE, &asked).await?;
            telling.tell(&answer);
            if let Some(why) = answer.broke_off {
                return Err(format!("it broke off: {}", why.message).into());
            }
            asked.after = forward(asked.after, answer.next)?;
            if asked.after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// What has been said.
#[derive(Default)]
struct Telling {
    dry_run: bool,
    revoked: usize,
    unreadable: usize,
    missed: usize,
    unheard: bool,
}

impl Telling {
    fn tell(&mut self, answer: &RevokeAnswer) {
        self.revoked += answer.revoked.len();
        self.unreadable += answer.unreadable;
        self.missed += answer.unknown.len() + answer.unmet.len();
        let lines: String = answer.revoked.iter().map(|row| self.line(row)).collect();
        self.say(&lines);
        for id in &answer.unknown {
            fail(&format!("there is no session `{id}`"));
        }
        for id in &answer.unmet {
            fail(&format!(
                "the session `{id}` does not meet the conditions and is left alone"
            ));
        }
    }

    /// Whoever reads may go away, as `head` does; that is no reason to leave sessions
    /// that were to end.
    fn say(&mut self, text: &str) {
        self.unheard |= write(text).is_err();
    }

    fn verb(&self) -> &'static str {
        if self.dry_run { "would revoke" } else { "revoked" }
    }

    fn line(&self, row: &Row) -> String {
        let verb = self.verb();
        let (id, email) = (row.id, or_nothing(&row.email));
        let (user, provider) = (or_nothing(&row.user_id), or_nothing(&row.provider_id));
        format!("{verb} {id}  {email}  user id {user}  provider {provider}\n")
    }

    fn last(&self) -> String {
        format!("{} {}\n", self.verb(), counted(self.revoked, "session"))
    }

    fn code(&self) -> ExitCode {
        if self.missed > 0 || self.unheard {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

#[cfg(test)]
mod tests;
