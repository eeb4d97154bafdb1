//! Where a sign-out leads in the end: our own page, the configured one, or where the
//! flag allows that the one that was asked for. Never anywhere else.

use portcullis_model::{SignOut, WebUrl};
use url::Url;

use crate::sign_in::REDIRECT_PARAMETER;
use crate::web::fault::Fault;
use crate::web::query::Query;
use crate::web::visit::Visit;

/// The place beside our own page, `None` for that.
///
/// What cannot be allowed is left out, as by Pomerium: a wrong address must not keep
/// anybody from signing out.
pub(super) fn wanted(visit: &Visit, query: &Query<'_>) -> Result<Option<Url>, Fault> {
    let configured = visit.settings().pages.sign_out.redirect_url.clone();
    let wanted = named(visit, query)?.or(configured);
    Ok(wanted.and_then(|url| Url::parse(url.as_str()).ok()))
}

/// The place that the query names, if it may.
pub(super) fn named(visit: &Visit, query: &Query<'_>) -> Result<Option<WebUrl>, Fault> {
    let SignOut {
        redirect_url: _,
        any_redirect,
    } = &visit.settings().pages.sign_out;
    let named = query.get(REDIRECT_PARAMETER)?.filter(|_| *any_redirect);
    Ok(named.and_then(WebUrl::parse).filter(WebUrl::is_https))
}
