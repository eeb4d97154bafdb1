//! What one document may cost.

/// Bounds on a document. Whatever is over one of them is refused, never cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text. The same number bounds the bytes that aliases copy.
    pub max_bytes: usize,
    /// Nested lists and maps, aliases expanded.
    pub max_depth: usize,
    /// Nodes (scalars, lists and maps) after the expansion of aliases. A subtree that has an anchor is
    /// kept for its aliases and counts once more.
    pub max_nodes: usize,
}

impl Default for Limits {
    /// 16 MiB, 64 levels, two million nodes: above 50,000 routes with a policy each, and far below what
    /// harms the process.
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024 * 1024,
            max_depth: 64,
            max_nodes: 2_000_000,
        }
    }
}
