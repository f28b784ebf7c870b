//! The wish to stop, for what runs in an event loop.

use tokio_util::sync::CancellationToken;

use crate::interrupt;

/// Who hears of the wish to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// A process that people started: its log says so.
    OnItsOwn,
    /// A process of a server, which says so for all.
    Supervised,
}

/// A token that is cancelled by the first Ctrl-C or SIGTERM.
pub(crate) fn cancelled_by_signals(hearing: Hearing) -> CancellationToken {
    let token = CancellationToken::new();
    interrupt::when_requested({
        let token = token.clone();
        move || {
            if hearing == Hearing::OnItsOwn {
                tracing::info!("stopping at the next safe place; a second signal ends at once");
            }
            token.cancel();
        }
    });
    token
}
