//! Combining results and their reasons.

use crate::program::NodePath;
use crate::reason::Reasons;

/// The result of a criterion, a block or an action.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) value: bool,
    pub(super) reasons: Reasons,
    /// The place that alone suffices for the value.
    pub(super) decided_by: Option<NodePath>,
    /// The first place that asked for a login, if the reasons do.
    pub(super) login: Option<NodePath>,
}

/// Results on their way to being one. Those that are true and those that are
/// false are kept apart, because a combined result carries the reasons of the
/// side that brought it about.
#[derive(Default)]
pub(super) struct Fold {
    passed: Side,
    failed: Side,
}

#[derive(Default)]
struct Side {
    count: usize,
    reasons: Reasons,
    first: Option<NodePath>,
    login: Option<NodePath>,
}

impl Fold {
    /// Adds one result.
    pub(super) fn add(&mut self, part: &Part) {
        let side = if part.value {
            &mut self.passed
        } else {
            &mut self.failed
        };
        if side.count == 0 {
            side.first = part.decided_by;
        }
        side.count += 1;
        side.reasons = side.reasons.union(part.reasons);
        side.login = side.login.or(part.login);
    }

    /// True if any is, with the reasons of the true ones; else false with the
    /// reasons of all. `whole` is the place to name when none alone decided.
    pub(super) fn any(self, whole: Option<NodePath>) -> Part {
        let Self { passed, failed } = self;
        if passed.count > 0 {
            passed.one(true)
        } else {
            failed.together(false, whole)
        }
    }

    /// False if any is, with the reasons of the false ones; else true with the
    /// reasons of all.
    pub(super) fn all(self, whole: Option<NodePath>) -> Part {
        let Self { passed, failed } = self;
        if failed.count > 0 {
            failed.one(false)
        } else {
            passed.together(true, whole)
        }
    }
}

impl Side {
    /// Each member of the side suffices for the value; the first is named.
    const fn one(self, value: bool) -> Part {
        Part {
            value,
            reasons: self.reasons,
            decided_by: self.first,
            login: self.login,
        }
    }

    /// The value needed every member of the side.
    fn together(self, value: bool, whole: Option<NodePath>) -> Part {
        let decided_by = if self.count == 1 { self.first } else { whole };
        Part {
            value,
            reasons: self.reasons,
            decided_by,
            login: self.login,
        }
    }
}
