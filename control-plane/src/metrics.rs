//! What is counted here.

use portcullis_bundle::Bundle;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The metrics of the control plane. A clone counts into the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(crate) xds_nack: Family<TypeLabel, Counter>,
    pub(crate) xds_rejected: Gauge,
    pub(crate) xds_streams: Gauge,
    pub(crate) xds_sent: Family<TypeLabel, Counter>,
    pub(crate) config_reload: Family<ResultLabel, Counter>,
    pub(crate) publications: Counter,
    pub(crate) publication_unacknowledged: Counter,
    pub(crate) authz_servers: Gauge,
    pub(crate) grpc_refused: Family<ReasonLabel, Counter>,
    pub(crate) envoy_restart: Counter,
    policy_programs: Gauge,
}

/// A type of resource by its short name, `Cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TypeLabel {
    r#type: String,
}

impl TypeLabel {
    /// Of a type URL.
    pub(crate) fn of(type_url: &str) -> Self {
        Self {
            r#type: short_type(type_url).to_owned(),
        }
    }
}

/// `Cluster` of `type.googleapis.com/envoy.config.cluster.v3.Cluster`.
pub(crate) fn short_type(type_url: &str) -> &str {
    type_url.rsplit('.').next().unwrap_or(type_url)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ResultLabel {
    result: &'static str,
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabel {
    reason: &'static str,
}

impl ReasonLabel {
    /// Of a fixed word.
    pub(crate) fn of(reason: &'static str) -> Self {
        Self { reason }
    }
}

impl Metrics {
    pub(crate) fn count_reload(&self, result: &'static str) {
        self.config_reload.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn gave(&self, bundle: &Bundle) {
        let count = i64::try_from(bundle.programs()).unwrap_or(i64::MAX);
        self.policy_programs.set(count);
    }

    /// Adds what an authz-server says too, for a process that has none.
    pub fn register_policies(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_policy_programs",
            "compiled policies in memory; routes with equal policies share one",
            self.policy_programs.clone(),
        );
    }

    /// Adds all the others to `registry`, under their names in the documentation.
    pub fn register(&self, registry: &mut Registry) {
        let Self {
            xds_nack,
            xds_rejected,
            xds_streams,
            xds_sent,
            config_reload,
            publications,
            publication_unacknowledged,
            authz_servers,
            grpc_refused,
            envoy_restart,
            policy_programs: _,
        } = self;
        registry.register(
            "portcullis_xds_nack",
            "responses that Envoy refused, by resource type",
            xds_nack.clone(),
        );
        registry.register(
            "portcullis_xds_rejected_resources",
            "resources that Envoy refuses at present",
            xds_rejected.clone(),
        );
        registry.register(
            "portcullis_xds_streams",
            "open configuration streams",
            xds_streams.clone(),
        );
        registry.register(
            "portcullis_xds_resources_sent",
            "resources sent to Envoy, by resource type",
            xds_sent.clone(),
        );
        registry.register(
            "portcullis_config_reload",
            "readings of the configuration: accepted, unchanged or rejected",
            config_reload.clone(),
        );
        registry.register(
            "portcullis_publication",
            "bundles published",
            publications.clone(),
        );
        registry.register(
            "portcullis_publication_unacknowledged",
            "bundles that an authz-server did not acknowledge in time",
            publication_unacknowledged.clone(),
        );
        registry.register(
            "portcullis_authz_servers",
            "authz-servers that bundles go to",
            authz_servers.clone(),
        );
        registry.register(
            "portcullis_grpc_refused",
            "calls to the control plane that were not authenticated, by reason",
            grpc_refused.clone(),
        );
        registry.register(
            "portcullis_envoy_restart",
            "restarts of Envoy",
            envoy_restart.clone(),
        );
    }
}
