//! A request with all that a policy can look at, owned.

use core::net::IpAddr;

use jiff::Timestamp;
use portcullis_model::Claims;
use portcullis_policy::{
    ClientCertificate, Device, Http, Input, Leaf, Mcp, PresentedKey, RecordSet, Records, Ssh, Subject,
};

/// One request, who makes it, and when.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The percent-decoded path, without query.
    pub path: String,
    /// The address of the client; `None` when it is not known.
    pub source_ip: Option<IpAddr>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `Access-Control-Request-Method` header.
    pub access_control_request_method: Option<String>,
    /// Who asks; `None` when nobody is signed in.
    pub session: Option<Session>,
    /// The client certificate.
    pub certificate: Certificate,
    /// The SSH request; `None` for an HTTP request.
    pub ssh: Option<SshRequest>,
    /// The MCP message in the body.
    pub mcp: McpMessage,
    /// The records that `record` criteria look into.
    pub records: RecordSet,
    /// The time of the decision.
    pub now: Timestamp,
}

/// A live session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The id of the session.
    pub id: String,
    /// The id of the user; empty when there is none.
    pub user_id: String,
    /// The e-mail address; empty when there is none.
    pub email: String,
    /// The claims of session and user.
    pub claims: Claims,
    /// The ids of the directory groups; `None` without a directory record.
    pub groups: Option<Vec<String>>,
    /// The device credentials, in the session's order.
    pub devices: Vec<Device>,
}

/// The client certificate of the connection.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Whether one was presented.
    pub presented: bool,
    /// Whether it passes the client CAs that apply; `true` where none applies.
    pub valid: bool,
    /// The leaf; `None` when there is none or it cannot be read.
    pub leaf: Option<Leaf>,
}

impl Certificate {
    /// None presented where an authority applies.
    pub const MISSING: Self = Self {
        presented: false,
        valid: false,
        leaf: None,
    };
}

impl Default for Certificate {
    /// None presented, and no client CA applies.
    fn default() -> Self {
        Self {
            presented: false,
            valid: true,
            leaf: None,
        }
    }
}

/// An SSH request.
#[derive(Clone, Debug, Default)]
pub struct SshRequest {
    /// The login name.
    pub username: String,
    /// The key that the client holds.
    pub key: Option<PresentedKey>,
}

/// What the body holds of MCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum McpMessage {
    /// Nothing.
    #[default]
    Absent,
    /// One message.
    Message {
        /// Its method.
        method: String,
        /// The tool that it calls.
        tool: Option<String>,
    },
    /// Something that could not be read.
    Unreadable,
}

impl Situation {
    /// `GET https://HOST/` by nobody, from the documented default address.
    #[must_use]
    pub fn get(host: &str, now: Timestamp) -> Self {
        Self {
            method: "GET".to_owned(),
            host: host.to_owned(),
            path: "/".to_owned(),
            source_ip: Some(DEFAULT_SOURCE_IP),
            origin: None,
            access_control_request_method: None,
            session: None,
            certificate: Certificate::default(),
            ssh: None,
            mcp: McpMessage::Absent,
            records: RecordSet::default(),
            now,
        }
    }

    /// What the policy is asked.
    #[must_use]
    pub fn input(&self) -> Input<'_> {
        let http = match &self.ssh {
            // Of an SSH request a server knows whence it comes and where it goes.
            Some(_) => Http {
                host: &self.host,
                source_ip: self.source_ip,
                ..Http::default()
            },
            None => Http {
                method: &self.method,
                host: &self.host,
                path: &self.path,
                source_ip: self.source_ip,
                origin: self.origin.as_deref(),
                access_control_request_method: self.access_control_request_method.as_deref(),
            },
        };
        Input {
            client_certificate: ClientCertificate {
                presented: self.certificate.presented,
                valid: self.certificate.valid,
                leaf: self.certificate.leaf.as_ref(),
            },
            ssh: self.ssh.as_ref().map(|ssh| Ssh {
                username: &ssh.username,
                key: ssh.key.as_ref(),
            }),
            mcp: match &self.mcp {
                McpMessage::Absent => Mcp::Absent,
                McpMessage::Message { method, tool } => Mcp::Message {
                    method,
                    tool: tool.as_deref(),
                },
                McpMessage::Unreadable => Mcp::Unreadable,
            },
            records: Some(&self.records as &dyn Records),
            ..Input::http(http, self.session.as_ref().map(Session::subject), self.now)
        }
    }

    /// Takes over what policies look at of a header; whether they do. Names count
    /// in any case.
    pub fn header(&mut self, name: &str, value: &str) -> bool {
        let field = if name.eq_ignore_ascii_case("origin") {
            &mut self.origin
        } else if name.eq_ignore_ascii_case("access-control-request-method") {
            &mut self.access_control_request_method
        } else {
            return false;
        };
        *field = Some(value.to_owned());
        true
    }
}

impl Session {
    fn subject(&self) -> Subject<'_> {
        Subject {
            session_id: &self.id,
            user_id: &self.user_id,
            email: &self.email,
            claims: &self.claims,
            groups: self.groups.as_deref(),
            devices: &self.devices,
        }
    }
}

/// The address of the client where a test does not say: one that is kept for
/// documentation.
pub const DEFAULT_SOURCE_IP: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));

/// The time where a test does not say: noon UTC on Thursday, 15 January 2026.
pub const DEFAULT_NOW: Timestamp = Timestamp::constant(1_768_478_400, 0);

/// The host where a test does not say.
pub const DEFAULT_HOST: &str = "app.example.com";
