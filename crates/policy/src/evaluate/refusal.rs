//! How a request is refused.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::input::{Input, Mcp};
use crate::reason::{Reason, Reasons};

/// How a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// With this HTTP status: 450 when the device is registered and not good
    /// enough, 495 when a client certificate is missing or not valid, else 403.
    Status(u16),
    /// With status 200 and a JSON-RPC error, which is what an MCP client understands.
    McpJsonRpc,
}

impl Refusal {
    /// The first line that fits, in Pomerium's order.
    pub(super) const fn new(reasons: Reasons, input: &Input<'_>) -> Self {
        if reasons.contains(Reason::DeviceUnauthorized) {
            Self::Status(450)
        } else if reasons.contains(Reason::ClientCertificateRequired)
            || reasons.contains(Reason::InvalidClientCertificate)
        {
            Self::Status(495)
        } else if matches!(input.mcp, Mcp::Message { .. }) {
            Self::McpJsonRpc
        } else {
            Self::Status(403)
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Status(status) => status,
            Self::McpJsonRpc => 200,
        }
    }
}

/// The status, or `mcp-jsonrpc`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::McpJsonRpc => f.write_str("mcp-jsonrpc"),
        }
    }
}

/// As text.
impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
