//! Counts allocations by thread, for tests that hold a path to making none. Only the feature
//! `counting` brings it: it is no part of the recorder, and lives here because an allocator cannot
//! be written without `unsafe`.
//!
//! ```
//! use sysreel_sys::counting::{self, Counting};
//!
//! #[global_allocator]
//! static COUNTING: Counting = Counting;
//!
//! let before = counting::allocations();
//! drop(std::hint::black_box(Box::new(1)));
//! assert_eq!(counting::allocations() - before, 1);
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a count for each thread. To be declared as the global allocator.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    // Const and without a destructor: to reach it allocates nothing (std, `thread_local!`).
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How many allocations, reallocations included, this thread has made since it began.
pub fn allocations() -> u64 {
    COUNT.get()
}

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: every method hands its arguments on to `System` and returns what that answers; the count
// in between touches no memory but its own (std, `GlobalAlloc`; malloc(3)).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is that of malloc(3)
        // with a size that is not 0.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above, of calloc(3).
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: `block` came from `System` through the methods above, with this layout:
        // realloc(3).
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above, of free(3).
        unsafe { System.dealloc(block, layout) }
    }
}
