//! One route.

use portcullis_document::Node;

use super::{action, boolean, from, headers, pages, path, policy, relations, secrets, text, times};
use crate::codes::WRONG_TYPE;
use crate::report::{Problem, Report};
use crate::schema::{Scope, walk};
use crate::{Global, Located, Route, RoutePolicy, Written};

/// What our own Envoy does with requests and answers, and no check can say.
const FOR_ENVOY: [&str; 12] = [
    "host_rewrite",
    "host_rewrite_header",
    "idle_timeout",
    "prefix_rewrite",
    "preserve_host_header",
    "set_response_headers",
    "timeout",
    "tls_custom_ca",
    "tls_custom_ca_file",
    "tls_server_name",
    "tls_skip_verify",
    "tls_upstream_server_name",
];

/// The route, or `None` if it cannot be said for which host it is.
pub(super) fn read(
    report: &mut Report,
    node: &Node,
    index: usize,
    legacy: bool,
    global: &Global,
) -> Option<Route> {
    let Some(entries) = node.as_map() else {
        let message = format!("a route is a map, not {}", node.describe());
        report.add(Problem::error(WRONG_TYPE, node.span, message));
        return None;
    };
    let fields = walk(report, entries, Scope::Route, legacy);
    relations::route(report, &fields);
    let from = from::read(report, &fields, node.span);
    let (from, stray) = from.map_or((None, None), |read| (Some(read.from), read.stray_path));
    let host = from.as_ref().map(|from| &from.host);
    let (action, unused_to) = action::read(report, &fields, node.span, host, global.insecure_server);
    let (matcher, written) = path::read(report, &fields, stray);
    let (policy, advice) = policy::read(report, &fields, node.span, global.client_certificates.as_ref());
    let set_request_headers = headers::request(report, &fields, &global.jwt_claims_headers);
    Some(Route {
        index,
        span: node.span,
        name: text(&fields, "name"),
        from: from?,
        action,
        matcher,
        written: Written {
            to: unused_to,
            ..written
        },
        policy,
        show_error_details: boolean(&fields, "show_error_details").unwrap_or(false),
        advice,
        pass_identity_headers: boolean(&fields, "pass_identity_headers"),
        remove_request_headers: headers::removed(report, &fields, &set_request_headers),
        set_request_headers,
        set_response_headers: headers::set_on_responses(report, &fields),
        timeout: times::limit(report, &fields, "timeout"),
        idle_timeout: times::limit(report, &fields, "idle_timeout"),
        allow_websockets: boolean(&fields, "allow_websockets").unwrap_or(false),
        description: text(&fields, "description").unwrap_or_default(),
        logo_url: pages::route_logo(report, &fields),
        depends_on: pages::depends_on(report, &fields),
        unused_files: ["tls_client_cert_file", "tls_client_key_file"]
            .iter()
            .filter_map(|name| secrets::path(&fields, name))
            .collect(),
        for_envoy: FOR_ENVOY
            .iter()
            .filter_map(|name| fields.present(name))
            .map(|field| Located {
                value: field.name,
                span: field.key_span,
            })
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
