//! What a policy is asked about.

use core::net::IpAddr;

use portcullis_model::Claims;

use crate::certificate::Leaf;
use crate::device::Device;
use crate::record::Records;
use crate::ssh::PresentedKey;

/// One request, as the policy sees it. Everything that a policy may look at is
/// here; what is not known is absent, and absence never passes a criterion that
/// asks for presence.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The HTTP request; all its values are zero for an SSH request.
    pub http: Http<'a>,
    /// Who asks; `None` when nobody is signed in.
    pub session: Option<Subject<'a>>,
    /// The client certificate of the connection.
    pub client_certificate: ClientCertificate<'a>,
    /// The SSH request; `None` for an HTTP request, whose SSH user name is empty.
    pub ssh: Option<Ssh<'a>>,
    /// The MCP message in the body.
    pub mcp: Mcp<'a>,
    /// The records that `record` criteria look into; `None` when there is no
    /// source of records, which is as good as an empty one.
    pub records: Option<&'a dyn Records>,
    /// The time of the decision.
    pub now: jiff::Timestamp,
}

impl<'a> Input<'a> {
    /// An HTTP request without client certificate, MCP message or records.
    #[must_use]
    pub const fn http(http: Http<'a>, session: Option<Subject<'a>>, now: jiff::Timestamp) -> Self {
        Self {
            http,
            session,
            client_certificate: ClientCertificate::NONE,
            ssh: None,
            mcp: Mcp::Absent,
            records: None,
            now,
        }
    }
}

/// The HTTP request, as the policy sees it.
#[derive(Clone, Copy, Debug, Default)]
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
    /// The ids of the user's directory groups; `None` when the directory has no
    /// record of the user, which fails every `groups` criterion, `exclude` too.
    pub groups: Option<&'a [String]>,
    /// The session's device credentials, in its order.
    pub devices: &'a [Device],
}

/// The client certificate of the connection.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificate<'a> {
    /// Whether the client presented one.
    pub presented: bool,
    /// Whether it passes the client CAs that apply; `true` where none applies.
    pub valid: bool,
    /// The presented leaf, validated or not; `None` when there is none or it
    /// cannot be read.
    pub leaf: Option<&'a Leaf>,
}

impl ClientCertificate<'_> {
    /// None presented, and no client CA applies.
    pub const NONE: Self = Self {
        presented: false,
        valid: true,
        leaf: None,
    };
}

impl Default for ClientCertificate<'_> {
    fn default() -> Self {
        Self::NONE
    }
}

/// The SSH request, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Ssh<'a> {
    /// The login name.
    pub username: &'a str,
    /// The key that the client has proved to hold; `None` when it used none.
    pub key: Option<&'a PresentedKey>,
}

/// The MCP message of a request.
#[derive(Clone, Copy, Debug, Default)]
pub enum Mcp<'a> {
    /// There is none, and nothing that could be one.
    #[default]
    Absent,
    /// One JSON-RPC message.
    Message {
        /// Its method, such as `tools/call`.
        method: &'a str,
        /// The name of the tool that it calls.
        tool: Option<&'a str>,
    },
    /// A body is there that could hold a call and was not or could not be read.
    /// An `mcp_tool` criterion cannot be decided then and counts against the
    /// request, also beneath `not` and `nor`.
    Unreadable,
}
