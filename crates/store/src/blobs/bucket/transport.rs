//! HTTP for buckets: hyper with rustls and the platform's certificates. It waits for a server only as long as
//! bytes keep moving, in either direction, so that a large blob may take its time and a dead server may not.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio::time::{Sleep, timeout};

use super::Refusal;

/// The longest wait for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait for the next bytes of a request or of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections that wait unused are closed before usual servers close them.
const IDLE_PATIENCE: Duration = Duration::from_secs(45);

/// What requests carry.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, HttpError>;

/// The server did not send or take anything for too long.
#[derive(Debug, thiserror::Error)]
#[error("the server did not answer for {} s", .0.as_secs())]
struct Silence(Duration);

/// Makes a transport for each client that the object store asks for.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|on| on == "true");
        let transport = Transport::new(allow_http).map_err(|refusal| object_store::Error::Generic {
            store: "S3",
            source: refusal.to_string().into(),
        })?;
        Ok(HttpClient::new(transport))
    }
}

/// A pool of connections. Clones share it.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client<HttpsConnector<TcpConnector>, RequestBody>,
    patience: Duration,
}

impl Transport {
    pub(super) fn new(allow_http: bool) -> Result<Self, Refusal> {
        let mut tcp = TcpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_PATIENCE));
        tcp.set_nodelay(true);
        // Whether an address may go without TLS is the next layer's to say.
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())
            .map_err(|error| Refusal::because(format!("TLS cannot be used: {error}")))?;
        let schemes = if allow_http { tls.https_or_http() } else { tls.https_only() };
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_PATIENCE)
            .build(schemes.enable_http1().wrap_connector(tcp));
        Ok(Self { client, patience: PATIENCE })
    }

    /// Sends a request and waits for the head of the answer, as long as its body is being taken.
    pub(super) async fn send(&self, request: Request<RequestBody>) -> Result<HttpResponse, HttpError> {
        let taken = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&taken);
        let request = request.map(|body| {
            let count = move |frame: Frame<Bytes>| {
                counter.fetch_add(1, Ordering::Relaxed);
                frame
            };
            body.map_frame(count).boxed_unsync()
        });
        let mut answer = std::pin::pin!(self.client.request(request));
        let mut taken_before = 0;
        let answer = loop {
            if let Ok(answer) = timeout(self.patience, answer.as_mut()).await {
                break answer.map_err(|error| {
                    let kind = match error.is_connect() {
                        true => HttpErrorKind::Connect,
                        false => HttpErrorKind::Interrupted,
                    };
                    HttpError::new(kind, error)
                })?;
            }
            let taken_now = taken.load(Ordering::Relaxed);
            if taken_now == taken_before {
                return Err(HttpError::new(HttpErrorKind::Timeout, Silence(self.patience)));
            }
            taken_before = taken_now;
        };
        let patience = self.patience;
        Ok(answer.map(|body| HttpResponseBody::new(Patient { body, patience, waiting: None })))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.send(request.map(|body| body.boxed_unsync())).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// A body that fails when nothing of it comes for too long.
struct Patient<B> {
    body: B,
    patience: Duration,
    /// Set while the next frame is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<B> Body for Patient<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            let interrupted = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            return Poll::Ready(frame.map(|frame| frame.map_err(interrupted)));
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, Silence(patience)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use futures_util::stream;
    use http_body_util::{Empty, StreamBody};

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn transport() -> Transport {
        Transport { patience: SHORT, ..Transport::new(true).unwrap() }
    }

    /// Reads from one connection until `until` has come, says `answer`, and keeps the connection open.
    fn server(until: &'static [u8], answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/x", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let (mut read, mut byte) = (Vec::new(), [0]);
            while !read.ends_with(until) {
                connection.read_exact(&mut byte).unwrap();
                read.push(byte[0]);
            }
            connection.write_all(answer).unwrap();
            // Ends when the client gives up.
            drop(connection.read(&mut byte));
        });
        address
    }

    fn get(address: &str) -> Request<RequestBody> {
        Request::get(address).body(Empty::new().map_err(|never| match never {}).boxed_unsync()).unwrap()
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_given_up() {
        let error = transport().send(get(&server(b"\r\n\r\n", b""))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
    }

    #[tokio::test]
    async fn a_server_that_stops_in_the_middle_of_its_answer_is_given_up() {
        let address = server(b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        let answer = transport().send(get(&address)).await.unwrap();
        let error = answer.into_body().bytes().await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
    }

    #[tokio::test]
    async fn a_body_that_takes_longer_than_the_patience_is_sent_as_long_as_it_moves() {
        let address = server(b"end", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let pieces = ["1", "2", "3", "4", "5", "6", "end"];
        let body = stream::unfold(pieces.into_iter(), |mut pieces| async {
            let piece = pieces.next()?;
            tokio::time::sleep(SHORT / 2).await;
            Some((Ok(Frame::data(Bytes::from_static(piece.as_bytes()))), pieces))
        });
        let request = Request::put(address).body(StreamBody::new(body).boxed_unsync()).unwrap();
        let answer = transport().send(request).await.unwrap();
        assert!(answer.status().is_success());
    }

    #[tokio::test]
    async fn nothing_is_sent_without_tls_unless_that_is_allowed() {
        let strict = Transport { patience: SHORT, ..Transport::new(false).unwrap() };
        let error = strict.send(get(&server(b"\r\n\r\n", b""))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Connect);
    }
}
