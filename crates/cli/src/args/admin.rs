//! What the commands that act on a running instance are told.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use portcullis_admin::find::Wanted;
use portcullis_admin::protocol::Selection;
use portcullis_model::SessionId;

use crate::environment;

/// Which running instance is asked.
#[derive(Debug, Args)]
pub(crate) struct Instance {
    /// The instance's admin socket, which it names when it is ready; without it
    /// PORTCULLIS_ADMIN_SOCKET, then the one instance of this user that runs here
    #[arg(long, value_name = "PATH")]
    admin_socket: Option<PathBuf>,
    /// The configuration file that the instance runs, where there are several
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Instance {
    /// As it is looked for.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            socket: self.admin_socket.clone().or_else(environment::admin_socket),
            config: self.config.clone(),
        }
    }
}

/// What can be done with the sessions of a running instance.
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List the sessions of a running instance
    List(SessionsList),
    /// Show one session: all that is known but its tokens
    Show(SessionsShow),
    /// End sessions, everywhere and at once
    Revoke(SessionsRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct SessionsList {
    #[command(flatten)]
    pub(crate) instance: Instance,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// How the list looks
    #[arg(long, value_enum, default_value_t = SessionsFormat::Text)]
    pub(crate) format: SessionsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsShow {
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// The session's id
    #[arg(value_name = "ID", value_parser = session_id)]
    pub(crate) id: SessionId,
    /// How it looks
    #[arg(long, value_enum, default_value_t = SessionsFormat::Text)]
    pub(crate) format: SessionsFormat,
}

/// Without a selection there is nothing that could be meant.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("selection")
    .args(["ids", "user", "subject", "provider", "before", "all"])
    .required(true)
    .multiple(true))]
pub(crate) struct SessionsRevoke {
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// The sessions' ids
    #[arg(value_name = "ID", value_parser = session_id)]
    pub(crate) ids: Vec<SessionId>,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    /// Every session there is
    #[arg(long, conflicts_with_all = ["ids", "user", "subject", "provider", "before"])]
    pub(crate) all: bool,
    /// Only say which sessions it would be
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Conditions on sessions; where there are several, all of them must be met.
#[derive(Debug, Args)]
pub(crate) struct Conditions {
    /// Of this user: the e-mail address, or the user id
    #[arg(long, value_name = "EMAIL_OR_ID", value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
    /// Of whom the identity provider calls so: the claim `sub`
    #[arg(long, value_name = "SUB", value_parser = NonEmptyStringValueParser::new())]
    subject: Option<String>,
    /// Of a login through the provider settings of this id
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    provider: Option<String>,
    /// Of a login before this time: 2026-01-15T12:00:00Z, 2026-01-15 (in UTC), or a span back from now
    /// such as `2h`
    #[arg(long, value_name = "TIME", value_parser = before)]
    before: Option<Timestamp>,
}

impl Conditions {
    /// As the instance is asked.
    pub(crate) fn selection(&self) -> Selection {
        let Self {
            user,
            subject,
            provider,
            before,
        } = self;
        Selection {
            user: user.clone(),
            subject: subject.clone(),
            provider: provider.clone(),
            before: *before,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionsFormat {
    Text,
    Json,
}

fn session_id(text: &str) -> Result<SessionId, String> {
    text.parse()
        .map_err(|_| "a session's id looks like 0195a000-a000-7000-8000-00000000a01a".to_owned())
}

fn before(text: &str) -> Result<Timestamp, String> {
    moment(text, Timestamp::now())
}

/// A time, a date (its beginning in UTC), or a span back from `now`.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || {
        "write a time such as 2026-01-15T12:00:00Z, a date such as 2026-01-15, or a span back from now such as `2h`"
            .to_owned()
    };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    // A time of day without an offset is nobody's in particular.
    let is_date = text.len() == "2026-01-15".len();
    if let Some(date) = text.parse::<DateTime>().ok().filter(|_| is_date) {
        let day = date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
        return Ok(day.timestamp());
    }
    let span = text.parse::<jiff::Span>().map_err(|_| wrong())?.abs();
    let then = now.to_zoned(TimeZone::UTC).checked_sub(span);
    then.map(|then| then.timestamp())
        .map_err(|_| "there is no such time: the span is too long".to_owned())
}

#[cfg(test)]
mod tests;
