//! The loop that accepts connections. A client's broken connection never ends it, running out of file descriptors
//! slows it down instead of spinning, and no neighbourhood has all connections.

use std::io;
use std::sync::Arc;

use gradus_app::accounts::neighbourhood;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::connection::{self, Context};
use crate::places::Places;

/// Accepts until shutdown; each connection is a task of `connections`.
pub(super) async fn accept_until_shutdown(
    listener: &TcpListener,
    context: &Context,
    connections: &TaskTracker,
) {
    let places = Arc::new(Semaphore::new(context.limits.max_connections));
    let shares = Places::new(context.limits.max_connections_of_neighbourhood);
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
                let client = peer.ip().to_canonical();
                let share = shares.take(neighbourhood(client));
                if share.is_none() && !context.limits.proxies.contains(client) {
                    turn_away(&stream);
                    continue;
                }
                let context = context.clone();
                connections.spawn(async move {
                    connection::serve(stream, peer, context).await;
                    drop((place, share));
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

/// Says why, as far as that goes without waiting for anything: what has not been read yet may keep the client from
/// seeing it.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\n\
        Content-Type: text/plain\r\nContent-Length: 48\r\n\r\nToo many connections are open from your network.";
    if let Err(error) = stream.try_write(ANSWER) {
        tracing::debug!(%error, "a client was not told that it has too many connections");
    }
}

/// Whether the client went away between its request for a connection and our accepting it.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
