//! One route.

use portcullis_document::Node;

use super::{boolean, from, path, policy, relations, secrets, text, to};
use crate::codes::WRONG_TYPE;
use crate::report::{Problem, Report};
use crate::schema::{Scope, walk};
use crate::{Route, RoutePolicy};

/// The route, or `None` if it cannot be said for which host it is.
pub(super) fn read(report: &mut Report, node: &Node, index: usize, legacy: bool) -> Option<Route> {
    let Some(entries) = node.as_map() else {
        let message = format!("a route is a map, not {}", node.describe());
        report.add(Problem::error(WRONG_TYPE, node.span, message));
        return None;
    };
    let fields = walk(report, entries, Scope::Route, legacy);
    relations::route(report, &fields);
    let from = from::read(report, &fields, node.span);
    let to = to::read(report, &fields, node.span);
    let (from, stray) = from.map_or((None, None), |read| (Some(read.from), read.stray_path));
    let matcher = path::read(report, &fields, stray);
    let policy = policy::read(report, &fields, node.span);
    Some(Route {
        index,
        span: node.span,
        name: text(&fields, "name"),
        from: from?,
        to,
        matcher,
        policy,
        pass_identity_headers: boolean(&fields, "pass_identity_headers"),
        unused_files: ["tls_client_cert_file", "tls_client_key_file"]
            .iter()
            .filter_map(|name| secrets::path(&fields, name))
            .collect(),
        invalid: None,
    })
}

impl Route {
    /// The route with the error that came up in it, if one did. An invalid route has no policy, so that
    /// nothing can be let in by it.
    pub(super) fn finish(mut self, invalid: Option<String>) -> Self {
        if invalid.is_some() {
            self.policy = RoutePolicy::Invalid;
        }
        self.invalid = invalid;
        self
    }
}
