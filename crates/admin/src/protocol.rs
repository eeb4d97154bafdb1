//! What passes over the socket: JSON bodies, each request and answer a type.
//!
//! Requests refuse members that they do not know: an older instance that ignored a
//! condition would end more sessions than were meant.

use std::path::PathBuf;

use jiff::Timestamp;
use portcullis_model::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `GET`: [`About`].
pub const ABOUT: &str = "/v1/about";
/// `POST` [`ListRequest`]: [`ListAnswer`].
pub const SESSIONS_LIST: &str = "/v1/sessions/list";
/// `POST` [`ShowRequest`]: [`Details`].
pub const SESSIONS_SHOW: &str = "/v1/sessions/show";
/// `POST` [`RevokeRequest`]: [`RevokeAnswer`].
pub const SESSIONS_REVOKE: &str = "/v1/sessions/revoke";

/// Ids in one request.
pub const MAX_IDS: usize = 1_000;

/// Whom the socket belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of the binary.
    pub version: String,
    /// `run`, `control-plane` or `authz-server`.
    pub role: String,
    /// The absolute path of the configuration file, where there is one.
    pub config: Option<PathBuf>,
    /// The process.
    pub pid: u32,
}

/// The body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs: `not_found`, `bad_request`, `store_unavailable` and the like.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Which sessions: those that meet every condition that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The e-mail address, whatever its case, or the user id exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The `sub` claim at the provider, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The id of the provider settings that the login went through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Begun by a login before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
}

/// Asks for a page of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    /// Which.
    #[serde(default)]
    pub selection: Selection,
    /// At most so many; the answer may have fewer and yet go on.
    pub limit: usize,
    /// [`ListAnswer::next`] of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

/// A page of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAnswer {
    /// Those found, in an order that is the store's own.
    pub sessions: Vec<Row>,
    /// Records that cannot be read, on the way: nobody is let in by them.
    pub unreadable: usize,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// A session as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The id, which is no credential: a cookie holds it sealed.
    pub id: SessionId,
    /// How logs name it.
    pub log_name: String,
    /// The e-mail address, empty when there is none.
    pub email: String,
    /// The user's id at the provider.
    pub user_id: String,
    /// The provider settings that the login went through.
    pub provider_id: String,
    /// Whether it lets anybody in still.
    pub state: State,
    /// When the login was.
    pub issued_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When its tokens were last renewed; none before the first time.
    pub refreshed_at: Option<Timestamp>,
}

/// Whether a session counts, by the instance's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    Live,
    /// Its lifetime is over.
    Expired,
    /// The provider's access token has expired and nothing can renew it.
    TokenExpired,
    /// It was made in the future: somewhere a clock is wrong.
    NotYetValid,
}

/// Asks for one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowRequest {
    /// Which.
    pub id: SessionId,
}

/// All that is known of a session but its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What lists show.
    #[serde(flatten)]
    pub row: Row,
    /// The name to show, empty when there is none.
    pub name: String,
    /// When the provider's access token expires, if it said so.
    pub access_token_expires_at: Option<Timestamp>,
    /// When the id token expires, if it is one that a refresh renews.
    pub id_token_expires_at: Option<Timestamp>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// When its tokens are to be renewed next.
    pub refresh_due_at: Option<Timestamp>,
    /// Refreshes that have failed since the last that did not.
    pub refresh_failures: u32,
    /// When userinfo was last read after the login.
    pub userinfo_at: Option<Timestamp>,
    /// The version of its record.
    pub record_version: u64,
    /// What the provider says of the user, each claim a list.
    pub claims: Map<String, Value>,
}

/// Asks for sessions to be ended. Without ids and without a condition it must say `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// These, at most [`MAX_IDS`]; with none, all that the selection meets.
    #[serde(default)]
    pub ids: Vec<SessionId>,
    /// Conditions that they must meet.
    #[serde(default)]
    pub selection: Selection,
    /// Every session, and no other word of which.
    #[serde(default)]
    pub all: bool,
    /// Only say which.
    #[serde(default)]
    pub dry_run: bool,
    /// [`RevokeAnswer::next`] of the step before.
    #[serde(default)]
    pub after: Option<String>,
}

/// What a step of a revocation did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeAnswer {
    /// Those ended, or with `dry_run` those that would be.
    pub revoked: Vec<Row>,
    /// Ids of which there is no session.
    pub unknown: Vec<SessionId>,
    /// Ids of sessions that do not meet the selection.
    pub unmet: Vec<SessionId>,
    /// Records that cannot be read, on the way: nobody is let in by them.
    pub unreadable: usize,
    /// Why the step broke off after those.
    pub broke_off: Option<Refusal>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}
