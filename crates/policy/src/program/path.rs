//! Naming a place within a program.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::ast::{Action, Operator};

/// A place in a policy: which criterion of which rule. Printed as
/// `allow[0].or[2]`; without the last index it is the whole block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePath {
    /// What the rule does.
    pub action: Action,
    /// Which rule of the policy, from 0, allow and deny rules counted together.
    /// A route's own fields, where they say anything, are rule 0.
    pub rule: u32,
    /// Which operator of the rule.
    pub operator: Operator,
    /// Which criterion of the operator, from 0; `None` when all of them decided
    /// together.
    pub criterion: Option<u32>,
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}[{}].{}",
            self.action.name(),
            self.rule,
            self.operator.name()
        )?;
        self.criterion
            .map_or(Ok(()), |criterion| write!(f, "[{criterion}]"))
    }
}

/// As text.
impl Serialize for NodePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
