//! Ctrl-C and SIGTERM: the first asks the work to stop at the next safe place, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Starts listening.
pub(crate) fn listen() {
    // Without a handler Ctrl-C still ends the program; checkpoints make that safe too.
    _ = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(crate::INTERRUPTED));
        }
        crate::console::line("\nStopping at the next safe place; press Ctrl-C again to end at once.");
    });
}

/// Whether the work should stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
