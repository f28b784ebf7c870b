//! One connection from its first byte to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::ServerLimits;
use super::inspect::InspectedStream;
use super::stall::StallGuard;
use super::unread;

/// What every connection shares.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) router: Router,
    pub(super) limits: Arc<ServerLimits>,
    /// Finish the request at hand, then close.
    pub(super) shutdown: CancellationToken,
    /// Close now.
    pub(super) cut: CancellationToken,
}

/// Answers the requests of one connection, one after the other.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, context: Context) {
    // Answers are written in whole parts; waiting to fill a packet would only delay small ones.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the client went away before its first request");
        return;
    }
    let limits = &context.limits;
    let stream = StallGuard::new(stream, limits.write_stall_timeout);
    let stream = InspectedStream::new(stream, limits);
    let router = context.router.clone();
    let answer = service_fn(move |request| answer(router.clone(), peer, request));
    let mut connection = pin!(protocol(limits).serve_connection(TokioIo::new(stream), answer));

    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = context.cut.cancelled() => return,
            () = context.shutdown.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        // Clients vanish, time out and send nonsense all day: worth a line only to who looks for it.
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (mut request, unread) = unread::lend(request);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await?;
    Ok(unread.settle(response).await)
}

fn protocol(limits: &ServerLimits) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_header_size(limits.max_head_bytes)
        .max_headers(limits.max_headers);
    protocol
}
