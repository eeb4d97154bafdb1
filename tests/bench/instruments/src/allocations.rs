//! Counts calls of the allocator.

use crate::{Case, Meter};
use core::cell::Cell;
#[cfg(feature = "mimalloc")]
use mimalloc::MiMalloc as Allocator;
#[cfg(not(feature = "mimalloc"))]
use std::alloc::System as Allocator;
use std::alloc::{GlobalAlloc, Layout};

thread_local! {
    /// Only what the measuring thread asks for counts.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The allocator, counted.
pub struct Counting;

// SAFETY: every call goes to the allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        unsafe { Allocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { Allocator.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        unsafe { Allocator.realloc(block, layout, size) }
    }
}

/// Counts what the work allocates.
struct Allocations(u64);

impl Meter for Allocations {
    fn measure(&mut self, work: &mut dyn FnMut()) {
        let before = CALLS.get();
        work();
        self.0 += CALLS.get() - before;
    }
}

/// Allocations of one operation, in a program whose allocator is [`Counting`].
#[must_use]
pub fn count(case: &Case) -> f64 {
    let mut run = (case.set_up)();
    // The first operation may make what all later ones use.
    run(1, &mut Allocations(0));
    let mut meter = Allocations(0);
    run(case.repeats, &mut meter);
    meter.0 as f64 / case.repeats as f64
}
