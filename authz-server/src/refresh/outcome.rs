//! How refreshes end, counted.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// How one refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The session has new tokens.
    Refreshed,
    /// The sessions of a user have what userinfo says.
    Userinfo,
    /// The provider refused for good, or is no longer configured: the session is over.
    Ended,
    /// The provider did not answer; it is asked again.
    Unavailable,
    /// The provider's answer cannot be used; it is asked again.
    Invalid,
    /// The session was not due any more, another server was faster, or it was
    /// signed out meanwhile.
    Overtaken,
    /// The store did not answer, so that nobody was asked, or what the provider
    /// answered could not be kept.
    StoreUnavailable,
    /// A fault of ours broke it off; it is tried again when its lease is over.
    Broken,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Refreshed,
        Self::Userinfo,
        Self::Ended,
        Self::Unavailable,
        Self::Invalid,
        Self::Overtaken,
        Self::StoreUnavailable,
        Self::Broken,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Userinfo => "userinfo",
            Self::Ended => "ended",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
            Self::Overtaken => "overtaken",
            Self::StoreUnavailable => "store_unavailable",
            Self::Broken => "broken",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

/// The counters, all of them there from the start.
pub(super) struct Outcomes {
    family: Family<Labels, Counter>,
    all: [Counter; Outcome::ALL.len()],
}

impl Default for Outcomes {
    fn default() -> Self {
        let family = Family::<Labels, Counter>::default();
        let all = Outcome::ALL.map(|outcome| {
            let labels = Labels {
                result: outcome.name(),
            };
            family.get_or_create(&labels).clone()
        });
        Self { family, all }
    }
}

impl Outcomes {
    pub(super) fn add(&self, outcome: Outcome) {
        if let Some(counter) = self.all.get(outcome as usize) {
            counter.inc();
        }
    }

    pub(super) fn count(&self, outcome: Outcome) -> u64 {
        self.all.get(outcome as usize).map_or(0, Counter::get)
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_session_refreshes",
            "Refreshes of sessions by result",
            self.family.clone(),
        );
    }
}
