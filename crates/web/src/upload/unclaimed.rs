//! How much of a form was read and belongs to none of its fields: its boundaries, the heads of its parts, and whatever
//! a client sends in their place. The reader of forms searches all of that in memory, so that it is held within bounds
//! here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

/// Far more than the heads of as many parts as a form may have.
const MOST_BYTES: u64 = 256 * 1024;

/// A body that goes on without becoming a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MOST_BYTES} bytes of the form belong to none of its fields")]
pub struct TooMuchUnclaimed;

/// The bytes of one form that were read and are in none of its fields, up to now.
#[derive(Debug, Clone, Default)]
pub(super) struct Unclaimed(Arc<AtomicU64>);

impl Unclaimed {
    /// Counts what is read of `body`, and fails it where more is read while too much is unclaimed.
    pub(super) fn counting(&self, body: Body) -> Body {
        Body::from_stream(self.counted(body.into_data_stream()))
    }

    /// Takes bytes off the count: they are a field's.
    pub(super) fn claim(&self, bytes: usize) {
        self.0.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    fn counted(
        &self,
        parts: impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
        let unclaimed = self.clone();
        parts.map(move |part| {
            let part = part?;
            let before = unclaimed.0.fetch_add(part.len() as u64, Ordering::Relaxed);
            if before > MOST_BYTES { Err(axum::Error::new(TooMuchUnclaimed)) } else { Ok(part) }
        })
    }
}
