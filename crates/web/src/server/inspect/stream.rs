//! The stream between socket and parser: hands on what [`Framing`] admits, and a stand-in for what it
//! refuses. When it is closed in the middle of a request, it reads the rest for a moment.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::framing::{Framing, Violation};
use crate::server::ServerLimits;

/// What is read from the socket at once.
const READ_BYTES: usize = 16 * 1024;

pub(in crate::server) struct InspectedStream<S> {
    inner: S,
    framing: Framing,
    /// Bytes from the socket; the first `admitted` of them may go on.
    pending: BytesMut,
    admitted: usize,
    refused: bool,
    linger: Duration,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S> InspectedStream<S> {
    pub(in crate::server) fn new(inner: S, limits: &ServerLimits) -> Self {
        Self {
            inner,
            framing: Framing::new(limits.into()),
            pending: BytesMut::new(),
            admitted: 0,
            refused: false,
            linger: limits.linger,
            lingering: None,
        }
    }

    /// Looks at the bytes that are not admitted yet; there are none that are.
    fn inspect(&mut self) -> io::Result<()> {
        match self.framing.admit(&self.pending) {
            Ok(admitted) => self.admitted = admitted,
            Err(Violation::Head(refusal)) => {
                self.refused = true;
                self.pending.clear();
                self.pending.extend_from_slice(refusal.stand_in().as_bytes());
                self.admitted = self.pending.len();
            }
            Err(Violation::Body(refusal)) => {
                self.refused = true;
                return Err(io::Error::new(io::ErrorKind::InvalidData, refusal.detail()));
            }
        }
        Ok(())
    }

    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.admitted.min(buf.remaining());
        buf.put_slice(&self.pending[..count]);
        self.pending.advance(count);
        self.admitted -= count;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InspectedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.admitted > 0 {
                this.hand_on(buf);
                return Poll::Ready(Ok(()));
            }
            if this.refused {
                // The refusal is being answered, and ends the connection. An end of the stream here would
                // take the answer with it.
                return Poll::Pending;
            }
            if !this.pending.is_empty() {
                this.inspect()?;
                if this.admitted > 0 {
                    continue;
                }
            }
            this.pending.reserve(READ_BYTES);
            if ready!(poll_read_buf(Pin::new(&mut this.inner), cx, &mut this.pending))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for InspectedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Closing a socket that has unread bytes resets the connection, and the reset can overtake the answer
    /// on its way to a client that is still sending. So the rest is read, and thrown away, for a moment.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            if !this.refused && this.framing.is_between_requests() && this.pending.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger;
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(sleep(linger)));
        while lingering.as_mut().poll(cx).is_pending() {
            this.pending.clear();
            this.pending.reserve(READ_BYTES);
            let read = ready!(poll_read_buf(Pin::new(&mut this.inner), cx, &mut this.pending));
            if matches!(read, Ok(0) | Err(_)) {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}
