//! Combining results and their reasons.

use crate::plan::WantedDevice;
use crate::program::NodePath;
use crate::reason::Reasons;

/// The results of one value on their way to being one. Those that are true and
/// those that are false are kept apart, because a combined result carries the
/// reasons of the side that brought it about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side<'p> {
    pub(super) reasons: Reasons,
    /// The first place in the order of evaluation; none where there is no result.
    pub(super) first: Option<&'p NodePath>,
    /// The first place that asked for a login, if the reasons do.
    pub(super) login: Option<&'p NodePath>,
    /// The device that the last criterion about one wants.
    pub(super) device: Option<&'p WantedDevice>,
}

/// The result of a conjunction or an action, with the side that brought it about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part<'p> {
    pub(super) value: bool,
    pub(super) side: Side<'p>,
}

impl<'p> Side<'p> {
    /// Whether there is a result on this side.
    pub(super) const fn decides(&self) -> bool {
        self.first.is_some()
    }

    /// Whether a result with some of these reasons could still add anything. (It
    /// could not be the first place, nor the first to ask for a login, since that
    /// reason would be here.)
    pub(super) const fn lacks(&self, reasons: Reasons, device: bool) -> bool {
        device || !reasons.is_subset(self.reasons)
    }

    /// Adds one result.
    pub(super) fn add(&mut self, at: &'p NodePath, reasons: Reasons, device: Option<&'p WantedDevice>) {
        self.first = self.first.or(Some(at));
        self.reasons = self.reasons.union(reasons);
        if let Some(device) = device {
            self.want(device);
        }
    }

    /// The result asks for a login.
    pub(super) fn ask_for_login(&mut self, at: &'p NodePath) {
        self.login = self.login.or(Some(at));
    }

    /// Names the place that stands for all results together.
    pub(super) fn name(&mut self, at: &'p NodePath) {
        self.first = Some(at);
    }

    /// Adds the side of a result that consists of others.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first = self.first.or(other.first);
        self.reasons = self.reasons.union(other.reasons);
        self.login = self.login.or(other.login);
        if let Some(device) = other.device {
            self.want(device);
        }
    }

    fn want(&mut self, device: &'p WantedDevice) {
        if self.device.is_none_or(|before| before.order < device.order) {
            self.device = Some(device);
        }
    }
}
