//! What is in the place for blobs, for checks and for clearing up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::{Blob, BlobError, BlobHash};

/// Something that lies where blobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedBlob {
    /// A blob, by its key; whether its content is right is not known.
    Blob {
        /// Which one, and its length.
        blob: Blob,
        /// When it was stored last, by the clock of the place. One stored a moment ago may belong to a row
        /// that is not committed yet.
        stored_at: DateTime<Utc>,
    },
    /// Something that no blob store wrote there.
    Stray {
        /// Its key, without the prefix.
        key: String,
    },
}

/// A stream of what lies where blobs are kept.
pub struct Listing(BoxStream<'static, Result<ListedBlob, BlobError>>);

impl Stream for Listing {
    type Item = Result<ListedBlob, BlobError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listing")
    }
}

pub(super) fn list(objects: &Arc<dyn ObjectStore>, prefix: &str) -> Listing {
    let under = Path::from(prefix.trim_end_matches('/'));
    let prefix = prefix.to_owned();
    let found = objects.list(Some(&under)).map_ok(move |object| listed(&object, &prefix));
    Listing(found.map_err(BlobError::objects("list blobs")).boxed())
}

fn listed(object: &ObjectMeta, prefix: &str) -> ListedBlob {
    let key = object.location.as_ref();
    let key = key.strip_prefix(prefix).unwrap_or(key);
    match BlobHash::from_key(key) {
        Some(hash) => {
            ListedBlob::Blob { blob: Blob { hash, bytes: object.size }, stored_at: object.last_modified }
        }
        None => ListedBlob::Stray { key: key.to_owned() },
    }
}
