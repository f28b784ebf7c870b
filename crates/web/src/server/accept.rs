//! The loop that accepts connections. A client's broken connection never ends it, and running out of file
//! descriptors slows it down instead of spinning.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::connection::{self, Context};

/// Accepts until shutdown; each connection is a task of `connections`.
pub(super) async fn accept_until_shutdown(
    listener: &TcpListener,
    context: &Context,
    connections: &TaskTracker,
) {
    let places = Arc::new(Semaphore::new(context.limits.max_connections));
    loop {
        let next = async {
            // A closed semaphore is the only error, and nobody closes this one.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = context.shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let context = context.clone();
                connections.spawn(async move {
                    connection::serve(stream, peer, context).await;
                    drop(place);
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(
                    %error,
                    pause_ms = context.limits.exhaustion_pause.as_millis(),
                    "no connection can be accepted: raise the limit of open files, or lower max_connections"
                );
                tokio::time::sleep(context.limits.exhaustion_pause).await;
            }
        }
    }
}

/// Whether the client went away between its request for a connection and our accepting it.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
