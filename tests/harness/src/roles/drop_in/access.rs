//! Envoy's own account of the requests that it had.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// What the file is called.
pub(super) const FILE: &str = "access.log";

/// Fields of the connection manager: where and what is written.
pub(super) const LOGGER: &str = r#"access_log:
- name: file
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
    path: access.log
    log_format:
      json_format:
        request_id: "%REQ(X-REQUEST-ID)%"
        route: "%ROUTE_NAME%"
        status: "%RESPONSE_CODE%"
        details: "%RESPONSE_CODE_DETAILS%"
        method: "%REQ(:METHOD)%"
        host: "%REQ(:AUTHORITY)%"
        path: "%REQ(:PATH)%"
        upstream: "%UPSTREAM_HOST%"
"#;

/// One request, as Envoy writes it down when it is over. What it does not know is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `x-request-id`.
    pub request_id: String,
    /// The name of the route.
    pub route: String,
    /// The status of the answer; 0 where there was none.
    pub status: u16,
    /// Who answered, and why (`%RESPONSE_CODE_DETAILS%`): `ext_authz_denied`,
    /// `via_upstream`, or a reason of Envoy's own.
    pub details: String,
    /// The method.
    pub method: String,
    /// The authority.
    pub host: String,
    /// Path and query, as they were at the end.
    pub path: String,
    /// The upstream's address.
    pub upstream: String,
}

impl Access {
    /// Reads a line of the log.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        Some(Self {
            request_id: text("request_id"),
            route: text("route"),
            status: line["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .unwrap_or_default(),
            details: text("details"),
            method: text("method"),
            host: text("host"),
            path: text("path"),
            upstream: text("upstream"),
        })
    }
}

/// Everything that is written so far.
pub(super) fn read(directory: &Path) -> Vec<Access> {
    let bytes = fs::read(directory.join(FILE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(Access::parse).collect()
}
