//! Listening, connections and their limits, on hyper's HTTP/1. Knows nothing of routes, users or problems:
//! it is given a router, and a token that says when to stop.

mod accept;
mod connection;
mod inspect;
mod limits;
mod stall;
mod unread;

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use inspect::Refusal;
pub use limits::ServerLimits;

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Farewell {
    /// Connections that were still busy when the deadline passed, and were cut.
    pub cut_connections: usize,
}

/// Serves `router` on `listener` until `shutdown` is cancelled: then no connection is accepted any more, idle
/// ones are closed, busy ones may finish until [`ServerLimits::drain_deadline`], and the rest are cut.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
) -> Farewell {
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let drain_deadline = limits.drain_deadline;
    let context = connection::Context { router, limits: Arc::new(limits), shutdown, cut: cut.clone() };
    accept::accept_until_shutdown(&listener, &context, &connections).await;
    drop(listener);

    connections.close();
    let drained = timeout(drain_deadline, connections.wait()).await;
    let cut_connections = if drained.is_ok() { 0 } else { connections.len() };
    cut.cancel();
    connections.wait().await;
    Farewell { cut_connections }
}
