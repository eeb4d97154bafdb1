//! What a policy is asked about.

use core::net::IpAddr;

use portcullis_model::Claims;

/// One request, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The HTTP request.
    pub http: Http<'a>,
    /// Who asks; `None` when nobody is signed in.
    pub session: Option<Subject<'a>>,
    /// The time of the decision.
    pub now: jiff::Timestamp,
}

/// The HTTP request, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Http<'a> {
    /// The method, in the case that the client sent.
    pub method: &'a str,
    /// The host that the route answers for.
    pub host: &'a str,
    /// The percent-decoded path, without query.
    pub path: &'a str,
    /// The address of the client; `None` when it could not be determined, which
    /// no `source_ip` criterion forgives.
    pub source_ip: Option<IpAddr>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Access-Control-Request-Method` header.
    pub access_control_request_method: Option<&'a str>,
}

/// A live session. Whoever builds it has checked that it has not expired and
/// has not been revoked.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The id of the session.
    pub session_id: &'a str,
    /// The id of the user; empty when the session carries none, which passes no
    /// criterion about the user.
    pub user_id: &'a str,
    /// The e-mail address; empty when there is none.
    pub email: &'a str,
    /// The claims of the session and the user.
    pub claims: &'a Claims,
}
