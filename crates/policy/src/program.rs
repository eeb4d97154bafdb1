//! The compiled form of a policy: plain data, named by its content.

mod facts;
mod intern;
mod path;
mod test;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use portcullis_document::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use intern::Programs;
pub use path::NodePath;
pub(crate) use test::Test;

use crate::ast::{Action, Operator};
use crate::plan::Plan;

/// A compiled policy. Cloning shares it. Two programs are equal when they hold
/// the same rules, wherever those stood in a file.
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
    spans: Arc<[(NodePath, Span)]>,
}

struct Inner {
    tree: Tree,
    /// How the tree is evaluated. Always made from the tree here, so that no
    /// program from elsewhere can bring another one.
    plan: Plan,
    digest: [u8; 32],
    asks_for_mcp: bool,
    asks_for_certificate: bool,
}

/// The content of a program: the terms in the order of the policy. What decides
/// nothing is not in it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    pub(crate) allow: Vec<Term>,
    pub(crate) deny: Vec<Term>,
}

/// One non-empty operator block of one rule. The terms of an action are
/// alternatives.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Term {
    pub(crate) rule: u32,
    pub(crate) operator: Operator,
    pub(crate) criteria: Vec<Criterion>,
}

/// One criterion, shared by the content and the way in which it is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Criterion(pub(crate) Arc<Test>);

impl Term {
    /// The place of the term, or of a criterion of it.
    pub(crate) const fn path(&self, action: Action, criterion: Option<u32>) -> NodePath {
        NodePath {
            action,
            rule: self.rule,
            operator: self.operator,
            criterion,
        }
    }
}

impl Tree {
    /// The terms of an action.
    pub(crate) fn terms(&self, action: Action) -> &[Term] {
        match action {
            Action::Allow => &self.allow,
            Action::Deny => &self.deny,
        }
    }
}

impl Program {
    /// The places of criteria and operators are kept out of the content: a policy
    /// that moves in its file stays the same policy.
    pub(crate) fn new(tree: Tree, mut spans: Vec<(NodePath, Span)>) -> Self {
        spans.sort_unstable_by_key(|(path, _)| *path);
        let digest = digest(&tree);
        let plan = Plan::new(&tree);
        Self {
            inner: Arc::new(Inner {
                asks_for_mcp: facts::asks_for_mcp(&tree),
                asks_for_certificate: facts::asks_for_certificate(&tree),
                tree,
                plan,
                digest,
            }),
            spans: spans.into(),
        }
    }

    /// SHA-256 of the canonical content: equal programs, and only those, have
    /// equal digests.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.inner.digest
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.inner.tree
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.inner.plan
    }

    /// Where the criterion or operator stood in its file; `None` where that is
    /// not known, as after decoding.
    #[must_use]
    pub fn span(&self, path: NodePath) -> Option<Span> {
        let found = self.spans.binary_search_by_key(&path, |(path, _)| *path).ok()?;
        self.spans.get(found).map(|(_, span)| *span)
    }
}

/// The hash of the content in its one serialised form. A change of that form
/// changes the first line, so that digests of two forms never meet.
fn digest(tree: &Tree) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"portcullis policy program 2\n");
    // A tree holds only texts, numbers and lists of them, which always serialise;
    // were that ever untrue, the content's debug form would still name it.
    let content = serde_json::to_vec(tree).unwrap_or_else(|_| format!("{tree:?}").into_bytes());
    context.update(&content);
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    digest
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.inner.digest == other.inner.digest
    }
}

impl Eq for Program {}

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Program")
            .field("digest", &hex::encode(self.inner.digest))
            .field("tree", &self.inner.tree)
            .finish_non_exhaustive()
    }
}

impl Serialize for Program {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.tree.serialize(serializer)
    }
}

/// Positions do not travel: a decoded program knows no spans.
impl<'de> Deserialize<'de> for Program {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Tree::deserialize(deserializer)?, Vec::new()))
    }
}

impl Serialize for Criterion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Criterion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Test::deserialize(deserializer).map(|test| Self(Arc::new(test)))
    }
}
