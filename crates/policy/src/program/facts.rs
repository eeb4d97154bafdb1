//! What its holders need to know of a program.

use std::sync::Arc;

use super::{Program, Test, Tree};
use crate::ast::{Action, TextField};

impl Program {
    /// Whether some criterion is about the MCP message of a request: only then
    /// its body matters.
    #[must_use]
    pub fn asks_for_mcp(&self) -> bool {
        self.inner.asks_for_mcp
    }

    /// Whether some criterion is about the client's certificate.
    #[must_use]
    pub fn asks_for_certificate(&self) -> bool {
        self.inner.asks_for_certificate
    }

    /// Where the content is in memory: programs that share it, and only those,
    /// have the same address while they live.
    #[must_use]
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    /// The program without any place in a file, as it is after decoding.
    #[must_use]
    pub fn without_places(self) -> Self {
        let spans = Arc::default();
        Self { spans, ..self }
    }
}

pub(super) fn asks_for_mcp(tree: &Tree) -> bool {
    asks(tree, |test| matches!(test, Test::Text(TextField::McpTool, _)))
}

pub(super) fn asks_for_certificate(tree: &Tree) -> bool {
    asks(tree, |test| {
        matches!(test, Test::ClientCertificate(_) | Test::InvalidClientCertificate)
    })
}

fn asks(tree: &Tree, about: impl Fn(&Test) -> bool) -> bool {
    [Action::Allow, Action::Deny]
        .into_iter()
        .flat_map(|action| tree.terms(action))
        .flat_map(|term| &term.criteria)
        .any(|criterion| about(&criterion.0))
}

#[cfg(test)]
mod tests {
    use portcullis_document::{Limits, parse_yaml};

    use crate::{Program, compile, parse};

    fn program(text: &str) -> Program {
        let node = parse_yaml(text, &Limits::default()).unwrap().unwrap();
        compile(&parse(&node).unwrap()).unwrap()
    }

    #[test]
    fn tools_are_seen_wherever_they_stand() {
        for (text, asks) in [
            ("[]", false),
            ("allow: {and: [accept: 1, claim/mcp_tool: a]}", false),
            ("allow: {and: [accept: 1, mcp_tool: a]}", true),
            ("deny: {nor: [mcp_tool: {not: a}]}", true),
        ] {
            assert_eq!(program(text).asks_for_mcp(), asks, "{text}");
        }
    }

    #[test]
    fn certificates_are_seen_wherever_they_stand() {
        for (text, asks) in [
            ("allow: {and: [accept: 1, claim/client_certificate: a]}", false),
            ("allow: {and: [client_certificate: {}]}", true),
            ("deny: {and: [invalid_client_certificate: true]}", true),
        ] {
            assert_eq!(program(text).asks_for_certificate(), asks, "{text}");
        }
    }

    #[test]
    fn only_what_is_shared_has_one_address() {
        let one = program("allow: {and: [accept: 1]}");
        let equal = program("allow: {and: [accept: 1]}");
        assert_eq!(one, equal);
        assert_ne!(one.address(), equal.address());
        assert_eq!(one.clone().without_places().address(), one.address());
    }
}
