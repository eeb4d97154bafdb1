//! What the control plane says of itself. Nothing in it is secret.

use jiff::Timestamp;
use portcullis_config::Diagnostic;
use serde::Serialize;

use crate::{
    metrics::short_type,
    publish::{Seat, View},
    serving::{Serving, StreamState},
    supervise::EnvoyState,
};

/// The body of `/status`.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether requests are served by a whole configuration.
    pub ready: bool,
    /// The configuration file.
    pub config: ConfigStatus,
    /// What the authz-servers know.
    pub bundle: BundleStatus,
    /// What Envoy was told.
    pub xds: XdsStatus,
    /// The supervised Envoy; absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envoy: Option<EnvoyStatus>,
}

/// The configuration that serves, and a newer one that may not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConfigStatus {
    /// The file as named on the command line.
    pub file: String,
    /// Hash of the text that serves.
    pub version: String,
    /// When it was read, RFC 3339.
    pub loaded_at: String,
    /// Its routes.
    pub routes: usize,
    /// Those of them that deny because of an error of their own.
    pub invalid_routes: usize,
    /// Its warnings, and the errors that are confined to a route.
    pub diagnostics: Vec<DiagnosticStatus>,
    /// The present state of the file when it must not take effect.
    pub rejected: Option<RejectedConfig>,
    /// Readings that took effect, after the first.
    pub reloads: u64,
    /// Readings that did not.
    pub rejected_reloads: u64,
}

/// A state of the file that did not take effect.
#[derive(Clone, Debug, Serialize)]
pub struct RejectedConfig {
    /// Hash of the text; empty when it cannot be read.
    pub version: String,
    /// When it was read, RFC 3339.
    pub at: String,
    /// Why it does not take effect.
    pub diagnostics: Vec<DiagnosticStatus>,
}

/// One problem of a configuration.
#[derive(Clone, Debug, Serialize)]
pub struct DiagnosticStatus {
    /// `error` or `warning`.
    pub severity: String,
    /// Its stable code.
    pub code: &'static str,
    /// `FILE:LINE:COL`, both from 1.
    pub at: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl From<&Diagnostic> for DiagnosticStatus {
    fn from(diagnostic: &Diagnostic) -> Self {
        let Diagnostic {
            severity,
            code,
            file,
            span,
            message,
            help,
            route: _,
        } = diagnostic;
        Self {
            severity: severity.to_string(),
            code,
            at: format!("{file}:{}:{}", span.line, span.column),
            message: message.clone(),
            help: help.clone(),
        }
    }
}

/// How many problems a status lists.
const MAX_LISTED: usize = 200;

pub(crate) fn listed(diagnostics: &[Diagnostic]) -> Vec<DiagnosticStatus> {
    diagnostics
        .iter()
        .take(MAX_LISTED)
        .map(DiagnosticStatus::from)
        .collect()
}

pub(crate) fn now() -> String {
    Timestamp::now().to_string()
}

/// What the authz-servers were last given.
#[derive(Clone, Debug, Serialize)]
pub struct BundleStatus {
    /// Its version; absent before the first publication.
    pub version: Option<String>,
    /// Its routes.
    pub routes: usize,
    /// Whether it still holds ids that only a former configuration has, because
    /// Envoy has not yet taken the present one.
    pub holds_former_ids: bool,
    /// Authz-servers that are attached.
    pub authz_servers: usize,
    /// Those of them that acknowledged it.
    pub acknowledged: usize,
    /// Each of them.
    pub servers: Vec<AuthzServerStatus>,
}

/// One attached authz-server.
#[derive(Clone, Debug, Serialize)]
pub struct AuthzServerStatus {
    /// Its name for itself.
    pub name: String,
    /// The version of its software, where that may differ from ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// The version that it acknowledged last; absent while nobody knows.
    pub version: Option<String>,
    /// Whether that is the present one.
    pub acknowledged: bool,
    /// Why it did not take what it was given last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl From<View> for BundleStatus {
    fn from(view: View) -> Self {
        let View {
            version,
            routes,
            holds_former_ids,
            seats,
        } = view;
        let acknowledged = |seat: &Seat| seat.holds.is_some() && seat.holds == version;
        Self {
            routes,
            holds_former_ids,
            authz_servers: seats.len(),
            acknowledged: seats.iter().filter(|seat| acknowledged(seat)).count(),
            servers: seats
                .iter()
                .take(MAX_LISTED)
                .map(|seat| AuthzServerStatus {
                    name: seat.name.clone(),
                    software: seat.software.clone(),
                    version: seat.holds.as_ref().map(ToString::to_string),
                    acknowledged: acknowledged(seat),
                    problem: seat.failed.as_ref().map(|(_, problem)| problem.clone()),
                })
                .collect(),
            version: version.map(|version| version.to_string()),
        }
    }
}

/// What the streams were given.
#[derive(Clone, Debug, Serialize)]
pub struct XdsStatus {
    /// The version of all resources; absent before the first publication.
    pub version: Option<String>,
    /// Open streams.
    pub streams: usize,
    /// Whether there is a stream and each has taken that version.
    pub settled: bool,
    /// What Envoy refuses of it.
    pub rejections: Vec<RejectionStatus>,
}

/// One refused resource.
#[derive(Clone, Debug, Serialize)]
pub struct RejectionStatus {
    /// Its type, `Cluster`.
    pub r#type: String,
    /// Its name.
    pub resource: String,
    /// The version that was refused.
    pub refused_version: String,
    /// The version that Envoy serves on; absent when it has none.
    pub serving_version: Option<String>,
    /// Envoy's words.
    pub reason: String,
}

impl XdsStatus {
    pub(crate) fn of(serving: &Serving) -> Self {
        let version = serving.version();
        let streams = serving.streams();
        let settled = |s: &StreamState| s.acknowledged.is_some() && s.acknowledged == version;
        let rejection = |r: &portcullis_xds::Rejection| RejectionStatus {
            r#type: short_type(r.type_url).to_owned(),
            resource: r.name.clone(),
            refused_version: r.refused_version.clone(),
            serving_version: r.held_version.clone(),
            reason: r.reason.clone(),
        };
        Self {
            streams: streams.len(),
            settled: !streams.is_empty() && streams.iter().all(settled),
            rejections: streams
                .iter()
                .flat_map(|s| s.rejections.iter().map(rejection))
                .take(MAX_LISTED)
                .collect(),
            version,
        }
    }
}

/// The supervised Envoy.
#[derive(Clone, Debug, Serialize)]
pub struct EnvoyStatus {
    /// Its process; absent between two runs.
    pub pid: Option<u32>,
    /// Whether it serves.
    pub live: bool,
    /// Listeners that accept connections.
    pub listeners: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// How it ended the last time, if it did.
    pub last_exit: Option<String>,
}

impl From<EnvoyState> for EnvoyStatus {
    fn from(state: EnvoyState) -> Self {
        let EnvoyState {
            pid,
            live,
            listeners,
            restarts,
            last_exit,
        } = state;
        Self {
            pid,
            live,
            listeners,
            restarts,
            last_exit,
        }
    }
}
