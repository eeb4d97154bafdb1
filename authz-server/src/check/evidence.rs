//! What a policy may look at beside the request's head and the session: the client's
//! certificate, and the call in the body. Read once for a check, and only where the
//! route's policy asks for it.

mod call;
mod certificate;
mod remembered;

pub(crate) use remembered::Remembered;

use super::intake::Request;
use super::message::Message;
use crate::feed::Active;
use certificate::Presented;
use jiff::Timestamp;
use portcullis_policy::{Call, ClientCertificate, Mcp, Program};

/// What was read; nothing, where nothing is asked for.
#[derive(Debug)]
pub struct Evidence {
    certificate: Presented,
    call: Call,
    missing: Option<&'static str>,
}

impl Evidence {
    /// Reads what `program` asks for. Without authorities no certificate counts for
    /// anything.
    #[must_use]
    pub fn read(
        program: &Program,
        active: &Active,
        message: &Message<'_>,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Self {
        let mut evidence = Self {
            certificate: Presented::NOTHING,
            call: Call::Absent,
            missing: None,
        };
        if program.asks_for_certificate()
            && let Some(authorities) = active.settings().client_authorities.as_deref()
        {
            let remembered = &active.certificates;
            evidence.certificate = Presented::read(authorities, remembered, message, request, now);
            if message.certificate.is_empty() {
                evidence.missing = Some("include_peer_certificate");
            }
        }
        if program.asks_for_mcp() {
            let (call, missing) = call::read(message, request);
            evidence.call = call;
            evidence.missing = evidence.missing.or(missing);
        }
        evidence
    }

    /// The certificate, as a policy sees it.
    #[must_use]
    pub fn certificate(&self) -> ClientCertificate<'_> {
        self.certificate.as_input()
    }

    /// The call, as a policy sees it.
    #[must_use]
    pub fn call(&self) -> Mcp<'_> {
        self.call.as_input()
    }

    /// What somebody else's ext_authz filter must be set to before there can be more.
    #[must_use]
    pub const fn missing(&self) -> Option<&'static str> {
        self.missing
    }
}
