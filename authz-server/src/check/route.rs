//! Stage 2: which route the request is for.
//!
//! 1. Behind our own Envoy by the id that it sends. The path is not matched again: the
//!    id is a hash of what the route matches.
//! 2. Behind another by the name of the route, where its configuration names one; host
//!    and path must be that route's.
//! 3. Where nothing is said, by host and path, in the order of our own Envoy.
//!
//! In the last two the Envoy normalises as it likes, or not at all. What could lead
//! elsewhere by another reading is refused.

use super::intake::{Ambiguity, Context, Request};
use crate::feed::Active;
use portcullis_bundle::{Found, Named, Route, RoutePolicy, Table};
use portcullis_model::{PathParameters, RouteId};
use portcullis_policy::Program;
use std::sync::Arc;

/// What the request is for.
pub enum Target<'a> {
    /// One of our own pages, which our own Envoy sends on to us.
    Internal(InternalRoute),
    /// One of our own pages, which must be the answer.
    Page,
    /// A route and who may use it.
    Route(&'a Arc<Route>, &'a Program),
}

/// Proof that our own Envoy named an internal route, whose only upstream are our own
/// pages. Nothing else than [`find`] makes one.
pub struct InternalRoute(());

/// How the route was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By the id that our own Envoy sends.
    Id,
    /// By the name that another sends.
    Name,
    /// By host and path.
    Match,
}

impl By {
    /// As the log has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Match => "match",
        }
    }

    /// How the route of a request with this context is found.
    #[must_use]
    pub fn of(context: &Context<'_>) -> Self {
        match (context.is_foreign(), context.route) {
            (true, Some(_)) => Self::Name,
            (true, None) => Self::Match,
            (false, _) => Self::Id,
        }
    }
}

/// Why there is no policy to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unroutable {
    /// There is none, by Envoy's word or by our own look.
    NoRoute,
    /// What names it names none, or one of another host or path.
    Unknown,
    /// The route's configuration has an error.
    Invalid,
    /// Host or path can be read in two ways.
    Ambiguous(Ambiguity),
}

type Unrouted<'a> = (Unroutable, Option<&'a Arc<Route>>);

/// Finds the route of `request`. `in_band`: our own pages are always the answer,
/// whatever the context says.
///
/// # Errors
///
/// [`Unroutable`] with the route, where there is one; deny.
pub fn find<'a>(
    active: &'a Active,
    request: &Request<'_>,
    in_band: bool,
) -> Result<Target<'a>, Unrouted<'a>> {
    match By::of(&request.context) {
        By::Id => by_id(active, request, in_band),
        By::Name | By::Match => by_reading(active, request),
    }
}

fn by_id<'a>(active: &'a Active, request: &Request<'_>, in_band: bool) -> Result<Target<'a>, Unrouted<'a>> {
    let Context {
        internal,
        route_id,
        terminal,
        route,
    } = request.context;
    if route.is_some() {
        return Err((Unroutable::Unknown, None));
    }
    let context = (
        internal.unwrap_or_default(),
        route_id.unwrap_or_default(),
        terminal.unwrap_or_default(),
    );
    let id = match context {
        // No page is the answer to a tunnel.
        ("true", "", "") if in_band && request.method == "CONNECT" => {
            return Err((Unroutable::NoRoute, None));
        }
        ("true", "", "") if in_band => return Ok(Target::Page),
        ("true", "", "") => return Ok(Target::Internal(InternalRoute(()))),
        ("false", "", "no_route") => return Err((Unroutable::NoRoute, None)),
        ("false", id, "") => id,
        // Not a context that we write.
        _ => return Err((Unroutable::Unknown, None)),
    };
    if active.settings().path_parameters == Some(PathParameters::Reject) && has_parameters(request) {
        return Err((Unroutable::Ambiguous(Ambiguity::Parameters), None));
    }
    let id: RouteId = id.parse().map_err(|_| (Unroutable::Unknown, None))?;
    let route = active.bundle.route(id).ok_or((Unroutable::Unknown, None))?;
    // The id covers the host, so another host means that somebody else's
    // configuration names our id.
    if !route.host.matches(&request.host) {
        return Err((Unroutable::Unknown, Some(route)));
    }
    of_route(route)
}

