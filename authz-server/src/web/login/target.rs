//! Where a login returns to, as it travels in `state`.

use portcullis_session::transaction::{MAX_RETURN, State};

use crate::web::destination::Destination;
use crate::web::fault::Fault;
use crate::web::visit::Visit;

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
}

impl Return {
    /// The form in `state`. A fingerprint has no space, nor has a checked URL.
    pub(super) fn write(&self) -> String {
        match self {
            Self::OwnPage => String::new(),
            Self::Route { destination, binding } => {
                let room = MAX_RETURN.saturating_sub(binding.len() + 1);
                format!("{binding} {}", destination.shortened(room))
            }
        }
    }

    /// Whether it is a page of the host that is asked.
    pub(super) fn is_here(&self, visit: &Visit) -> bool {
        match self {
            Self::OwnPage => true,
            Self::Route { destination, .. } => *destination.host() == visit.host,
        }
    }

    /// Where the login with this `state` was to lead, whoever began it: for a link.
    pub(super) fn begun_at(text: &str, visit: &Visit) -> Option<String> {
        let return_to = State::peek_return_to(&visit.active.keys, visit.host.as_str(), text)?;
        match Self::read(&return_to, visit).ok()? {
            Self::OwnPage => None,
            Self::Route { destination, .. } => Some(destination.url().to_string()),
        }
    }

    /// Reads it back; hosts may have gone from the configuration meanwhile.
    pub(super) fn read(text: &str, visit: &Visit) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Self::OwnPage);
        }
        let (binding, url) = text.split_once(' ').ok_or_else(Fault::state_invalid)?;
        Ok(Self::Route {
            destination: visit.destination(url)?,
            binding: binding.to_owned(),
        })
    }
}
