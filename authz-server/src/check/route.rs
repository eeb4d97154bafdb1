//! Stage 2: which route the request is for, by the id that Envoy sends. The path
//! is not matched again: the id is a hash of what the route matches.

use super::intake::Request;
use portcullis_bundle::{Bundle, Route, RoutePolicy};
use portcullis_model::RouteId;
use portcullis_policy::Program;
use std::sync::Arc;

/// What the request is for.
pub enum Target<'a> {
    /// One of our own pages.
    Internal(InternalRoute),
    /// A route and who may use it.
    Route(&'a Arc<Route>, &'a Program),
}

/// Proof that Envoy named an internal route, whose only upstream are our own
/// pages. Nothing else than [`find`] makes one.
pub struct InternalRoute(());

/// Why there is no policy to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unroutable {
    /// Envoy itself found no route.
    NoRoute,
    /// The id is missing, malformed, not in the bundle, or of another host.
    Unknown,
    /// The route's configuration has an error.
    Invalid,
}

/// Finds the route of `request`.
///
/// # Errors
///
/// [`Unroutable`] with the route, where there is one; deny.
pub fn find<'a>(
    bundle: &'a Bundle,
    request: &Request<'_>,
) -> Result<Target<'a>, (Unroutable, Option<&'a Arc<Route>>)> {
    let context = &request.context;
    match (context.internal, context.route_id, context.terminal) {
        ("true", "", "") => return Ok(Target::Internal(InternalRoute(()))),
        ("false", "", "no_route") => return Err((Unroutable::NoRoute, None)),
        ("false", _, "") => {}
        // Not a context that we write.
        _ => return Err((Unroutable::Unknown, None)),
    }
    let id: RouteId = context
        .route_id
        .parse()
        .map_err(|_| (Unroutable::Unknown, None))?;
    let route = bundle.route(id).ok_or((Unroutable::Unknown, None))?;
    // The id covers the host, so another host means that somebody else's
    // configuration names our id.
    if !route.host.matches(&request.host) {
        return Err((Unroutable::Unknown, Some(route)));
    }
    match &route.policy {
        RoutePolicy::Program(program) => Ok(Target::Route(route, program)),
        RoutePolicy::Invalid { .. } => Err((Unroutable::Invalid, Some(route))),
    }
}
