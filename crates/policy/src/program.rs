//! The compiled form of a policy: plain data, named by its content.

mod path;

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use portcullis_document::Span;
use portcullis_model::CidrSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use path::NodePath;

use crate::ast::{Action, Operator, TextField};
use crate::matcher::{Keyed, ListTest, TextTest, ValueChoice};

/// A compiled policy. Cloning shares it. Two programs are equal when they hold
/// the same rules, wherever those stood in a file.
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

struct Inner {
    tree: Tree,
    digest: [u8; 32],
    spans: Spans,
}

/// The content of a program. What decides nothing is not in it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    pub(crate) allow: Vec<Term>,
    pub(crate) deny: Vec<Term>,
}

/// One non-empty operator block of one rule. The terms of an action are
/// alternatives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Term {
    pub(crate) rule: u32,
    pub(crate) operator: Operator,
    pub(crate) members: Vec<Member>,
}

/// One criterion, or several that one look-up answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// The index of the (first) criterion within its block.
    pub(crate) at: u32,
    pub(crate) test: Test,
}

/// What a member asks of the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Test {
    Accept,
    Reject,
    AuthenticatedUser,
    CorsPreflight,
    SourceIp(CidrSet),
    /// Every test holds of the text.
    Text(TextField, Vec<TextTest>),
    /// Every test holds of the claim's values.
    Claim(Box<str>, Vec<ListTest>),
    /// Several criteria `field: {is: …}` of which one suffices.
    TextChoice(TextField, Keyed),
    /// Several criteria `claim/path: {has: …}` of which one suffices.
    ClaimChoice(Box<str>, ValueChoice),
}

/// Where each criterion stood, sorted by its path. Kept out of the content: a
/// policy that moves in its file stays the same policy.
pub(crate) type Spans = Vec<(NodePath, Span)>;

impl Program {
    pub(crate) fn new(tree: Tree, mut spans: Spans) -> Self {
        spans.sort_unstable_by_key(|(path, _)| *path);
        let digest = digest(&tree);
        Self {
            inner: Arc::new(Inner { tree, digest, spans }),
        }
    }

    /// SHA-256 of the canonical content: equal programs, and only those, have
    /// equal digests.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.inner.digest
    }

    /// The terms of an action.
    pub(crate) fn terms(&self, action: Action) -> &[Term] {
        match action {
            Action::Allow => &self.inner.tree.allow,
            Action::Deny => &self.inner.tree.deny,
        }
    }

    /// Where the criterion stood in its file; `None` for a route's own fields
    /// and after decoding.
    #[must_use]
    pub fn span(&self, path: NodePath) -> Option<Span> {
        let spans = &self.inner.spans;
        let found = spans.binary_search_by_key(&path, |(path, _)| *path).ok()?;
        spans.get(found).map(|(_, span)| *span)
    }
}

/// The hash of the content in its one serialised form. A change of that form
/// changes the first line, so that digests of two forms never meet.
fn digest(tree: &Tree) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"portcullis policy program 1\n");
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
        Ok(Self::new(Tree::deserialize(deserializer)?, Spans::new()))
    }
}
