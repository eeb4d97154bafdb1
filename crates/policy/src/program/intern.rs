//! One copy of equal programs.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::{Inner, Program};

/// Gives equal programs one content, so that ten thousand routes with three
/// distinct policies hold three. A program that nobody uses any more is let go.
#[derive(Default)]
pub struct Programs {
    pub(super) known: HashMap<[u8; 32], Weak<Inner>>,
    /// When to look for programs that are gone: at twice as many as lived then.
    sweep_at: usize,
}

impl Programs {
    /// No programs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same program, with the content of an equal one that is known already.
    /// It keeps its own positions.
    #[must_use]
    pub fn intern(&mut self, program: Program) -> Program {
        let digest = program.digest();
        if let Some(inner) = self.known.get(&digest).and_then(Weak::upgrade) {
            return Program { inner, ..program };
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, inner| inner.strong_count() > 0);
            self.sweep_at = self.known.len().saturating_mul(2).max(64);
        }
        self.known.insert(digest, Arc::downgrade(&program.inner));
        program
    }

    /// How many distinct programs are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known
            .values()
            .filter(|inner| inner.strong_count() > 0)
            .count()
    }

    /// Whether no program is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl core::fmt::Debug for Programs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Programs")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
