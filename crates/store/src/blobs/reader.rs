//! A blob as a stream of chunks, with its length; a whole one is held against its hash as it is read.

use std::io::SeekFrom;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::{GetResult, GetResultPayload};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{BlobError, BlobHash};

/// Read from a file at a time: a task switch each, so not too little; held for each reader, so not too much.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// A blob, or a part of one, that is being read.
pub struct BlobReader {
    bytes: u64,
    chunks: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl BlobReader {
    /// How many bytes there are to read in all.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads to the end, into memory.
    ///
    /// # Errors
    /// As the stream: when the blob cannot be read, or is damaged.
    pub async fn into_bytes(mut self) -> Result<Bytes, BlobError> {
        let mut whole = BytesMut::with_capacity(usize::try_from(self.bytes).unwrap_or_default());
        while let Some(chunk) = self.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    pub(super) fn empty() -> Self {
        Self { bytes: 0, chunks: stream::empty().boxed() }
    }

    pub(super) fn unverified(hash: BlobHash, found: GetResult) -> Self {
        Self { bytes: found.range.end - found.range.start, chunks: chunks(hash, found) }
    }

    pub(super) fn verified(hash: BlobHash, found: GetResult) -> Self {
        let bytes = found.range.end - found.range.start;
        let check = Check { hash, hasher: blake3::Hasher::new(), held: None, chunks: chunks(hash, found) };
        Self { bytes, chunks: stream::try_unfold(check, Check::next).boxed() }
    }
}

impl Stream for BlobReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobReader").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Hashes what passes, and holds back the chunk that may be the last until it knows.
struct Check {
    hash: BlobHash,
    hasher: blake3::Hasher,
    held: Option<Bytes>,
    chunks: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl Check {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BlobError> {
        while let Some(chunk) = self.chunks.try_next().await? {
            self.hasher.update(&chunk);
            if let Some(before) = self.held.replace(chunk) {
                return Ok(Some((before, self)));
            }
        }
        let found = self.hasher.finalize().into();
        if found != self.hash {
            return Err(BlobError::Damaged { hash: self.hash, found });
        }
        Ok(self.held.take().map(|last| (last, self)))
    }
}

fn chunks(hash: BlobHash, found: GetResult) -> BoxStream<'static, Result<Bytes, BlobError>> {
    match found.payload {
        GetResultPayload::Stream(stream) => stream.map_err(BlobError::reading(hash)).boxed(),
        GetResultPayload::File(file, path) => {
            let range = found.range;
            let opened = async move {
                let mut file = File::from_std(file);
                file.seek(SeekFrom::Start(range.start)).await?;
                let part = file.take(range.end - range.start);
                Ok::<_, std::io::Error>(ReaderStream::with_capacity(part, CHUNK_BYTES))
            };
            let chunks = stream::once(opened).try_flatten();
            chunks.map_err(move |error| BlobError::file("read", &path)(error)).boxed()
        }
    }
}
