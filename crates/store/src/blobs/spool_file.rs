//! A file of incoming bytes, hashed and counted while it is written.

use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufWriter};

use super::spool::SpoolEntry;
use super::{Blob, BlobError};

/// How much is gathered before the file is written to; uploads arrive in smaller pieces.
const BUFFER_BYTES: usize = 256 << 10;

/// A file of the spool that is being written. Dropped before its end, it is removed.
#[derive(Debug)]
pub struct SpoolFile {
    writer: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
    durable: bool,
    entry: SpoolEntry,
}

impl SpoolFile {
    pub(super) async fn create(entry: SpoolEntry, durable: bool) -> Result<Self, BlobError> {
        let mut options = File::options();
        let file = options.write(true).create_new(true).open(entry.path()).await;
        let file = file.map_err(BlobError::file("create", entry.path()))?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self { writer, hasher: blake3::Hasher::new(), bytes: 0, durable, entry })
    }

    /// Appends these bytes.
    ///
    /// # Errors
    /// When they cannot be written, as on a full disk.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        self.writer.write_all(chunk).await.map_err(BlobError::file("write", self.entry.path()))?;
        self.hasher.update(chunk);
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// How many bytes have been written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Closes the file, flushed to the disk where the blob will be this very file.
    ///
    /// # Errors
    /// When what was written cannot be flushed.
    pub async fn finish(mut self) -> Result<SpooledBlob, BlobError> {
        self.writer.flush().await.map_err(BlobError::file("write", self.entry.path()))?;
        if self.durable {
            let flushed = self.writer.get_ref().sync_all().await;
            flushed.map_err(BlobError::file("flush", self.entry.path()))?;
        }
        let blob = Blob { hash: self.hasher.finalize().into(), bytes: self.bytes };
        Ok(SpooledBlob { blob, entry: self.entry })
    }
}

/// A finished file of the spool, whose hash is known. Dropped, it is removed.
#[derive(Debug)]
pub struct SpooledBlob {
    blob: Blob,
    entry: SpoolEntry,
}

impl SpooledBlob {
    /// The hash and the length of what was written.
    pub fn blob(&self) -> Blob {
        self.blob
    }

    /// Where it lies, for whoever looks at the content before it is stored.
    pub fn path(&self) -> &Path {
        self.entry.path()
    }
}

/// Appends everything that is read from a source; `path` is what an error names.
pub(super) async fn read_into(
    file: &mut SpoolFile,
    mut source: impl AsyncRead + Unpin,
    path: &Path,
) -> Result<(), BlobError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = source.read(&mut buffer).await.map_err(BlobError::file("read", path))?;
        if read == 0 {
            return Ok(());
        }
        file.write(&buffer[..read]).await?;
    }
}
