//! Counts allocations by thread, for tests that require a path to make none. Only with the feature
//! `counting`. Not part of the recorder; it is in this crate because an allocator needs `unsafe`.
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

/// The system allocator with a count for each thread. Declare it as the global allocator.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    // Const and without a destructor, so that access does not allocate (std, `thread_local!`).
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Returns the number of allocations, reallocations included, that this thread has made.
pub fn allocations() -> u64 {
    COUNT.get()
}

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: every method passes its arguments to `System` and returns its result; the counter touches
// no other memory (std, `GlobalAlloc`; malloc(3)).
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
        // SAFETY: `block` came from `System` through the methods above, with this layout
        // (realloc(3)).
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above, of free(3).
        unsafe { System.dealloc(block, layout) }
    }
}
