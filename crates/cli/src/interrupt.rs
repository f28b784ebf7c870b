//! Ctrl-C and SIGTERM: the first asks the work to stop at the next safe place, the second ends at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);
static WHEN_REQUESTED: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// Starts listening.
pub(crate) fn listen() {
    // Without a handler Ctrl-C still ends the program; checkpoints make that safe too.
    _ = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(crate::INTERRUPTED));
        }
        match WHEN_REQUESTED.get() {
            Some(tell) => tell(),
            None => {
                crate::console::line("\nStopping at the next safe place; press Ctrl-C again to end at once.");
            }
        }
    });
}

/// Has this called once the work should stop: for what waits rather than asks. It says what is to be said, too.
pub(crate) fn when_requested(tell: impl Fn() + Send + Sync + 'static) {
    // A command has one event loop; a second one would ask instead.
    _ = WHEN_REQUESTED.set(Box::new(tell));
    if requested() {
        WHEN_REQUESTED.get().into_iter().for_each(|tell| tell());
    }
}

/// Whether the work should stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