fn of_route(route: &Arc<Route>) -> Result<Target<'_>, Unrouted<'_>> {
    match &route.policy {
        RoutePolicy::Program(program) => Ok(Target::Route(route, program)),
        RoutePolicy::Invalid { .. } => Err((Unroutable::Invalid, Some(route))),
    }
}

fn by_reading<'a>(active: &'a Active, request: &Request<'_>) -> Result<Target<'a>, Unrouted<'a>> {
    // An expression that cannot be used here might be any route's.
    let table = active.table().ok_or((Unroutable::Invalid, None))?;
    let allowed = active.settings().path_parameters == Some(PathParameters::Allow);
    if !allowed && has_parameters(request) {
        return Err((Unroutable::Ambiguous(Ambiguity::Parameters), None));
    }
    let written = written(request);
    let find = |path: &str| table.find(request.method, &request.host, request.port, path);
    let found = find(written);
    // The other readings of the path, if there are any.
    let decoded = written.contains('%').then_some(&*request.path);
    let bare = bare_of_parameters(request).map(|bare| [without_parameters(written), bare]);
    let bare = bare.iter().flatten().map(String::as_str);
    let of_escapes = match found {
        Found::Route(id) => active.bundle.route(id).is_some_and(|route| is_of_escapes(route)),
        Found::Internal | Found::Nothing => false,
    };
    let others = decoded.filter(|_| !of_escapes).into_iter().chain(bare.clone());
    if others.clone().any(|path| find(path) != found) {
        return Err((Unroutable::Ambiguous(Ambiguity::TwoRoutes), None));
    }
    let id = match (found, request.context.route) {
        (Found::Internal, _) => return Ok(Target::Page),
        (_, Some(name)) => {
            return by_name(
                active,
                &table,
                request,
                name,
                decoded,
                core::iter::once(written).chain(bare),
            );
        }
        (Found::Nothing, None) => return Err((Unroutable::NoRoute, None)),
        (Found::Route(id), None) => id,
    };
    // In any reading: what the others meet here says nothing of what they meet elsewhere.
    let mut readings = core::iter::once(written).chain(others);
    if readings
        .clone()
        .any(|path| table.hangs_on_the_port(request.method, &request.host, request.port, path))
    {
        return Err((Unroutable::Ambiguous(Ambiguity::TwoPorts), None));
    }
    if request.has_final_dot
        && readings.any(|path| table.hangs_on_the_dot(request.method, &request.host, request.port, path))
    {
        return Err((Unroutable::Ambiguous(Ambiguity::Host), None));
    }
    of_route(active.bundle.route(id).ok_or((Unroutable::Unknown, None))?)
}

/// The route of this name, which must be for the host and for each of the paths, and for
/// the decoded one unless it is itself of percent-encoded paths.
fn by_name<'a, 'p>(
    active: &'a Active,
    table: &Table,
    request: &Request<'_>,
    name: &str,
    decoded: Option<&'p str>,
    paths: impl Iterator<Item = &'p str>,
) -> Result<Target<'a>, Unrouted<'a>> {
    let Some(Named::One(id)) = table.named(name) else {
        return Err((Unroutable::Unknown, None));
    };
    let route = active.bundle.route(id).ok_or((Unroutable::Unknown, None))?;
    let mut paths = paths.chain(decoded.filter(|_| !is_of_escapes(route)));
    if !route.host.matches(&request.host) || !paths.all(|path| table.takes(name, route, path)) {
        return Err((Unroutable::Unknown, Some(route)));
    }
    of_route(route)
}

/// The path as Envoy compares it.
fn written<'a>(request: &Request<'a>) -> &'a str {
    request.target.split('?').next().unwrap_or_default()
}

/// Whether the route's own expression is of percent-encoded paths, so that a decoded
/// one says nothing.
fn is_of_escapes(route: &Route) -> bool {
    let found_by = route.found_by.as_ref();
    found_by.is_some_and(|found_by| found_by.path.text().contains('%'))
}

fn has_parameters(request: &Request<'_>) -> bool {
    request.path.contains(';')
}

/// The decoded path without the parameters of its segments; `None` where it has none.
#[must_use]
pub fn bare_of_parameters(request: &Request<'_>) -> Option<String> {
    has_parameters(request).then(|| without_parameters(&request.path))
}

fn without_parameters(path: &str) -> String {
    let mut bare = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            bare.push('/');
        }
        bare.push_str(segment.split(';').next().unwrap_or_default());
    }
    bare
}
