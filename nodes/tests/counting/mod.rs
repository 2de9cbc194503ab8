//! An allocator that counts what a thread asks of it while it is watched: what shows that an audio
//! callback neither allocates nor gives memory back. The tests of the plug-in have it too, by its path.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Whether this thread is watched.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    /// How often it asked for memory, or gave it back, meanwhile.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

struct Guard;

fn count() {
    if WATCHED.get() {
        CALLS.set(CALLS.get() + 1);
    }
}

// SAFETY: every call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static GUARD: Guard = Guard;

/// How often `work` asks for memory or gives it back.
pub(crate) fn allocations(work: impl FnOnce()) -> u64 {
    CALLS.set(0);
    WATCHED.set(true);
    work();
    WATCHED.set(false);
    CALLS.get()
}
