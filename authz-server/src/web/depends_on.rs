//! `/.pomerium/depends_on`: a login that signs in to further hosts, one after the
//! other, before it leads back (`depends_on`).
//!
//! A route's login returns here, on its own host, with a signed list of the hosts
//! that are left. From here the browser goes to the same page of the next host,
//! which begins the ordinary login there: each host ties it to the browser by a
//! cookie of its own. (In Pomerium one token goes round all hosts, and works in
//! any browser.)

use axum::response::Response;
use http::StatusCode;
use portcullis_model::Host;
use portcullis_session::signed_url::SignedUrlError;
use url::Url;

use super::fault::Fault;
use super::login::verify_signature;
use super::visit::Visit;
use super::{redirect, user};
use crate::sign_in::{self, HOSTS_PARAMETER, REDIRECT_PARAMETER};

pub(super) async fn onward(visit: &Visit) -> Result<Response, Fault> {
    let query = visit.query()?;
    let verified = verify_signature(visit);
    if !matches!(
        verified,
        Ok(()) | Err(SignedUrlError::Expired | SignedUrlError::NotYetValid)
    ) {
        return Err(Fault::signature());
    }
    // The signature fits, so the address to return to is what we wrote.
    let destination = visit.destination(query.require(REDIRECT_PARAMETER)?)?;
    if verified.is_err() {
        return Err(Fault::link_expired().retry_at(destination.url().as_str()));
    }
    if visit.session().await?.is_none() {
        return user::sign_in_first(visit).await;
    }
    let left = query.get(HOSTS_PARAMETER)?.unwrap_or_default();
    let left: Vec<_> = left.split(',').filter_map(place).collect();
    let left = sign_in::known_hosts(visit.settings(), &left);
    let location = match sign_in::through(visit.settings(), &left, destination.url().as_str(), visit.now) {
        Some(next) => next,
        None => destination.url().to_string(),
    };
    redirect(StatusCode::FOUND, &location, [])
}

/// `host[:port]`, as we wrote it.
fn place(text: &str) -> Option<(Host, u16)> {
    let url = Url::parse(&format!("https://{text}")).ok()?;
    Some((Host::parse(url.host_str()?).ok()?, url.port_or_known_default()?))
}
