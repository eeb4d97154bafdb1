//! Where a login returns to, as it travels in `state`.

use http::Method;
use portcullis_session::transaction::{MAX_RETURN, State};

use crate::initiator::Initiator;
use crate::sign_in::{BINDING_PARAMETER, CALLBACK_PARAMETER, PROGRAMMATIC_PARAMETER, REDIRECT_PARAMETER};
use crate::web::destination::Destination;
use crate::web::fault::Fault;
use crate::web::programmatic::Program;
use crate::web::query::Query;
use crate::web::visit::Visit;

/// Stands before what is a program's, where otherwise a fingerprint stands.
const PROGRAM: &str = "program";
/// The same of one that gets its token only when the user says so.
const ASKING_PROGRAM: &str = "asking-program";

/// Where a login returns to.
pub(in crate::web) enum Return {
    /// The user page of this host.
    OwnPage,
    /// A page of a route, in the browser whose binding cookie there has this
    /// fingerprint.
    Route {
        destination: Destination,
        binding: String,
    },
    /// A program that waits for a token.
    Program(Program),
}

impl Return {
    /// What the query of a sign-in asks for, once its signature has been verified.
    pub(super) fn asked_for(visit: &Visit, query: &Query<'_>) -> Result<Self, Fault> {
        let url = query.require(REDIRECT_PARAMETER)?;
        if query.get(PROGRAMMATIC_PARAMETER)? == Some("true") {
            let route = query.require(CALLBACK_PARAMETER)?;
            let program = Program::read(visit, url, route)?;
            let by_hand = matches!(visit.initiator(), Initiator::Person | Initiator::Unsaid);
            // A form is posted where we have asked already.
            return Ok(Self::Program(
                match by_hand || visit.parts.method == Method::POST {
                    true => program,
                    false => program.asking(),
                },
            ));
        }
        Ok(Self::Route {
            destination: visit.destination(url)?,
            binding: query.require(BINDING_PARAMETER)?.to_owned(),
        })
    }

    /// Where the same login begins anew.
    pub(super) fn again(&self, visit: &Visit) -> Result<String, Fault> {
        match self {
            Self::OwnPage => Ok(format!("{}/.pomerium/", visit.origin())),
            Self::Route { destination, .. } => Ok(destination.url().to_string()),
            Self::Program(program) => program.sign_in(visit),
        }
    }

    /// The form in `state`. A fingerprint has no space, nor has a checked URL.
    pub(super) fn write(&self) -> String {
        match self {
            Self::OwnPage => String::new(),
            Self::Route { destination, binding } => {
                let room = MAX_RETURN.saturating_sub(binding.len() + 1);
                format!("{binding} {}", destination.shortened(room))
            }
            Self::Program(program) if program.asks() => format!("{ASKING_PROGRAM} {}", program.line()),
            Self::Program(program) => format!("{PROGRAM} {}", program.line()),
        }
    }

    /// Whether it is a page of the host that is asked.
    pub(super) fn is_here(&self, visit: &Visit) -> bool {
        match self {
            Self::OwnPage => true,
            Self::Route { destination, .. } => *destination.host() == visit.host,
            Self::Program(_) => false,
        }
    }

    /// Where the login with this `state` was to lead, whoever began it: for a link.
    pub(super) fn begun_at(text: &str, visit: &Visit) -> Option<String> {
        let return_to = State::peek_return_to(&visit.active.keys, visit.host.as_str(), text)?;
        Self::read(&return_to, visit).ok()?.again(visit).ok()
    }

    /// Reads it back; hosts may have gone from the configuration meanwhile.
    pub(super) fn read(text: &str, visit: &Visit) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Self::OwnPage);
        }
        let (binding, url) = text.split_once(' ').ok_or_else(Fault::state_invalid)?;
        match binding {
            PROGRAM => return Program::from_line(visit, url).map(Self::Program),
            ASKING_PROGRAM => {
                let program = Program::from_line(visit, url)?;
                return Ok(Self::Program(program.asking()));
            }
            _ => {}
        }
        Ok(Self::Route {
            destination: visit.destination(url)?,
            binding: binding.to_owned(),
        })
    }
}
