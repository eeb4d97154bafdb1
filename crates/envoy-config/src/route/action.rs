//! What becomes of a request that the check lets pass.

use crate::WEB_CLUSTER;
use crate::proto::{inline, millis, yes};
use envoy_types::pb::envoy::config::route::v3 as route;
use portcullis_snapshot::{Action, HostRewrite, PathRedirect, Redirect, SchemeRedirect, Upstream};
use route::redirect_action::{PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier};
use route::route_action::{ClusterSpecifier, HostRewriteSpecifier};

pub(super) fn message(action: &Action) -> route::route::Action {
    match action {
        Action::Upstream(upstream) => route::route::Action::Route(to_upstream(upstream)),
        Action::ControlPlane { timeout_ms } => route::route::Action::Route(route::RouteAction {
            cluster_specifier: Some(ClusterSpecifier::Cluster(WEB_CLUSTER.to_owned())),
            timeout: millis(*timeout_ms),
            ..Default::default()
        }),
        Action::Redirect(redirect) => route::route::Action::Redirect(elsewhere(redirect)),
        Action::Respond { status, body } => {
            route::route::Action::DirectResponse(route::DirectResponseAction {
                status: u32::from(*status),
                body: (!body.is_empty()).then(|| inline(body)),
                ..Default::default()
            })
        }
    }
}

/// Upgrades are the listener's affair, and the check's: one that a route switches
/// off is refused without a check.
fn to_upstream(of: &Upstream) -> route::RouteAction {
    let host = match &of.host {
        HostRewrite::Endpoint => yes().map(HostRewriteSpecifier::AutoHostRewrite),
        HostRewrite::Preserve => None,
        HostRewrite::Literal(host) => Some(HostRewriteSpecifier::HostRewriteLiteral(host.clone())),
        HostRewrite::Header(name) => Some(HostRewriteSpecifier::HostRewriteHeader(name.clone())),
    };
    route::RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(of.cluster.clone())),
        prefix_rewrite: of.prefix_rewrite.clone().unwrap_or_default(),
        timeout: millis(of.timeout_ms),
        idle_timeout: of.idle_timeout_ms.and_then(millis),
        host_rewrite_specifier: host,
        append_x_forwarded_host: of.forwarded_host,
        ..Default::default()
    }
}

fn elsewhere(of: &Redirect) -> route::RedirectAction {
    let code = match of.status {
        302 => RedirectResponseCode::Found,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        _ => RedirectResponseCode::MovedPermanently,
    };
    route::RedirectAction {
        host_redirect: of.host.clone().unwrap_or_default(),
        port_redirect: of.port.unwrap_or_default(),
        response_code: code.into(),
        strip_query: of.strip_query,
        scheme_rewrite_specifier: of.scheme.as_ref().map(|scheme| match scheme {
            SchemeRedirect::Https(yes) => SchemeRewriteSpecifier::HttpsRedirect(*yes),
            SchemeRedirect::Named(scheme) => SchemeRewriteSpecifier::SchemeRedirect(scheme.clone()),
        }),
        path_rewrite_specifier: of.path.as_ref().map(|path| match path {
            PathRedirect::Path(path) => PathRewriteSpecifier::PathRedirect(path.clone()),
            PathRedirect::Prefix(prefix) => PathRewriteSpecifier::PrefixRewrite(prefix.clone()),
        }),
    }
}
