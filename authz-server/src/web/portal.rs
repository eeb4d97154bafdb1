//! `/.pomerium/routes`, `/.pomerium/api/v1/routes` and `/.pomerium/jwt`: what
//! somebody may open, by the routes' own policies.
//!
//! Pomerium lists by a cheaper reading of the policies, which shows too much and
//! too little; here each policy is asked, as for `GET /` at this moment.

use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use core::net::IpAddr;
use http::{HeaderValue, header};
use portcullis_bundle::{Listing, Route};
use portcullis_model::Image;
use portcullis_policy::{Allowed, Http, Input, Outcome, evaluate};
use portcullis_session::assertion::{self, AssertionClaims};
use serde_json::{Value, json};

use super::fault::Fault;
use super::look::Look;
use super::pages::{self, Forms};
use super::user;
use super::visit::Visit;
use crate::check::decide::subject;
use crate::client;
use crate::feed::authority;
use crate::sessions::StoredSession;

#[derive(Template)]
#[template(path = "routes.html")]
struct RoutesPage<'a> {
    look: Look<'a>,
    email: &'a str,
    routes: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    initial: char,
    /// Where it is, as a person reads it.
    from: &'a str,
    /// `None` where the host is a pattern.
    href: Option<String>,
    description: &'a str,
    logo: Option<&'a str>,
}

/// The page; who has no session is sent to the sign-in.
pub(super) async fn page(visit: &Visit) -> Result<Response, Fault> {
    if !visit.settings().pages.routes_portal {
        return Err(Fault::not_found());
    }
    let Some(stored) = visit.session().await? else {
        return user::sign_in_first(visit).await;
    };
    let open = listed(visit, &stored);
    let routes: Vec<Row<'_>> = open.iter().map(|route| row(route)).collect();
    let images = routes.iter().any(|route| route.logo.is_some());
    let page = RoutesPage {
        look: visit.look(),
        email: &stored.session.email,
        routes,
    };
    pages::render(&page, &page.look, Forms::None, images)
}

/// The same for programs, in Pomerium's form.
pub(super) async fn json(visit: &Visit) -> Result<Response, Fault> {
    if !visit.settings().pages.routes_portal {
        return Err(Fault::not_found());
    }
    let stored = visit.caller().await?.ok_or_else(Fault::login_required)?;
    let routes: Vec<Value> = listed(visit, &stored).iter().map(|route| entry(route)).collect();
    Ok(axum::Json(json!({ "routes": routes })).into_response())
}

/// The assertion for this host, as an upstream gets it: only who may open
/// something here has one.
pub(super) async fn jwt(visit: &Visit) -> Result<Response, Fault> {
    if !visit.settings().pages.jwt_endpoint {
        return Err(Fault::not_found());
    }
    let stored = visit.caller().await?.ok_or_else(Fault::login_required)?;
    let here = visit.active.bundle.routes.values();
    let allowed = here
        .filter(|route| route.host.matches(&visit.host))
        .find_map(|route| allows(visit, route, &stored))
        .ok_or_else(Fault::no_assertion)?;
    let names = &visit.settings().jwt_claims_headers;
    let claims = AssertionClaims::new(
        Some(&stored.session),
        visit.host.as_str(),
        visit.now,
        uuid::Builder::from_random_bytes(visit.random()?).into_uuid(),
        names.iter().map(|(_, claim)| claim.as_str()),
    );
    let token = assertion::sign(&allowed, &visit.active.signing, &claims)
        .map_err(|_| Fault::internal("an assertion cannot be signed"))?;
    Ok(([(header::CONTENT_TYPE, "application/jwt")], token).into_response())
}

/// The routes that the policy opens to this session, by name.
fn listed(visit: &Visit, stored: &StoredSession) -> Vec<Arc<Route>> {
    let all = visit.active.bundle.routes.values();
    let open = all.filter(|route| allows(visit, route, stored).is_some());
    let mut open: Vec<Arc<Route>> = open.cloned().collect();
    open.sort_by(|a, b| (title(a), &a.listing.from, a.id).cmp(&(title(b), &b.listing.from, b.id)));
    open
}

fn allows(visit: &Visit, route: &Route, stored: &StoredSession) -> Option<Allowed> {
    let program = route.policy.program()?;
    let http = Http {
        method: "GET",
        host: route.host.as_str(),
        path: "/",
        source_ip: client(visit),
        ..Http::default()
    };
    match evaluate(program, &Input::http(http, Some(subject(stored)), visit.now)).outcome {
        Outcome::Allow(allowed) => Some(allowed),
        Outcome::Deny(_) | Outcome::Challenge(_) => None,
    }
}

/// The address that a Check would go by. Only behind our own Envoy does a page come
/// without one.
fn client(visit: &Visit) -> Option<IpAddr> {
    if let Some(client::OfCheck(address)) = visit.parts.extensions.get() {
        return *address;
    }
    let lines = visit.parts.headers.get_all(client::FORWARDED_FOR);
    let hops = visit.active.settings().trusted_hops;
    client::told_by_envoy(hops, lines.iter().map(HeaderValue::as_bytes))
}

fn title(route: &Route) -> &str {
    let name = route.name.as_deref().filter(|name| !name.is_empty());
    name.unwrap_or_else(|| route.host.as_str())
}

fn row(route: &Route) -> Row<'_> {
    let Listing {
        from,
        description,
        logo_url,
    } = &route.listing;
    let name = title(route);
    let href = route.host.exact();
    Row {
        name,
        initial: name.chars().find(|c| c.is_alphanumeric()).unwrap_or('·'),
        from: from.strip_prefix("https://").unwrap_or(from),
        href: href.map(|host| format!("https://{}/", authority(host.as_str(), route.port.unwrap_or(443)))),
        description,
        // What would be loaded from elsewhere is not shown; neither is a path, which
        // is one of the route's host and not of this page's.
        logo: Some(logo_url.as_str()).filter(|url| url.starts_with("data:") && Image::parse(url).is_some()),
    }
}

fn entry(route: &Route) -> Value {
    let Listing {
        from,
        description,
        logo_url,
    } = &route.listing;
    json!({
        "id": route.id.to_string(),
        "name": title(route),
        "type": "http",
        "from": from,
        "description": description,
        "logo_url": logo_url,
    })
}
