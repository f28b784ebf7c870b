//! The wish to stop, for what runs in an event loop.

use tokio_util::sync::CancellationToken;

use crate::interrupt;

/// A token that is cancelled by the first Ctrl-C or SIGTERM.
pub(crate) fn cancelled_by_signals() -> CancellationToken {
    let token = CancellationToken::new();
    interrupt::when_requested({
        let token = token.clone();
        move || token.cancel()
    });
    token
}
