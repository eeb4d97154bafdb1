//! One route as the authz-server sees it.

use crate::digest::Digest;
use crate::matcher::PathPattern;
use crate::own_answer::OwnAnswer;
use crate::template::Template;
use core::fmt;
use portcullis_model::{HeaderName, Host, HostPattern, RouteId};
use portcullis_policy::Program;
use std::sync::Arc;

/// A route: its identity, where it stands, who may use it.
#[derive(Clone, Debug)]
pub struct Route {
    /// The id that Envoy sends with each check.
    pub id: RouteId,
    /// The route's `name`, for logs and pages.
    pub name: Option<String>,
    /// The host that clients ask for, or the pattern that it fits.
    pub host: HostPattern,
    /// The port of `from`, where it names one that is not the scheme's own.
    pub port: Option<u16>,
    /// Who may use it.
    pub policy: RoutePolicy,
    /// Whether the upstream gets the assertion and the claim headers.
    pub pass_identity_headers: bool,
    /// Headers that the upstream gets besides, in this order.
    pub set_request_headers: Vec<(HeaderName, Template)>,
    /// Headers that the upstream does not get, whoever set them.
    pub remove_request_headers: Vec<HeaderName>,
    /// Whether clients may go over to websockets.
    pub allow_websockets: bool,
    /// What the route answers itself; `None` where it leads to an upstream.
    pub answer: Option<Arc<OwnAnswer>>,
    /// With `show_error_details`: what sub-policies say to whoever the policy
    /// refuses, beside readable reasons. `None` shows neither.
    pub error_details: Option<Vec<Advice>>,
    /// How it stands in the list of routes.
    pub listing: Listing,
    /// Hosts and external ports of ours where a login here signs in too, one after
    /// the other, before it leads back (`depends_on`).
    pub depends_on: Vec<(Host, u16)>,
    /// By what it is found where nobody names its id. `None` in a route of a former
    /// configuration: its id alone still finds it.
    pub found_by: Option<FoundBy>,
}

/// What finds a route beside its host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBy {
    /// The paths.
    pub path: PathPattern,
    /// Its turn among the routes of its host and port, or among all whose hosts have
    /// stars: the lowest that fits serves. An edit elsewhere does not change it.
    pub turn: u32,
}

/// What the list of routes says of a route beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// `from` as written.
    pub from: String,
    /// `description`.
    pub description: String,
    /// `logo_url` as written.
    pub logo_url: String,
}

/// What a sub-policy says to whoever is refused; either text may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Why somebody is not let in.
    pub explanation: String,
    /// What can be done about it.
    pub remediation: String,
}

impl Route {
    /// Hash of everything that this route says, its policy's program included.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let Self {
            id,
            name,
            host,
            port,
            policy,
            pass_identity_headers,
            set_request_headers,
            remove_request_headers,
            allow_websockets,
            answer,
            error_details,
            listing,
            depends_on,
            found_by,
        } = self;
        let mut digest = Digest::new("portcullis route 7");
        digest.number(u128::from(id.0));
        digest.optional(name.as_deref());
        digest.text(host.as_str());
        digest.flag(port.is_some());
        digest.number(u128::from(port.unwrap_or_default()));
        digest.bytes(&policy.digest());
        digest.flag(*pass_identity_headers);
        digest.count(set_request_headers.len());
        for (name, template) in set_request_headers {
            digest.text(name.as_str());
            digest.text(template.source());
        }
        digest.count(remove_request_headers.len());
        for name in remove_request_headers {
            digest.text(name.as_str());
        }
        digest.flag(*allow_websockets);
        digest.flag(answer.is_some());
        if let Some(answer) = answer {
            answer.write(&mut digest);
        }
        digest.flag(error_details.is_some());
        let advice = error_details.as_deref().unwrap_or_default();
        digest.count(advice.len());
        for Advice {
            explanation,
            remediation,
        } in advice
        {
            digest.text(explanation);
            digest.text(remediation);
        }
        let Listing {
            from,
            description,
            logo_url,
        } = listing;
        for text in [from, description, logo_url] {
            digest.text(text);
        }
        digest.count(depends_on.len());
        for (host, port) in depends_on {
            digest.text(host.as_str());
            digest.number(u128::from(*port));
        }
        digest.flag(found_by.is_some());
        if let Some(FoundBy { path, turn }) = found_by {
            let (kind, text) = match path {
                PathPattern::Any => (0, ""),
                PathPattern::Prefix(prefix) => (1, prefix.as_str()),
                PathPattern::Path(path) => (2, path.as_str()),
                PathPattern::Regex(regex) => (3, regex.as_str()),
            };
            digest.number(kind);
            digest.text(text);
            digest.number(u128::from(*turn));
        }
        digest.finish()
    }
}

/// A route's policy, or why it has none.
#[derive(Clone)]
pub enum RoutePolicy {
    /// The compiled policy.
    Program(Program),
    /// The route's configuration has an error: it denies everybody
    /// (`route_invalid`, 503) until it is mended.
    Invalid {
        /// Why, for the log and `/status`; never for the client.
        message: String,
    },
}

impl RoutePolicy {
    /// Hash of the policy: the program's own digest, or of the reason.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        match self {
            Self::Program(program) => {
                let mut digest = Digest::new("portcullis program 1");
                digest.bytes(&program.digest());
                digest.finish()
            }
            Self::Invalid { message } => {
                let mut digest = Digest::new("portcullis invalid 1");
                digest.text(message);
                digest.finish()
            }
        }
    }

    /// The program, if there is one.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match self {
            Self::Program(program) => Some(program),
            Self::Invalid { .. } => None,
        }
    }
}

// A program is long and of no use in a log line: its digest says which it is.
impl fmt::Debug for RoutePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(program) => write!(f, "Program({})", hex::encode(program.digest())),
            Self::Invalid { message } => f.debug_struct("Invalid").field("message", message).finish(),
        }
    }
}
