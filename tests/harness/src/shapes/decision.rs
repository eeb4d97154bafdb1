//! The lines of our server's decision log.

use serde_json::Value;

/// One decision. What the line does not have is empty.
#[derive(Clone, Debug)]
pub struct Decision {
    /// `x-request-id` of the request.
    pub request_id: String,
    /// The name of the route that it was decided by, else its id.
    pub route: String,
    /// How the route was found: `id`, `name` or `match`.
    pub route_by: String,
    /// The method.
    pub method: String,
    /// The host, with its port.
    pub host: String,
    /// The path without its query; of a long one the first 1,024 bytes and `…`.
    pub path: String,
    /// What was decided: `allowed`, or the code of a refusal.
    pub outcome: String,
    /// The status of the answer; 200 where the request went on.
    pub status: u16,
    /// Why a request is ambiguous.
    pub ambiguity: String,
    /// Who is signed in.
    pub email: String,
    /// The whole line.
    pub line: Value,
}

impl Decision {
    /// Reads a line of the log.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if !line.contains("\"authorize check\"") {
            return None;
        }
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let named = text("route_name");
        Some(Self {
            request_id: text("request_id"),
            route: if named.is_empty() { text("route_id") } else { named },
            route_by: text("route_by"),
            method: text("method"),
            host: text("host"),
            path: text("path"),
            outcome: text("outcome"),
            status: line["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .unwrap_or_default(),
            ambiguity: text("ambiguity"),
            email: text("email"),
            line,
        })
    }

    /// Whether the request went on to the upstream.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.outcome == "allowed"
    }

    /// Whether this is the path of the decision.
    #[must_use]
    pub fn is_for(&self, path: &str) -> bool {
        match self.path.strip_suffix('…') {
            Some(start) => path.starts_with(start),
            None => path == self.path,
        }
    }
}
