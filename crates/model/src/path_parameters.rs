//! What becomes of paths with parameters.

/// Whether a path may have parameters (`;` in a segment, RFC 3986 section 3.3), which
/// servers disagree about: some cut them off before they look at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathParameters {
    /// Such a request passes if it would with its parameters and without them.
    Allow,
    /// It is refused.
    Reject,
}
